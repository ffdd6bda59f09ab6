"""`goeswith key`: a key for one who may ask the service."""

import typer


def command(
    name: str = typer.Argument(help="Whose key; letters, digits, '.', '_' and '-'."),
) -> None:
    """Print a new key, once, and the line that lets it in.

    The line goes into the file that serve.keys_file names; the service reads a changed file by
    itself. The key goes to its bearer and is kept nowhere.
    """
    from goeswith.serve.api_keys import new_key

    key, line = new_key(name)
    typer.echo(f"key:  {key}")
    typer.echo(f"line: {line}")
