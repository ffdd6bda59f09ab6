"""Rows of a table of products that are no products: shipping, fees, vouchers, gift wrap."""

from __future__ import annotations

from typing import Final

import polars as pl

from goeswith.data.config import IgnoreConfig
from goeswith.data.mapping.placeholders import is_clearly_non_product, matches_any
from goeswith.data.quarantine import Quarantine

NO_PRODUCT: Final = "the line is not a product (shipping, gift wrap, discount)"
IGNORED: Final = "the product is left out by [data.ignore]"
_MAX_SHARE: Final = 0.05
"""Share of the products above which a shop sells what the titles say, such as vouchers."""
_MIN_SOLD: Final = 20
"""Such titles up to which that share does not matter: a small table has few products."""
_EXAMPLES: Final = 5


def without_other_lines(
    products: pl.DataFrame, file: str, quarantine: Quarantine, config: IgnoreConfig
) -> tuple[pl.DataFrame, dict[str, pl.Series], list[str]]:
    """Set aside the rows that are no products by their titles or ids.

    Args:
        products: the table, with `product_id`.
        file: its name in messages.
        quarantine: takes the rows, as expected ones.
        config: which products a shop leaves out.

    Returns:
        The other rows, reason -> the ids that were set aside, and notes with examples.
    """
    names = [
        name
        for name in ("title", "product_id")
        if name in products.columns
        and products[name].dtype != pl.Binary
        and not products[name].dtype.is_nested()
        and not products[name].dtype.is_temporal()
    ]
    if "product_id" not in names:
        return products, {}, []
    texts = [pl.col(name).cast(pl.String, strict=False) for name in names]
    ignored = pl.any_horizontal(matches_any(column, config.products) for column in texts)
    by_title = pl.any_horizontal(
        is_clearly_non_product(column).fill_null(value=False) for column in texts
    )
    other = by_title if config.non_products else pl.lit(value=False)
    found = products.filter(other & ~ignored)
    notes = []
    if found.height:
        shown = found[names[0]].cast(pl.String).fill_null(found["product_id"].cast(pl.String))
        titles = ", ".join(map(repr, shown.unique(maintain_order=True).head(_EXAMPLES).to_list()))
        rows = "1 row" if found.height == 1 else f"{found.height:,} rows"
        if found.height > max(_MAX_SHARE * products.height, _MIN_SOLD):
            other = pl.lit(value=False)
            notes.append(
                f"{file}: {rows} with titles such as {titles} count as products, because they are "
                f"more than {_MAX_SHARE:.0%} of them; to leave some out, list them in products "
                "under [data.ignore] of goeswith.toml"
            )
        else:
            notes.append(
                f"{file}: {rows} left out with their events, because their titles are not those of "
                f"products ({titles}); to use them, set non_products = false under [data.ignore] "
                "of goeswith.toml"
            )
    left_out = {}
    for mask, reason in ((ignored, IGNORED), (other, NO_PRODUCT)):
        left_out[reason] = products.filter(mask)["product_id"].cast(pl.String).str.strip_chars()
        products = quarantine.set_aside(products, file, mask, reason, names[0], expected=True)
    return products, left_out, notes
