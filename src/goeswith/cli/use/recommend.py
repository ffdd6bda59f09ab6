"""`goeswith recommend`: what goes with a product, a basket or a new product, with the evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

if TYPE_CHECKING:
    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints
    from goeswith.query.recommendation import Recommendation


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    products: list[str] | None = typer.Argument(
        None, help="A product id; several are a basket.", metavar="PRODUCT..."
    ),
    k: int | None = typer.Option(None, "-k", min=1, help="How many answers; 10 unless set."),
    where: list[str] = typer.Option(
        [], help="A filter on attributes, such as price<=20 or 'brand in Mu|Nu'; repeatable."
    ),
    ban: list[str] = typer.Option([], help="A product never to show; repeatable."),
    pin: list[str] = typer.Option([], help="A product to show first; repeatable."),
    per_type: int | None = typer.Option(None, min=1, help="Maximum per type."),
    diversity: float | None = typer.Option(
        None, min=0, max=1, help="How much less each further product of one type counts."
    ),
    session: str | None = typer.Option(
        None,
        help="Products of a session, oldest first, such as a,b,c: recommend the next product. An "
        "id with a comma needs double quotes.",
    ),
    new: Path | None = typer.Option(
        None, help="JSON file with the attributes of a product that the catalogue does not hold."
    ),
    similars: bool = typer.Option(
        False, "--similars", help="Substitutes of the product, instead of complements."
    ),
    reverse: bool = typer.Option(
        False, "--reverse", help="The products that this one goes with, instead."
    ),
    explain: bool = typer.Option(
        False,
        "--explain",
        help="Show a sentence for shoppers: from `goeswith explain`, or else from a template.",
    ),
    json: bool = typer.Option(False, "--json", help="Print JSON, evidence and all."),
) -> None:
    """Recommend complements of a product, best first, each with its evidence.

    With several products: what goes with all of them together. With --session: what comes next.
    """
    from goeswith.core.errors import ConfigError

    ids = products or []
    if [bool(ids), new is not None, session is not None].count(True) != 1:
        raise ConfigError(
            "name a product, or several for a basket, or give --session A,B,C or --new FILE"
        )
    narrowed = bool(where or ban or pin or per_type is not None or diversity is not None)
    if similars or reverse:
        _check_one(ids, similars and reverse, bool(pin or per_type or diversity is not None))
        if reverse and narrowed:
            raise ConfigError("--reverse takes no filters, bans or pins")
    opened = _open_bundle(bundle, explain)
    count = k or min(10, opened.k)
    answers: list[Recommendation]
    constraints = None
    if narrowed:
        from goeswith.query.constraints import Constraints

        constraints = Constraints.from_text(where, ban, pin, per_type, diversity)
    key, query = "complements", dict[str, Any]()
    if similars or reverse:
        row = opened.products.row(ids[0])
        query, label = {"product": _product_fields(opened, row)}, opened.products.label(row)
        key = "similars" if similars else "sources"
        answers = (
            opened.similars(ids[0], count, constraints)
            if similars
            else opened.reverse(ids[0], count)
        )
    elif session is not None:
        key = "next"
        answers, query, label = _recommend_session(opened, session, count, constraints)
    elif new is not None:
        answers, query, label = _recommend_new(opened, new, count, constraints)
    elif len(ids) == 1:
        answers = opened.complements(ids[0], count, constraints)
        row = opened.products.row(ids[0])
        query, label = {"product": _product_fields(opened, row)}, opened.products.label(row)
    else:
        answers = opened.basket(ids, count, constraints)
        rows = [opened.products.row(product_id) for product_id in dict.fromkeys(ids)]
        query = {"basket": [_product_fields(opened, row) for row in rows]}
        label = ", ".join(opened.products.label(row) for row in rows)
    if json:
        from dataclasses import asdict
        from json import dumps

        content = {
            "bundle": opened.id,
            **query,
            key: [asdict(answer) for answer in answers],
        }
        typer.echo(dumps(content, indent=2, ensure_ascii=False))
        return
    from goeswith.cli.output import console, recommendations_table

    if answers:
        title = _TITLES[key].format(label).replace("[", r"\[")
        console().print(
            recommendations_table(title, answers, goes_with=len(ids) > 1, explained=explain)
        )
    else:
        condition = " that meets the constraints" if narrowed else ""
        nothing = _EMPTY_RELATION.get(key, "go with")
        typer.echo(f"nothing is known to {nothing} {label}{condition}")


_TITLES: Final = {
    "complements": "What goes with {}",
    "similars": "What stands for {}",
    "sources": "What {} goes with",
    "next": "What comes next after {}",
}
_EMPTY_RELATION: Final = {
    "similars": "stand for",
    "sources": "have as its complement",
    "next": "come next after",
}


def _open_bundle(path: Path, explain: bool) -> Bundle:
    from goeswith.query.bundle import Bundle

    bundle = Bundle.open(path)
    bundle.explanations.use_templates = explain
    return bundle


def _recommend_session(
    bundle: Bundle, text: str, k: int, constraints: Constraints | None
) -> tuple[list[Recommendation], dict[str, Any], str]:
    import csv

    # parted by commas, as in a line of CSV
    ids = [product_id.strip() for line in csv.reader([text]) for product_id in line]
    answers: list[Recommendation] = [*bundle.session(ids, k, constraints)]
    rows = [bundle.products.row(product_id) for product_id in ids]
    label = ", ".join(bundle.products.label(row) for row in rows)
    return answers, {"session": [_product_fields(bundle, row) for row in rows]}, label


def _check_one(ids: list[str], both: bool, shaped: bool) -> None:
    from goeswith.core.errors import ConfigError

    if both:
        raise ConfigError("give one of --similars and --reverse")
    if len(ids) != 1:
        raise ConfigError("--similars and --reverse are of one product of the catalogue")
    if shaped:
        raise ConfigError("--similars takes filters and bans, no pins, quotas or diversity")


def _product_fields(bundle: Bundle, row: int) -> dict[str, Any]:
    products = bundle.products
    return {
        "product_id": products.ids[row],
        "title": products.title(row),
        "type": products.type(row),
    }


def _recommend_new(
    bundle: Bundle, file: Path, k: int, constraints: Constraints | None
) -> tuple[list[Recommendation], dict[str, Any], str]:
    from goeswith.data.attributes_file import read_attributes

    attributes = read_attributes(file)
    answers = bundle.complements_of_new(attributes, k, constraints)
    name = str(attributes.get("title") or attributes.get("product_id") or "the new product")
    return answers, {"product": attributes}, name
