"""`goeswith key`: a new API key for the service."""

import typer


def command(
    name: str = typer.Argument(help="Whose key; letters, digits, '.', '_' and '-'."),
) -> None:
    """Print a new key, once, and the line that lets it in.

    Add the line to the file of the setting serve.keys_file; the service reads a changed file by
    itself. The key is not stored anywhere.
    """
    from goeswith.serve.api_keys import new_key

    key, line = new_key(name)
    typer.echo(f"key:  {key}")
    typer.echo(f"line: {line}")
