"""The command line: arguments in, calls out, no logic.

Each command is a module that imports its dependencies when it runs.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import typer

from goeswith.cli.relevance import app as relevance
from goeswith.core.errors import GoesWithError
from goeswith.core.version import __version__

COMMANDS: Final = {
    "import": "import_data",
    "relations": "relations",
    "fit": "fit",
    "update": "update",
    "add": "add",
    "explain": "explain",
    "recommend": "recommend",
    "search": "search",
    "export": "export",
    "inspect": "inspect_bundle",
    "benchmark": "benchmark",
    "models": "models",
    "serve": "serve",
    "key": "key",
    "demo": "demo",
    "config": "config",
    "doctor": "doctor",
}
"""Command -> module of goeswith.cli that holds its function `command`."""

app = typer.Typer(
    name="goeswith",
    help="What goes with this product? Complements in the right direction, with evidence.",
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
    """What goes with this product? Complements in the right direction, with evidence."""
    if trust:
        from goeswith.models import MODELS

        for spec in trust:
            MODELS.trust(spec)


for _name, _module in COMMANDS.items():
    app.command(_name)(import_module(f"goeswith.cli.{_module}").command)
app.add_typer(relevance, name="relevance")


def main() -> None:
    """Run the command line; an error that a person can mend ends with exit code 2."""
    try:
        app()
    except GoesWithError as error:
        from rich.console import Console
        from rich.text import Text

        Console(stderr=True, soft_wrap=True).print(
            Text.assemble(("error: ", "bold red"), str(error))
        )
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("interrupted; whatever was there before is unchanged", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
