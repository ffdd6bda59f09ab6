"""`goeswith bundles`: sets of products to sell as one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from goeswith.cli.options import BundlePath, Json, Where

if TYPE_CHECKING:
    from goeswith.cli.terminal_table import Record
    from goeswith.offers.propose_offers import Offer


def command(
    bundle: BundlePath,
    count: Annotated[
        int, typer.Option("-n", min=1, max=10_000, metavar="N", help="Sets to show.")
    ] = 20,
    size: Annotated[
        int,
        typer.Option(
            "--size", min=2, max=4, metavar="N", help="Maximum number of products in a set."
        ),
    ] = 3,
    min_baskets: Annotated[
        int,
        typer.Option(
            "--min-baskets", min=1, metavar="N", help="Minimum number of baskets with the set."
        ),
    ] = 5,
    min_price: Annotated[
        float | None,
        typer.Option("--min-price", min=0, metavar="PRICE", help="Minimum price of a set."),
    ] = None,
    max_price: Annotated[
        float | None,
        typer.Option("--max-price", min=0, metavar="PRICE", help="Maximum price of a set."),
    ] = None,
    cost: Annotated[
        str | None,
        typer.Option(
            "--cost",
            metavar="COLUMN",
            help="Attribute of the catalogue with the cost of a product for the shop.",
        ),
    ] = None,
    min_margin: Annotated[
        float | None,
        typer.Option(
            "--min-margin",
            min=0,
            max=1,
            metavar="SHARE",
            help="Minimum share of the discounted price that is left after costs; needs --cost.",
        ),
    ] = None,
    per_type: Annotated[
        int | None,
        typer.Option(
            "--per-type", min=1, metavar="N", help="Maximum number of one product type in a set."
        ),
    ] = None,
    where: Where = None,
    json: Json = False,
) -> None:
    """Propose sets of two to four products to sell together, with the number of baskets.

        goeswith bundles bundle --max-price 100

    Products of a set are bought together; none is sold out or hidden.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.offers.propose_offers import OfferLimits, propose_offers
    from goeswith.query.bundle import Bundle

    opened = Bundle.open(bundle)
    limits = OfferLimits(
        max_size=size,
        min_baskets=min_baskets,
        min_price=min_price,
        max_price=max_price,
        min_margin=min_margin,
        cost_column=cost,
        per_type=per_type,
        where=tuple(where or ()),
    )
    offers = propose_offers(opened, limits, count)
    columns = [
        Column("products", min_width=20),
        Column("titles", min_width=24, drop=1),
        Column("baskets"),
        Column("lift", lambda record: f"{record['lift']:.1f}", is_figure=True),
        Column("attach", lambda record: f"{record['attach']:.1%}", is_figure=True),
        Column("price", lambda record: _money(record["price"]), is_figure=True),
        Column("discount", lambda record: f"{record['discount']:.0%}", is_figure=True),
        Column("margin", lambda record: _share(record["margin"]), is_figure=True),
    ]
    output = Output(json)
    if not offers:
        output.say("no set meets the limits: lower --min-baskets, or widen the others")
    table = Table("Sets to sell as one", [_record(offer) for offer in offers], columns)
    document = {"bundle": opened.id, "sets": [asdict(offer) for offer in offers]}
    output.result(table, document)


def _record(offer: Offer) -> Record:
    return {
        "products": ", ".join(product.product_id for product in offer.products),
        "titles": " + ".join(product.title or product.product_id for product in offer.products),
        "baskets": offer.evidence.baskets,
        "lift": offer.evidence.lift,
        "attach": offer.evidence.attach,
        "price": offer.price.price,
        "discount": offer.price.discount,
        "margin": offer.price.margin,
    }


def _money(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
