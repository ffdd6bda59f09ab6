"""`goeswith config`: the project file, written or checked."""

from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.options import Json


def command(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write the file here instead of printing it."
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every setting, those of each model included.")
    ] = False,
    check: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Check this project file instead.")
    ] = None,
    json: Json = False,
) -> None:
    """Print a project file with the settings that most shops need, at their defaults.

        goeswith config -o goeswith.toml

    A file `goeswith.toml` in the working folder is read by every command.
    """
    from goeswith.cli.output import Output, print_json
    from goeswith.core.atomic_files import write_text
    from goeswith.core.errors import ConfigError
    from goeswith.settings.default_file import default_settings, default_toml
    from goeswith.settings.project_file import load_settings

    output = Output(json)
    if check is not None:
        load_settings(check)
        record = {"file": str(check), "valid": True}
        output.summary(record, f"{check}: every key exists and every value is in range")
        return
    if out is not None:
        if out.exists():
            raise ConfigError(f"{out} exists already; name another file, or remove it first")
        write_text(default_toml(every=every), out)
        output.say(f"wrote {out}")
    if json:
        print_json(default_settings(every=every))
    elif out is None:
        typer.echo(default_toml(every=every), nl=False)
