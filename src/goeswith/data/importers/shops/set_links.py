"""Cross-sells and up-sells that people set in a shop system, as relations.

A table of relations replaces counting, so they are read only where no orders are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from goeswith.data.importers.shops.order_lines import in_catalog
from goeswith.data.quarantine import ROW, Quarantine

LINK_RELATIONS: Final = {
    "cross_sells": "bought_together",
    "related": "also_bought",
    "up_sells": "also_viewed",
}
"""Column of links -> relation: an up-sell is an alternative to its product."""


def set_links(
    products: pl.DataFrame,
    file: str,
    quarantine: Quarantine,
    *,
    has_orders: bool,
    ids: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Links as `source`, `target`, `relation` and `rank` from 1.

    Args:
        products: `product_id` and, as text with commas, columns of `LINK_RELATIONS`.
        file: name for messages.
        quarantine: counts links that are not used.
        has_orders: whether pairs are counted in orders, so that no link is used.
        ids: other names of products in the links; None for none.
    """
    parts = [
        products.select(
            pl.col("product_id").alias("source"),
            pl.col(column).str.split(",").alias("target"),
            pl.lit(relation).alias("relation"),
        )
        .with_columns(pl.int_ranges(1, pl.col("target").list.len() + 1).alias("rank"))
        .drop_nulls()
        .explode("target", "rank")
        .with_columns(pl.col("target").str.strip_chars())
        .filter(pl.col("target") != "")
        for column, relation in LINK_RELATIONS.items()
        if column in products.columns
    ]
    schema = {"source": pl.String, "target": pl.String, "relation": pl.String, "rank": pl.Int64}
    if not parts:
        return pl.DataFrame(schema=schema)
    links = pl.concat(parts).with_columns(pl.col("target").replace(ids or {}))
    name = f"{file}: links"
    quarantine.count_read(name, links.height)
    if has_orders:
        reason = "a link set by hand; pairs are counted in the orders"
        example = links["target"][0] if links.height else ""
        quarantine.count_expected(name, links.height, reason, example)
        return pl.DataFrame(schema=schema)
    links = links.with_row_index(ROW, offset=1).with_columns(pl.col("target").alias("product_id"))
    links = in_catalog(links, name, products, quarantine)
    return links.select(list(schema)).cast(schema)  # type: ignore[arg-type]
