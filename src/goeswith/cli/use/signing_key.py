"""`goeswith signing-key`: a key pair that signs bundles."""

from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.options import Json


def command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="New file for the private key (PEM).")
    ],
    json: Json = False,
) -> None:
    """Write a new private key, and print its public key.

        goeswith signing-key signing.pem

    Where the environment variable GOESWITH_SIGNING_KEY is the path of the file, `fit`, `update`,
    `add` and `explain` sign what they publish. A service whose setting serve.trusted_keys lists
    the public key refuses every other bundle.
    """
    from goeswith.cli.output import print_json
    from goeswith.core.signatures import write_new_key

    public_key = write_new_key(file)
    if json:
        print_json({"file": str(file), "public_key": public_key})
    else:
        typer.echo(f"private key: {file}")
        typer.echo(f"public key:  {public_key}")
