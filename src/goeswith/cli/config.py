"""`goeswith config`: the project file, written or checked."""

from pathlib import Path

import typer


def command(
    out: Path | None = typer.Option(None, help="Write the file here instead of printing it."),
    check: Path | None = typer.Option(None, help="Check this project file instead."),
) -> None:
    """Print a project file with every setting at its default, or check one.

    A file `goeswith.toml` in the working folder is read by every command.
    """
    from goeswith.core.atomic_files import write_text
    from goeswith.core.errors import ConfigError
    from goeswith.settings.project_file import default_toml, load_settings

    if check is not None:
        load_settings(check)
        typer.echo(f"{check}: every key exists and every value is in range")
    elif out is None:
        typer.echo(default_toml(), nl=False)
    elif out.exists():
        raise ConfigError(f"{out} is there already; name another file, or remove it first")
    else:
        write_text(default_toml(), out)
        typer.echo(f"wrote {out}")
