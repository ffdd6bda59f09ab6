"""Baskets as a matrix: which products were bought together, the oldest basket first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy import sparse

if TYPE_CHECKING:
    from goeswith.core.arrays import Sparse

_BASKET: Final = "basket"


def with_baskets(events: pl.DataFrame) -> pl.DataFrame | None:
    """The purchases of a log that belong to a basket, with the column `basket`.

    A basket is a `basket_id`; without these a `session_id`, or what one user bought on one day (or
    at all, without timestamps).

    Args:
        events: as `mine` takes them.

    Returns:
        the purchases with a text in `basket`; None if no column groups them.
    """
    if "event" in events.columns:
        events = events.filter(pl.col("event") == "purchase")
    key = next((name for name in ("basket_id", "session_id") if _has(events, name)), None)
    if key is not None:
        basket = pl.col(key).cast(pl.String)
    elif _has(events, "user_id"):
        basket = pl.col("user_id").cast(pl.String)
        if _has(events, "timestamp"):
            basket = pl.concat_str(basket, pl.col("timestamp").dt.date(), separator=" ")
    else:
        return None
    return events.with_columns(basket.alias(_BASKET)).filter(pl.col(_BASKET).is_not_null())


def basket_matrix(purchases: pl.DataFrame, n: int, max_basket: int | None = None) -> Sparse:
    """Baskets of two products or more, in order of time, or of the log without timestamps.

    Args:
        purchases: of `with_baskets`.
        n: products in the catalogue.
        max_basket: baskets of more distinct products are left out; None for no limit.

    Returns:
        (b, n) CSR float32 of ones.
    """
    timed = "timestamp" in purchases.columns
    time = pl.col("timestamp").min() if timed else pl.lit(0)
    size = pl.col("product").list.len()
    baskets = (
        purchases.group_by(_BASKET, maintain_order=True)
        .agg(pl.col("product").unique().sort(), time.alias("time"))
        .filter(size > 1, pl.lit(True) if max_basket is None else size <= max_basket)
        .sort("time", maintain_order=True, nulls_last=False)
    )
    ends = np.append(0, np.cumsum(baskets.select(size).to_series().to_numpy()))
    products = baskets["product"].explode(empty_as_null=False).to_numpy().astype(np.int32)
    ones = np.ones(len(products), dtype=np.float32)
    return sparse.csr_matrix((ones, products, ends), shape=(len(baskets), n))


def _has(events: pl.DataFrame, column: str) -> bool:
    return column in events.columns and events[column].null_count() < events.height
