"""`goeswith recommend`: what goes with a product, with the evidence."""

from pathlib import Path

import typer


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    product: str = typer.Argument(help="A product id."),
    k: int | None = typer.Option(None, "-k", min=1, help="How many answers; 10 unless set."),
    json: bool = typer.Option(False, "--json", help="Print JSON, evidence and all."),
) -> None:
    """Say what goes with a product, best first, each answer with its evidence."""
    from goeswith.bundle.bundle import Bundle

    opened = Bundle.open(bundle)
    answers = opened.complements(product, k or min(10, opened.k))
    row = opened.products.row(product)
    if json:
        from dataclasses import asdict
        from json import dumps

        asked = {
            "product_id": product,
            "title": opened.products.title(row),
            "type": opened.products.type(row),
        }
        content = {
            "bundle": opened.id,
            "product": asked,
            "complements": [asdict(answer) for answer in answers],
        }
        typer.echo(dumps(content, indent=2, ensure_ascii=False))
        return
    from goeswith.cli.show import answers_table, console

    if answers:
        title = f"What goes with {opened.products.label(row)}".replace("[", r"\[")
        console().print(answers_table(title, answers))
    else:
        typer.echo(f"nothing is known to go with {opened.products.label(row)}")
