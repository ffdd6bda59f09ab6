"""Columns that look like a column of goeswith that the events lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from goeswith.data.mapping.column_names import ID_WORDS, LOOKALIKES, PROPERTY_WORDS, words
from goeswith.data.mapping.column_values import are_numbers, event_share, sample, time_kind
from goeswith.data.mapping.event_names import FALSE_MARKS, TRUE_MARKS

_MARKED: Final = frozenset(
    ("purchase", "purchases", "buy", "order", "click", "view", "cart", "sale", "transaction")
)
"""Words of a mark that says which event a row is."""

_COUNTED: Final = frozenset(
    ("views", "purchases", "clicks", "carts", "buys", "impressions", "transactions")
)
"""Words of a number of events: each row of such a table stands for several."""
_LEAST_PRODUCTS: Final = 5
_VARYING_SHARE: Final = 0.5
_MAX_STATUSES: Final = 40
_SURE_STATUSES: Final = ("cancel", "void", "refund", "storn", "chargeback", "annul", "anulad")
"""Starts of the statuses of orders that were taken back, in any column."""


def find_lookalikes(
    frame: pl.DataFrame,
    names: Sequence[str],
    sources: Mapping[str, Sequence[str]],
    absent: set[str],
) -> dict[str, list[str]]:
    """Column of goeswith that the events lack -> columns that look like it.

    Args:
        frame: the events as read.
        names: its columns.
        sources: column of goeswith -> its columns.
        absent: columns of goeswith that the table does not have, by the settings.
    """
    used = {column for columns in sources.values() for column in columns}
    rest = [name for name in names if name not in used]
    tests = {
        "event": _looks_like_event,
        "timestamp": _looks_like_time,
        "basket_id": lambda values: _looks_like_id(values, "basket_id"),
        "session_id": lambda values: _looks_like_id(values, "session_id"),
        "user_id": lambda values: _looks_like_id(values, "user_id"),
        "quantity": _looks_like_quantity,
        "status": _looks_like_status,
    }
    similar: dict[str, list[str]] = {}
    type_column = next(iter(sources.get("type", ())), None)
    if type_column and "event" not in sources and "event" not in absent:
        product = next(iter(sources.get("product_id", ())), None)
        if product and _varies_within(frame, type_column, product):
            similar["event"] = [type_column]
    for ours, test in tests.items():
        if ours in sources or ours in absent:
            continue
        matches = [name for name in rest if test(frame[name])]
        if matches:
            similar.setdefault(ours, []).extend(matches)
            rest = [name for name in rest if name not in matches]
    return similar


def _varies_within(frame: pl.DataFrame, name: str, product: str) -> bool:
    """Whether most products have several values of a column, which is then no property of them."""
    if frame[name].dtype.is_nested() or frame[product].dtype.is_nested():
        return False
    counts = (
        frame.lazy()
        .select(pl.col(product).alias("product"), pl.col(name).alias("value"))
        .drop_nulls()
        .group_by("product")
        .agg(rows=pl.len(), values=pl.col("value").n_unique())
        .filter(pl.col("rows") > 1)
        .collect()
    )
    several = int((counts["values"] > 1).sum())
    return counts.height >= _LEAST_PRODUCTS and several > _VARYING_SHARE * counts.height


def _looks_like_event(values: pl.Series) -> bool:
    parts = words(values.name)
    by_name = bool(LOOKALIKES["event"] & set(parts)) and parts[-1] not in PROPERTY_WORDS
    if _MARKED & set(parts) and parts[-1] not in PROPERTY_WORDS:
        marks = {text.lower() for text in sample(values)}
        if len(marks) > 1 and marks <= FALSE_MARKS | TRUE_MARKS:
            return True
    if _COUNTED & set(parts) and parts[-1] not in PROPERTY_WORDS and are_numbers(values):
        return True
    return (by_name and values.count() > 0) or event_share(values, {}) >= 0.5


def _looks_like_time(values: pl.Series) -> bool:
    kind = time_kind(values)
    if kind == "number":
        return bool(LOOKALIKES["timestamp"] & set(words(values.name)))
    return kind in ("moment", "date")


def _looks_like_id(values: pl.Series, ours: str) -> bool:
    parts = words(values.name)
    if not values.count() or not LOOKALIKES[ours] & set(parts) or "item" in parts:
        return False
    compound = {"bestellnr", "kundennr", "auftragsnr"}
    return (
        len(parts) == 1 or parts[-1] in ID_WORDS | {"email", "mail"} or bool(compound & set(parts))
    )


def _looks_like_quantity(values: pl.Series) -> bool:
    return bool(LOOKALIKES["quantity"] & set(words(values.name))) and are_numbers(values)


def _looks_like_status(values: pl.Series) -> bool:
    """Whether a column of few texts says of some rows that their order was cancelled."""
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return False
    texts = {text.lower() for text in sample(values)}
    return len(texts) <= _MAX_STATUSES and any(
        text.startswith(part) or f"-{part}" in text for text in texts for part in _SURE_STATUSES
    )
