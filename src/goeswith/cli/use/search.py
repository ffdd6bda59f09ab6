"""`goeswith search`: products by words of their titles and ids."""

from pathlib import Path

import typer


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    words: list[str] = typer.Argument(
        help="Words, prefixes of words or an id; typing errors are allowed.", metavar="WORDS..."
    ),
    k: int = typer.Option(10, "-k", min=1, max=100, help="How many products."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Find products by their titles and ids."""
    from dataclasses import asdict

    from goeswith.query.bundle import Bundle

    opened, query = Bundle.open(bundle), " ".join(words)
    found = [asdict(brief) for brief in opened.search(query, k)]
    if json:
        from json import dumps

        content = {"bundle": opened.id, "query": query, "products": found}
        typer.echo(dumps(content, indent=2, ensure_ascii=False))
    elif found:
        from goeswith.cli.output import console, records_table

        title = f"Products for {query}".replace("[", r"\[")
        console().print(records_table(title, found))
    else:
        typer.echo(f"no product has a word like {query!r} in its title or id")
