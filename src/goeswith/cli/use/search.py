"""`goeswith search`: products by words of their titles and ids."""

from typing import Annotated

import typer

from goeswith.cli.options import BundlePath, Json


def command(
    bundle: BundlePath,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS...", help="Words, prefixes of words or an id; typing errors are allowed."
        ),
    ],
    k: Annotated[
        int, typer.Option("-k", min=1, max=100, metavar="N", help="How many products.")
    ] = 10,
    json: Json = False,
) -> None:
    """Find products by their titles and ids.

        goeswith search bundle phone case

    A word may be a prefix or have a typing error.
    """
    from dataclasses import asdict

    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Table
    from goeswith.query.bundle import Bundle

    opened, query = Bundle.open(bundle), " ".join(words)
    found = [asdict(product) for product in opened.search(query, k)]
    output = Output(json)
    table = Table(f"Products for {query}", found, fields=("product_id", "title", "type"))
    document = {"bundle": opened.id, "query": query, "products": found}
    output.result(table, document, shown=[table] if found else [])
    if not found:
        output.say(f"no product has a word like {query!r} in its title or id")
