"""Orders that do not count: cancelled, refunded and test orders.

Exports write the status of an order on every line, or on its first line only. A line without a
status has that of its basket.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import polars as pl

from goeswith.data.mapping.event_names import (
    CANCELLING_EVENTS,
    COUNTED_STATUS_PARTS,
    EVENT_NAMES,
    FALSE_MARKS,
    IGNORE,
    IGNORED_STATUSES,
    TRUE_MARKS,
)
from goeswith.data.values import text

if TYPE_CHECKING:
    from goeswith.data.config import IgnoreConfig
    from goeswith.data.quarantine import Quarantine

_LEAST_LINES: Final = 5
_ORDER_LEVEL_SHARE: Final = 0.95
"""Share of later lines of orders without a value, from which the first line's value holds."""
_NEGATED: Final = r"(?:^|[\W_])(?:not?|non|nicht|never)[\W_]"


def fill_order_columns(
    frame: pl.DataFrame, earlier: Sequence[str] = ()
) -> tuple[pl.DataFrame, list[str], list[str]]:
    """Give the lines of an order the user and the time that its first line alone has.

    Args:
        frame: events with `basket_id` as text, in the order of the file.
        earlier: columns that were filled in in earlier events of the shop.

    Returns:
        The events, notes on what was filled in, and the columns.
    """
    if "basket_id" not in frame.columns or not frame.height:
        return frame, [], []
    run = pl.col("basket_id").rle_id()
    notes: list[str] = []
    filled_columns: list[str] = []
    for name in ("user_id", "timestamp"):
        if name not in frame.columns or frame[name].dtype.is_nested():
            continue
        value = pl.col(name)
        missing = value.is_null()
        if frame[name].dtype == pl.String:
            missing |= value.str.strip_chars() == ""
        lines = frame.select(missing=missing, later=~run.is_first_distinct())
        later = lines.filter("later")["missing"]
        shows = len(later) >= _LEAST_LINES and later.sum() >= _ORDER_LEVEL_SHARE * len(later)
        if not shows and not (name in earlier and later.any()):
            continue
        filled = value.drop_nulls().first().over(run)
        has_basket = pl.col("basket_id").is_not_null()
        frame = frame.with_columns(pl.when(missing & has_basket).then(filled).otherwise(value))
        notes.append(f"{name} is only on the first line of an order; it applies to all its lines")
        filled_columns.append(name)
    return frame, notes, filled_columns


def set_aside_uncounted(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, config: IgnoreConfig
) -> tuple[pl.DataFrame, dict[str, dict[str, int | bool]]]:
    """Set aside lines of orders that do not count, as expected rows.

    Args:
        frame: events with any of `status`, `cancelled`, `test`, and `basket_id` as text.
        file: name for messages.
        quarantine: takes the rows.
        config: which orders do not count.

    Returns:
        The other rows, and status -> number of `events` and whether they are `counted`.
    """
    statuses: dict[str, dict[str, int | bool]] = {}
    if "status" in frame.columns:
        frame = _with_status(frame, file)
        parts = list(IGNORED_STATUSES) if config.statuses == "auto" else config.statuses
        ignored = _is_ignored(pl.col("_status"), parts)
        counts = (
            frame.group_by(pl.col("_status").alias("status"))
            .agg(pl.len().alias("events"))
            .filter(pl.col("status").is_not_null())
            .with_columns(ignored=_is_ignored(pl.col("status"), parts))
            .sort("events", "status", descending=[True, False])
        )
        statuses = {
            status: {"events": events, "counted": not is_ignored}
            for status, events, is_ignored in counts.head(50).iter_rows()
        }
        frame = quarantine.set_aside(
            frame, file, ignored, "the order does not count by its status", "_status", expected=True
        ).drop("_status")
    if "cancelled" in frame.columns:
        flag = ~_flag(frame, "cancelled", file).is_in(FALSE_MARKS)
        frame = _set_aside_flagged(
            frame, file, quarantine, flag, "cancelled", "the order was cancelled or refunded"
        )
    if "test" in frame.columns and config.test_orders:
        flag = _flag(frame, "test", file).is_in(TRUE_MARKS)
        frame = _set_aside_flagged(frame, file, quarantine, flag, "test", "the order is a test")
    return frame, statuses


