"""The command line: arguments in, calls out, no logic.

The module of a command is imported when it runs, and imports its dependencies when it does.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn

import typer
import typer.main
from typer.core import TyperGroup

from goeswith.cli.plain_help import PlainCommand, PlainGroup
from goeswith.cli.summaries import SUMMARIES
from goeswith.core.errors import GoesWithError
from goeswith.core.printable import printable
from goeswith.core.storage_errors import storage_message
from goeswith.core.system_faults import system_fault
from goeswith.core.version import __version__

COMMANDS: Final = {
    "import": "build.import_data",
    "relations": "build.relations",
    "fit": "build.fit",
    "update": "build.update",
    "follow": "build.follow_command",
    "add": "build.add",
    "explain": "build.explain",
    "recommend": "use.recommend",
    "search": "use.search",
    "export": "use.export",
    "inspect": "use.inspect_bundle",
    "bundles": "shop.bundles",
    "health": "shop.health",
    "facts": "shop.facts",
    "rules": "shop.rules_app",
    "benchmark": "build.benchmark",
    "evaluate-policy": "measure.evaluate_policy",
    "results": "measure.results_command",
    "experiment": "measure.experiment_app",
    "forget": "measure.forget_command",
    "models": "models",
    "serve": "use.serve",
    "mcp": "use.mcp",
    "key": "use.key",
    "signing-key": "use.signing_key",
    "demo": "build.demo",
    "config": "config",
    "doctor": "doctor",
    "relevance": "build.relevance",
    "kinds": "kinds.kinds_app",
    "label": "label.label_app",
    "data": "data.data_app",
}
"""Command -> module of goeswith.cli with its function `command`, or with its group `app`."""

HELP: Final = "Complementary products from a shop's catalogue and purchase log, with evidence."


class CommandGroup(PlainGroup):
    """The commands, imported one by one."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # the names alone: for suggestions and completion
        self.commands: dict[str, Any] = dict.fromkeys(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        if self.commands[cmd_name] is None:
            module = import_module(f"goeswith.cli.{COMMANDS[cmd_name]}")
            found = getattr(module, "app", None)
            if found is None:
                found = typer.Typer(add_completion=False, rich_markup_mode="markdown")
                kind = getattr(module, "COMMAND_CLASS", PlainCommand)
                found.command(cmd_name, cls=kind)(module.command)
            self.commands[cmd_name] = typer.main.get_command(found)
            self.commands[cmd_name].name = cmd_name
        return self.commands[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Plain text: the renderer of the other pages takes longer to import than all the rest."""
        super(TyperGroup, self).format_help(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands with their summaries, which are stored beside them."""
        rows = [
            (name, SUMMARIES.get(name) or self.get_command(ctx, name).get_short_help_str(200))
            for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


app = typer.Typer(
    name="goeswith",
    cls=CommandGroup,
    help=HELP,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"goeswith {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
    trust: list[str] = typer.Option(
        [],
        envvar="GOESWITH_TRUST",
        metavar="MODULE:CLASS",
        help="A model outside goeswith that a bundle may load; repeatable.",
    ),
) -> None:
    """Complementary products from a shop's catalogue and purchase log, with evidence."""
    if trust:
        from goeswith.models import MODELS

        for spec in trust:
            MODELS.trust(spec)


def main() -> None:
    """Run the command line; an error that a person can mend ends with exit code 2."""
    show = warnings.showwarning
    warnings.showwarning = _show_warning
    try:
        app()
    except GoesWithError as error:
        _end_with_error(str(error))
    except Exception as error:
        remedy = system_fault(error) or storage_message(error, Path.cwd())
        if remedy is None:
            raise
        _end_with_error(remedy)
    except KeyboardInterrupt:
        typer.echo("interrupted; whatever was there before is unchanged", err=True)
        sys.exit(130)
    finally:
        warnings.showwarning = show


def _end_with_error(message: str) -> NoReturn:
    from rich.console import Console
    from rich.text import Text

    text = Text.assemble(("error: ", "bold red"), printable(message))
    Console(stderr=True, soft_wrap=True).print(text)
    sys.exit(2)


def _show_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    """Print a warning for users without the line of code that gave it."""
    typer.echo(f"warning: {printable(str(message))}", err=True)


if __name__ == "__main__":
    main()
