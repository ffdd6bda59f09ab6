"""`goeswith recommend`: what goes with a product, a basket or a new product, with the evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from goeswith.cli.options import (
    Ban,
    BundlePath,
    Diversity,
    Include,
    Json,
    Locale,
    Market,
    PerType,
    Where,
)

if TYPE_CHECKING:
    from goeswith.cli.output import Output
    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints
    from goeswith.query.recommendation import Recommendation
    from goeswith.query.shopper.personalization import Personalization


def command(
    bundle: BundlePath,
    products: Annotated[
        list[str] | None,
        typer.Argument(metavar="PRODUCT...", help="A product id; several are a basket."),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option("-k", min=1, metavar="N", help="How many recommendations; 10 unless set."),
    ] = None,
    where: Where = None,
    ban: Ban = None,
    pin: Annotated[
        list[str] | None,
        typer.Option(metavar="PRODUCT", help="A product to show first; repeatable."),
    ] = None,
    per_type: PerType = None,
    diversity: Diversity = None,
    include: Include = None,
    market: Market = None,
    locale: Locale = None,
    session: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Products of a session, oldest first, such as a,b,c: recommend the next product. "
            "An id with a comma needs double quotes.",
        ),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="A user_id of the events: products to buy again and new ones for this shopper; "
            "with a product, its complements for this shopper. Needs fit.shopper_model.",
        ),
    ] = None,
    history: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Products that a shopper bought, to order the complements of a product for this "
            "shopper; not stored.",
        ),
    ] = None,
    repeats: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="With --user or --history, which bought products may be shown: auto (those that "
            "shoppers buy again), all or none.",
        ),
    ] = "auto",
    new: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON file with the attributes of a product that is not in the catalogue.",
        ),
    ] = None,
    similars: Annotated[
        bool, typer.Option("--similars", help="Show alternatives to the product instead.")
    ] = False,
    reverse: Annotated[
        bool,
        typer.Option("--reverse", help="Show the products that this one is recommended for."),
    ] = False,
    question: Annotated[
        bool,
        typer.Option(
            "--question",
            help="Show the question to the shopper that divides the complements of a product "
            "best; each answer has filters for --where.",
        ),
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Show a sentence for shoppers: from `goeswith explain`, or else from a template.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Recommend complements of a product, best first, each with its evidence.

        goeswith recommend bundle 22423 -k 5

    With several products: what goes with all of them together. With --session: the next product.
    With --user: what a shopper buys again, and what is new for her. With a product and --user or
    --history: its complements for that shopper.
    """
    from goeswith.core.errors import ConfigError

    ids = products or []
    shopper = _shopper_of(ids, user, history, repeats, other_list=similars or reverse)
    only_user = user is not None and not shopper
    if [bool(ids), new is not None, session is not None, only_user].count(True) != 1:
        raise ConfigError(
            "pass one of these: a product id, several ids for a basket, --session A,B,C, "
            "--user ID, or --new FILE"
        )
    if user == "":
        raise ConfigError("--user is empty; give the user_id of a shopper")
    shaped = bool(pin or per_type is not None or diversity is not None)
    narrowed = bool(where or ban or include or market or shaped)
    if only_user and (shaped or similars or reverse or explain):
        raise ConfigError("--user accepts filters and bans, but no pins, quotas or other lists")
    if similars or reverse:
        _check_one(ids, similars and reverse, bool(pin or per_type or diversity is not None))
        if reverse and narrowed:
            raise ConfigError("--reverse does not accept filters, bans or pins")
    constraints = None
    if narrowed:
        from goeswith.query.constraints import Constraints

        constraints = Constraints.from_text(
            where or [], ban or [], pin or [], per_type, diversity, include or [], market
        )
    if question:
        from goeswith.cli.use.recommend_question import print_question

        print_question(
            bundle, ids, constraints, is_alone=not (similars or reverse or shopper), json=json
        )
        return
    if user is not None and only_user:
        from goeswith.cli.use.recommend_shopper import recommend_shopper

        recommend_shopper(bundle, user, k, constraints, locale=locale, json=json)
        return
    opened = _open_bundle(bundle, explain)
    count = k or min(10, opened.k)
    found: list[Recommendation]
    key = "similars" if similars else "sources" if reverse else "complements"
    with opened.in_locale(locale):
        if session is not None:
            key = "next"
            found, query, label = _recommend_session(opened, session, count, constraints)
        elif new is not None:
            found, query, label = _recommend_new(opened, new, count, constraints)
        else:
            found, query, label = _recommend_products(opened, ids, count, constraints, key, shopper)
    from dataclasses import asdict

    from goeswith.cli.output import Output
    from goeswith.cli.use.recommendation_table import (
        pipe_table,
        recommendation_records,
        recommendation_table,
    )

    output = Output(json)
    title = _TITLES[key].format(label)
    table = recommendation_table(title, found, show_products=len(ids) > 1, show_explanation=explain)
    output.result(
        pipe_table(recommendation_records(found)),
        {
            "bundle": opened.id,
            **query,
            key: [asdict(one) for one in found],
            "skipped": [asdict(one) for one in getattr(found, "skipped", [])],
            "rules": getattr(found, "rules", []),
            **_personal_fields(found),
        },
        [table] if found else [],
    )
    _print_changes(output, found)
    if not found:
        condition = " that meets the constraints" if narrowed else ""
        output.say(f"{title}: no product{condition}")


