"""`goeswith key`: a new API key for the service."""

from typing import Annotated

import typer

from goeswith.cli.options import Json


def command(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Name of the client: letters, digits, '.', '_', '-'."),
    ],
    json: Json = False,
) -> None:
    """Print a new API key, once, and its line for the file of keys.

        goeswith key web-shop

    Add the line to the file of the setting serve.keys_file; the service reads a changed file by
    itself. The key is not stored anywhere.
    """
    from goeswith.cli.output import print_json
    from goeswith.serve.api_keys import new_key

    key, line = new_key(name)
    if json:
        print_json({"key": key, "line": line})
    else:
        typer.echo(f"key:  {key}")
        typer.echo(f"line: {line}")