def take_back_cancelled(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    """Set aside purchases that a later event of the same basket takes back.

    Args:
        frame: events with `_event` in lower case, `event`, `product` and, if any, `basket_id`.
        file: name for messages.
        quarantine: takes the rows.
    """
    if "basket_id" not in frame.columns:
        return frame
    takes_back = pl.col("_event").is_in(CANCELLING_EVENTS)
    cancelled = frame.filter(takes_back & pl.col("basket_id").is_not_null())
    if not cancelled.height:
        return frame
    lines = cancelled.select("basket_id", "product").unique().with_columns(_line=pl.lit(value=True))
    orders = (
        cancelled.filter(pl.col("_event").str.contains("cancel|storn|annul"))
        .select("basket_id")
        .unique()
        .with_columns(_order=pl.lit(value=True))
    )
    frame = frame.join(lines, on=["basket_id", "product"], how="left", maintain_order="left").join(
        orders, on="basket_id", how="left", maintain_order="left"
    )
    is_purchase = pl.col("_event").replace_strict(
        EVENT_NAMES, default=IGNORE, return_dtype=pl.String
    ) == pl.lit("purchase")
    taken_back = is_purchase & (pl.col("_line").is_not_null() | pl.col("_order").is_not_null())
    return quarantine.set_aside(
        frame, file, taken_back, "an event of its basket takes the purchase back", "event",
        expected=True,
    ).drop("_line", "_order")  # fmt: skip


def _with_status(frame: pl.DataFrame, file: str) -> pl.DataFrame:
    """Add `_status`: the status of each line in lower case, or that of its basket."""
    frame = frame.with_columns(_status=text(frame["status"], file).str.to_lowercase())
    if "basket_id" not in frame.columns:
        return frame
    own = pl.col("_status")
    of_basket = own.drop_nulls().first().over("basket_id")
    inherits = own.is_null() & pl.col("basket_id").is_not_null()
    return frame.with_columns(pl.when(inherits).then(of_basket).otherwise(own).alias("_status"))


def _is_ignored(status: pl.Expr, parts: list[str]) -> pl.Expr:
    if not parts:
        return pl.lit(value=False)
    counted = status.str.contains_any(list(COUNTED_STATUS_PARTS)) | status.str.contains(_NEGATED)
    codes = [part for part in parts if part.isdigit()]
    texts = [part.lower() for part in parts if not part.isdigit()] or ["\0"]
    ignored = status.str.contains_any(texts) | status.is_in(codes)
    return ignored & ~counted


def _flag(frame: pl.DataFrame, name: str, file: str) -> pl.Series:
    """A column of marks in lower case; of columns that were joined by `; `, the first one set."""
    parts = text(frame[name], file).str.to_lowercase().fill_null("").str.split("; ")
    is_set = ~pl.element().is_in(FALSE_MARKS)
    return parts.list.eval(pl.element().filter(is_set).first()).list.first().fill_null("")


def _set_aside_flagged(  # noqa: PLR0917
    frame: pl.DataFrame,
    file: str,
    quarantine: Quarantine,
    flag: pl.Series,
    name: str,
    reason: str,
) -> pl.DataFrame:
    """Set aside marked lines, or marked orders where only first lines of orders have marks."""
    frame = frame.with_columns(_flag=flag.fill_null(value=False))
    if "basket_id" in frame.columns:
        has_basket = pl.col("basket_id").is_not_null()
        first = pl.col("basket_id").is_first_distinct()
        value = pl.col(name).cast(pl.String).str.strip_chars().fill_null("")
        later = frame.filter(has_basket & ~first)
        if later.height and not later.select((value != "").any()).item():
            frame = frame.with_columns(
                pl.when(has_basket)
                .then(pl.col("_flag").any().over("basket_id"))
                .otherwise(pl.col("_flag"))
                .alias("_flag")
            )
    return quarantine.set_aside(frame, file, pl.col("_flag"), reason, name, expected=True).drop(
        "_flag"
    )
