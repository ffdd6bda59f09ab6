"""`goeswith recommend`: what goes with a product, a basket or a new product, with the evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

if TYPE_CHECKING:
    from goeswith.query.answer import Answer
    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints


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
    per_type: int | None = typer.Option(None, min=1, help="At most so many of one type."),
    diversity: float | None = typer.Option(
        None, min=0, max=1, help="How much less each further product of one type counts."
    ),
    session: str | None = typer.Option(
        None,
        help="What was looked at, oldest first, such as a,b,c: answer what comes next. An id with "
        "a comma stands in double quotes.",
    ),
    new: Path | None = typer.Option(
        None, help="JSON file with the attributes of a product that the catalogue does not hold."
    ),
    similars: bool = typer.Option(
        False, "--similars", help="What stands for the product, instead of what goes with it."
    ),
    reverse: bool = typer.Option(
        False, "--reverse", help="The products that this one goes with, instead."
    ),
    explain: bool = typer.Option(
        False,
        "--explain",
        help="Show a sentence for shoppers: the one that `goeswith explain` kept, else a "
        "template's.",
    ),
    json: bool = typer.Option(False, "--json", help="Print JSON, evidence and all."),
) -> None:
    """Say what goes with a product, best first, each answer with its evidence.

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
    opened = _opened(bundle, explain)
    most = k or min(10, opened.k)
    constraints = None
    if narrowed:
        from goeswith.query.constraints import Constraints

        constraints = Constraints.of(where, ban, pin, per_type, diversity)
    key, asked = "complements", dict[str, Any]()
    if similars or reverse:
        row = opened.products.row(ids[0])
        asked, label = {"product": _named(opened, row)}, opened.products.label(row)
        key = "similars" if similars else "sources"
        answers = (
            opened.similars(ids[0], most, constraints) if similars else opened.reverse(ids[0], most)
        )
    elif session is not None:
        key = "next"
        answers, asked, label = _about_session(opened, session, most, constraints)
    elif new is not None:
        answers, asked, label = _about_new(opened, new, most, constraints)
    elif len(ids) == 1:
        answers = opened.complements(ids[0], most, constraints)
        row = opened.products.row(ids[0])
        asked, label = {"product": _named(opened, row)}, opened.products.label(row)
    else:
        answers = opened.basket(ids, most, constraints)
        rows = [opened.products.row(product_id) for product_id in dict.fromkeys(ids)]
        asked = {"basket": [_named(opened, row) for row in rows]}
        label = ", ".join(opened.products.label(row) for row in rows)
    if json:
        from dataclasses import asdict
        from json import dumps

        content = {
            "bundle": opened.id,
            **asked,
            key: [asdict(answer) for answer in answers],
        }
        typer.echo(dumps(content, indent=2, ensure_ascii=False))
        return
    from goeswith.cli.output import answers_table, console

    if answers:
        title = _TITLES[key].format(label).replace("[", r"\[")
        console().print(answers_table(title, answers, goes_with=len(ids) > 1, explained=explain))
    else:
        said = " that meets what was asked for" if narrowed else ""
        nothing = _NOTHING.get(key, "go with")
        typer.echo(f"nothing is known to {nothing} {label}{said}")


_TITLES: Final = {
    "complements": "What goes with {}",
    "similars": "What stands for {}",
    "sources": "What {} goes with",
    "next": "What comes next after {}",
}
_NOTHING: Final = {
    "similars": "stand for",
    "sources": "have as its complement",
    "next": "come next after",
}


def _opened(path: Path, explain: bool) -> Bundle:
    from goeswith.query.bundle import Bundle

    bundle = Bundle.open(path)
    bundle.explanations.always = explain
    return bundle


def _about_session(
    bundle: Bundle, text: str, k: int, constraints: Constraints | None
) -> tuple[list[Answer], dict[str, Any], str]:
    import csv

    # parted by commas, as in a line of CSV
    ids = [product_id.strip() for line in csv.reader([text]) for product_id in line]
    answers: list[Answer] = [*bundle.session(ids, k, constraints)]
    rows = [bundle.products.row(product_id) for product_id in ids]
    label = ", ".join(bundle.products.label(row) for row in rows)
    return answers, {"session": [_named(bundle, row) for row in rows]}, label


def _check_one(ids: list[str], both: bool, shaped: bool) -> None:
    from goeswith.core.errors import ConfigError

    if both:
        raise ConfigError("give one of --similars and --reverse")
    if len(ids) != 1:
        raise ConfigError("--similars and --reverse are of one product of the catalogue")
    if shaped:
        raise ConfigError("--similars takes filters and bans, no pins, quotas or diversity")


def _named(bundle: Bundle, row: int) -> dict[str, Any]:
    products = bundle.products
    return {
        "product_id": products.ids[row],
        "title": products.title(row),
        "type": products.type(row),
    }


def _about_new(
    bundle: Bundle, file: Path, k: int, constraints: Constraints | None
) -> tuple[list[Answer], dict[str, Any], str]:
    from goeswith.data.attributes_file import read_attributes

    attributes = read_attributes(file)
    answers = bundle.complements_of_new(attributes, k, constraints)
    name = str(attributes.get("title") or attributes.get("product_id") or "the new product")
    return answers, {"product": attributes}, name
