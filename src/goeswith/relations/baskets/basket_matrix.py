"""Baskets as a matrix: which products were bought together, the oldest basket first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

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


def basket_matrix(
    purchases: pl.DataFrame,
    n: int,
    max_basket: int | None = None,
    per_user_cap: int | Literal["auto"] | None = None,
) -> Sparse:
    """Baskets of two products or more, the oldest first.

    Without timestamps, those of a user are in order of `position`: the last basket of each user is
    behind all that are not, as what these held is what comes next. Without both, the order is
    that of the log.

    Args:
        purchases: of `with_baskets`.
        n: products in the catalogue.
        max_basket: baskets of more distinct products are left out; None for no limit.
        per_user_cap: baskets of one user in which a product counts, as `MiningConfig` has it; None
            for no limit.

    Returns:
        (b, n) CSR float32 of ones.
    """
    size = pl.col("product").list.len()
    baskets = (
        purchases.group_by(_BASKET, maintain_order=True)
        .agg(pl.col("product").unique().sort(), *_moments(purchases))
        .pipe(_with_time)
        .filter(pl.lit(True) if max_basket is None else size <= max_basket)
    )
    if per_user_cap is not None and _has(purchases, "user_id"):
        baskets = _cap_per_user(baskets, _owners(purchases), per_user_cap)
    baskets = baskets.filter(size > 1).sort("time", maintain_order=True, nulls_last=False)
    ends = np.append(0, np.cumsum(baskets.select(size).to_series().to_numpy()))
    products = baskets["product"].explode(empty_as_null=False).to_numpy().astype(np.int32)
    ones = np.ones(len(products), dtype=np.float32)
    return sparse.csr_matrix((ones, products, ends), shape=(len(baskets), n))


def _moments(purchases: pl.DataFrame) -> list[pl.Expr]:
    """Of each basket, what orders it."""
    if _has(purchases, "timestamp"):
        return [pl.col("timestamp").min().alias("time")]
    if _has(purchases, "user_id") and _has(purchases, "position"):
        return [pl.col("user_id").min().alias("owner"), pl.col("position").max()]
    return []


def _with_time(baskets: pl.DataFrame) -> pl.DataFrame:
    """The baskets with `time`; without timestamps, minus the number of later ones of the user."""
    if "time" in baskets.columns:
        return baskets
    if "position" not in baskets.columns:
        return baskets.with_columns(pl.lit(0).alias("time"))
    from_last = pl.col("position").rank("dense", descending=True).over("owner").cast(pl.Int64)
    has_order = pl.col("owner").is_not_null() & pl.col("position").is_not_null()
    return baskets.select(_BASKET, "product", time=pl.when(has_order).then(-from_last))


def _owners(purchases: pl.DataFrame) -> pl.DataFrame:
    """basket, owner (the lowest of its users), ended: every basket with a user.

    A basket ends at its last timestamp; without these at its last position, or row.
    """
    order = next((name for name in ("timestamp", "position") if _has(purchases, name)), "row")
    return (
        purchases.with_row_index("row")
        .group_by(_BASKET)
        .agg(pl.col("user_id").min().alias("owner"), pl.col(order).max().alias("ended"))
        .drop_nulls("owner")
    )


def _cap_per_user(
    baskets: pl.DataFrame, owners: pl.DataFrame, cap: int | Literal["auto"]
) -> pl.DataFrame:
    """Baskets in which each product is in the latest `cap` ones of a user, as pairs are counted.

    Without a cap, one user with thousands of baskets would decide what a model learns.
    """
    if cap == "auto":
        counts = owners.group_by("owner").len()["len"].sort()
        cap = int(counts[(len(counts) - 1) // 2]) if len(counts) else 1
    rows = (
        baskets.with_row_index("place")
        .join(owners, on=_BASKET, how="left")
        .explode("product")
        .sort("ended", "place", descending=[True, False], nulls_last=True)
    )
    later_ones = pl.int_range(pl.len()).over("owner", "product")
    return (
        rows.filter(pl.col("owner").is_null() | (later_ones < cap))
        .sort("place", "product")
        .group_by("place", maintain_order=True)
        .agg(pl.col("product"), pl.col("time").first())
    )


def _has(events: pl.DataFrame, column: str) -> bool:
    return column in events.columns and events[column].null_count() < events.height