def _print_changes(output: Output, found: Any) -> None:
    """Print which rules changed a list, and what was skipped."""
    if rules := getattr(found, "rules", []):
        output.say(f"changed by {', '.join(rules)}; see `goeswith rules list`")
    for one in getattr(found, "skipped", []):
        output.say(f"skipped {one.what} {one.value}: {one.reason}")
    if (personal := getattr(found, "personal", None)) is not None:
        _print_personal(output, personal)


def _personal_fields(found: Any) -> dict[str, Any]:
    """How a list was made for one shopper, as a field of the JSON; empty for a list for all."""
    from dataclasses import asdict

    personal = getattr(found, "personal", None)
    return {} if personal is None else {"personal": asdict(personal)}


def _print_personal(output: Output, personal: Personalization) -> None:
    """Print how a list was made for one shopper."""
    if not personal.known:
        output.say("no usable purchase of this shopper: this is the list for all shoppers")
    else:
        beside = ", compared with similar shoppers" if personal.similar_shoppers else ""
        count = f"{personal.products:,} product{'' if personal.products == 1 else 's'}"
        output.say(f"ordered by {count} that the shopper bought{beside}")
    if personal.unknown:
        noun = "id" if personal.unknown == 1 else "ids"
        output.say(f"ignored {personal.unknown:,} {noun} that the bundle does not have")
    for one in personal.left_out:
        output.say(f"left out {one.product_id}: {one.reason}")


_TITLES: Final = {
    "complements": "Recommended with {}",
    "similars": "Alternatives to {}",
    "sources": "Recommended for: {}",
    "next": "Next after {}",
}


def _open_bundle(path: Path, explain: bool) -> Bundle:
    from goeswith.query.bundle import Bundle

    bundle = Bundle.open(path)
    bundle.explanations.use_templates = explain
    return bundle


def _recommend_products(
    bundle: Bundle,
    ids: list[str],
    k: int,
    constraints: Constraints | None,
    key: str,
    shopper: dict[str, Any],
) -> tuple[list[Recommendation], dict[str, Any], str]:
    """Complements, alternatives or sources of a product, or complements of a basket."""
    answers: list[Recommendation]
    if key == "similars":
        answers = bundle.similars(ids[0], k, constraints)
    elif key == "sources":
        answers = bundle.reverse(ids[0], k)
    elif len(ids) == 1:
        answers = bundle.complements(ids[0], k, constraints, **shopper)
    else:
        answers = bundle.basket(ids, k, constraints)
    return answers, *_query_of(bundle, ids)


def _query_of(bundle: Bundle, ids: list[str]) -> tuple[dict[str, Any], str]:
    """The products of the query, as fields of the JSON and as a label."""
    rows = [bundle.products.row(product_id) for product_id in dict.fromkeys(ids)]
    label = ", ".join(bundle.products.label(row) for row in rows)
    fields = [_product_fields(bundle, row) for row in rows]
    return {"product": fields[0]} if len(ids) == 1 else {"basket": fields}, label


def _split_ids(text: str) -> list[str]:
    """Ids parted by commas, as in a line of CSV."""
    import csv

    return [product_id.strip() for line in csv.reader(text.splitlines()) for product_id in line]


def _recommend_session(
    bundle: Bundle, text: str, k: int, constraints: Constraints | None
) -> tuple[list[Recommendation], dict[str, Any], str]:
    ids = _split_ids(text)
    answers: Any = bundle.session(ids, k, constraints)
    rows = [bundle.products.row(product_id) for product_id in ids]
    label = ", ".join(bundle.products.label(row) for row in rows)
    return answers, {"session": [_product_fields(bundle, row) for row in rows]}, label


def _shopper_of(
    ids: list[str], user: str | None, history: str | None, repeats: str, *, other_list: bool
) -> dict[str, Any]:
    """The shopper for whom complements are ordered, as arguments; empty for all shoppers."""
    from goeswith.core.errors import ConfigError

    if history is None and (user is None or not ids):
        if repeats != "auto":
            raise ConfigError("--repeats needs a product and --user or --history")
        return {}
    if user is not None and history is not None:
        raise ConfigError("give one of --user and --history")
    if len(ids) != 1 or other_list:
        raise ConfigError("--user and --history order the complements of one product")
    own = None if history is None else _split_ids(history)
    return {"history": own, "user": user, "repeats": repeats}


def _check_one(ids: list[str], both: bool, shaped: bool) -> None:
    from goeswith.core.errors import ConfigError

    if both:
        raise ConfigError("give one of --similars and --reverse")
    if len(ids) != 1:
        raise ConfigError("--similars and --reverse need one product of the catalogue")
    if shaped:
        raise ConfigError("--similars accepts filters and bans, but no pins, quotas or diversity")


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
