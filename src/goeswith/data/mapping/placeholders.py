"""Values that stand for no product, no context or many people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

import polars as pl

from goeswith.data.mapping.event_names import (
    AMBIGUOUS_NON_PRODUCTS,
    GUESTS,
    NO_CATEGORIES,
    NON_PRODUCT_PATTERN,
    NON_PRODUCTS,
    PLACEHOLDERS,
    TOTALS,
)

_ZERO_LIKE: Final = r"^(?:-?0+(?:\.0+)?|-1(?:\.0+)?|0{8}-0{4}-0{4}-0{4}-0{12}|9{4,})$"
"""Numbers that systems write for customers without an account."""
_GUEST_MAIL: Final = r"^(?:guests?|anonymous|anon|no-?reply|gast|kasse|pos|invitado|nobody)@"
_LEAST_SHARE: Final = 0.05
_LEAST_CONTEXTS: Final = 3
_HEAVY_SHARE: Final = 0.1
_HEAVY_CONTEXTS: Final = 10


def _lower(column: pl.Expr) -> pl.Expr:
    return column.str.strip_chars().str.to_lowercase()


def holds_for_value(
    frame: pl.DataFrame, column: pl.Expr, test: Callable[[pl.Expr], pl.Expr]
) -> pl.Expr:
    """Whether a test of texts holds for a value, computed once for each distinct value.

    Args:
        frame: the table.
        column: texts of `frame`.
        test: from texts to true or false; null counts as false.
    """
    distinct = frame.select(column.unique().alias("value"))
    found = distinct.filter(test(pl.col("value")))["value"].drop_nulls()
    return (
        column.is_in(found.implode()).fill_null(value=False) if len(found) else pl.lit(value=False)
    )


def is_placeholder(column: pl.Expr) -> pl.Expr:
    """Whether a text stands for a missing value, such as `(not set)`."""
    return _lower(column).is_in(PLACEHOLDERS)


def is_no_category(column: pl.Expr) -> pl.Expr:
    """Whether a type or category says that the product has none, such as `Uncategorized`."""
    return _lower(column).is_in(NO_CATEGORIES)


def is_total(column: pl.Expr) -> pl.Expr:
    """Whether a text is the label of a total."""
    return _lower(column).str.strip_chars_end(": ").is_in(TOTALS)


def is_non_product(column: pl.Expr) -> pl.Expr:
    """Whether an id or title is shipping, gift wrap, a discount or the like."""
    name = _lower(column).str.strip_chars_end(":. ").str.replace_all(r"\s+", " ")
    return name.is_in(NON_PRODUCTS) | name.str.contains(NON_PRODUCT_PATTERN)


def is_clearly_non_product(column: pl.Expr) -> pl.Expr:
    """The same for titles of a table of products, which may mean some of the words otherwise."""
    name = _lower(column).str.strip_chars_end(":. ")
    return is_non_product(column) & ~name.is_in(AMBIGUOUS_NON_PRODUCTS)


def matches_any(column: pl.Expr, patterns: Iterable[str]) -> pl.Expr:
    """Whether a text is one of `patterns`, without case; `*` stands for any text."""
    parts = [".*".join(map(re.escape, p.strip().lower().split("*"))) for p in patterns]
    if not parts:
        return pl.lit(value=False)
    # escapes of Python that the regular expressions of Rust do not have
    pattern = "|".join(parts).replace("\\ ", " ").replace("\\#", "#").replace("\\&", "&")
    return _lower(column).str.contains(f"^(?:{pattern})$").fill_null(value=False)


def guest_users(frame: pl.DataFrame, guests: Iterable[str]) -> tuple[list[str], list[str]]:
    """User ids that many people share.

    Names such as `guest` always do. Numbers such as 0 do if they own far more contexts than other
    users: in public data sets 0 may be the first user.

    Args:
        frame: events with `user_id` and, where they have them, `basket_id` and `session_id`.
        guests: further ids, by the settings.

    Returns:
        The ids, and a note for each user of many contexts who is not among them.
    """
    unit = next((name for name in ("basket_id", "session_id") if name in frame.columns), None)
    counted = pl.len() if unit is None else pl.col(unit).n_unique()
    users = (
        frame.lazy()
        .filter(pl.col("user_id").is_not_null())
        .group_by("user_id")
        .agg(counted.cast(pl.Int64).alias("contexts"))
        .collect()
    )
    if not users.height:
        return [], []
    total, median = int(users["contexts"].sum()), float(users["contexts"].median() or 0)  # type: ignore[arg-type]
    column = pl.col("user_id")
    is_index = users["user_id"].is_in(["1", "2"]).sum() == 2
    share = pl.col("contexts") / total
    many = (share >= _LEAST_SHARE) & (pl.col("contexts") >= 3 * median)
    if not is_index:
        many |= pl.col("contexts") >= 10 * max(median, 1)
    numeric = column.str.contains(_ZERO_LIKE) & many & (pl.col("contexts") >= _LEAST_CONTEXTS)
    by_name = _lower(column).is_in(GUESTS) | _lower(column).str.contains(_GUEST_MAIL)
    is_guest = numeric | by_name | matches_any(column, guests)
    found = users.filter(is_guest & (pl.lit(users.height > 1) | matches_any(column, guests)))
    heavy = users.filter(
        (share >= _HEAVY_SHARE)
        & (pl.col("contexts") >= _HEAVY_CONTEXTS)
        & (pl.col("contexts") >= 10 * median)
    ).join(found, on="user_id", how="anti")
    what = {"basket_id": "baskets", "session_id": "sessions", None: "events"}[unit]
    notes = [
        f"user_id {user!r} owns {count / total:.0%} of the {what}: hardly one person. If it stands "
        f"for many, set [data.ignore] guests = [{user!r}]"
        for user, count in heavy.sort("contexts", descending=True).head(5).iter_rows()
    ]
    return sorted(found["user_id"].to_list()), notes
