"""What a shopper buys next, as tables: for `goeswith recommend --user`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from goeswith.query.constraints import Constraints

_FIELDS: Final = (
    "list",
    "rank",
    "product_id",
    "title",
    "type",
    "why",
    "score",
    "times",
    "baskets",
    "interval_days",
    "last_days_ago",
    "shoppers",
)


def recommend_shopper(
    path: Path,
    user: str,
    k: int | None,
    constraints: Constraints | None,
    *,
    locale: str | None = None,
    json: bool,
) -> None:
    """Print the products to buy again, and those new for a shopper.

    Raises:
        ConfigError: the bundle holds no histories of shoppers, or no titles of the locale.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.query.bundle import Bundle

    bundle = Bundle.open(path)
    with bundle.in_locale(locale):
        found = bundle.for_shopper(user, k or min(10, bundle.k), constraints)
    records: list[dict[str, Any]] = [
        {"list": name, "rank": rank, **asdict(product)}
        for name, products in (("again", found.again), ("new", found.new))
        for rank, product in enumerate(products, start=1)
    ]
    columns = [
        Column("rank", is_figure=True),
        Column("product_id", is_figure=False, min_width=8),
        Column("title", lambda record: record["title"] or "", drop=1, min_width=12),
        Column("why", min_width=30),
    ]
    titles = {"again": f"Buy again: {user}", "new": f"New for {user}"}
    if not found.known:
        titles["new"] = "Bought by most shoppers"
    tables = [
        Table(title, [record for record in records if record["list"] == name], columns)
        for name, title in titles.items()
    ]
    output = Output(json)
    output.result(
        Table("", records, fields=_FIELDS),
        {"bundle": bundle.id, "user_id": user, **asdict(found)},
        [table for table in tables if table.records],
    )
    for one in found.skipped:
        output.say(f"skipped {one.what} {one.value}: {one.reason}")
    if not found.known:
        output.say(
            f"the bundle has no purchases of {user!r}: products that most shoppers bought instead"
        )
