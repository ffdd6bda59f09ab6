"""Cleaning of input tables: valid rows by catalogue row, invalid rows to quarantine.

For every table: rows read = rows returned + rows in quarantine that are not `kept`.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import require_columns
from goeswith.data.timestamps import timestamps
from goeswith.data.values import identifiers, lists, numbers, text

CONTEXTS: Final = ("user_id", "session_id", "basket_id")
"""What an event belongs to; an event has at least one of them."""

EVENT_NAMES: Final = {
    "view": "view",
    "click": "view",
    "detail": "view",
    "pageview": "view",
    "cart": "cart",
    "addtocart": "cart",
    "add_to_cart": "cart",
    "purchase": "purchase",
    "transaction": "purchase",
    "buy": "purchase",
    "order": "purchase",
}
"""Event name in logs -> event name of this package."""

RELATION_NAMES: Final = {
    "co_purchase": "co_purchase",
    "also_bought": "co_purchase",
    "also_buy": "co_purchase",
    "bought_together": "co_purchase",
    "co_view": "co_view",
    "also_viewed": "co_view",
    "also_view": "co_view",
    "view_then_purchase": "view_then_purchase",
    "buy_after_viewing": "view_then_purchase",
}
"""Relation name in product lists -> relation name of this package."""

NOT_IN_CATALOGUE: Final = "is not in the catalogue"
"""End of the reason for which rows of unknown products are set aside."""

_TEXT_COLUMNS: Final = ("type", "title", "brand", "description")


def clean_products(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> Catalog:
    """The catalogue, in the order of the file.

    Rows without an id and repeats of an id (the first row stays) are set aside. A price that is
    negative or not a number is dropped and recorded; its product stays.
    """
    require_columns(frame, ("product_id",), file)
    frame = frame.with_columns(identifiers(frame["product_id"], file))
    frame = quarantine_repeats(frame, "product_id", file, quarantine)
    frame = frame.with_columns(
        text(frame[name], file) for name in _TEXT_COLUMNS if name in frame.columns
    )
    if "categories" in frame.columns:
        frame = frame.with_columns(lists(frame["categories"], file))
    if "price" in frame.columns:
        price = numbers(frame["price"], file).alias("_price")
        frame = frame.with_columns(price, pl.col("price").cast(pl.String).alias("_written"))
        present = ~pl.col("_written").str.strip_chars().is_in(["", "None", "null"])
        invalid = present & (pl.col("_price").is_null() | (pl.col("_price") < 0))
        reason = "price is not a valid number; the product stays without a price"
        quarantine.record_dropped_values(frame, file, invalid, reason, "_written")
        price_or_null = pl.when(pl.col("_price") >= 0).then(pl.col("_price"))
        frame = frame.with_columns(price_or_null.alias("price")).drop("_price", "_written")
    return Catalog(frame.drop(ROW))


def clean_events(
    frame: pl.DataFrame,
    file: str,
    quarantine: Quarantine,
    catalog: Catalog,
    *,
    day_first: bool | None = None,
    unknown_expected: bool = False,
) -> pl.DataFrame:
    """Events by catalogue row.

    Args:
        frame: as `read_table` returns it.
        file: name for messages.
        quarantine: takes the rows that are set aside.
        catalog: the products.
        day_first: order of day and month where the timestamps do not show it (see `timestamps`).
        unknown_expected: whether events of products outside the catalogue are expected, so that
            they do not count towards `Quarantine.max_share`.

    Returns:
        `product` (Int32), `event` (view, cart, purchase), and where the table has them `user_id`,
        `session_id`, `basket_id` (String), `timestamp` (Datetime us, UTC), `position` (Int64),
        `quantity` (Float64), `locale` (String).

    Raises:
        DataError: a column is missing or has the wrong type.
    """
    require_columns(frame, ("product_id",), file)
    contexts = [name for name in CONTEXTS if name in frame.columns]
    if not contexts:
        require_columns(frame, ("user_id",), file)
    frame = _with_rows(
        frame,
        file,
        quarantine,
        catalog,
        ids="product_id",
        rows="product",
        expected=unknown_expected,
    )
    frame = frame.with_columns(identifiers(frame[name], file) for name in contexts)
    frame = quarantine.set_aside(
        frame,
        file,
        pl.all_horizontal(pl.col(contexts).is_null()),
        f"no {' or '.join(contexts)}",
        "product_id",
    )
    columns = ["product", *contexts, "event"]
    if "event" in frame.columns:
        lower_case = text(frame["event"], file).str.to_lowercase().alias("_event")
        names = pl.col("_event").replace_strict(EVENT_NAMES, default=None, return_dtype=pl.String)
        frame = frame.with_columns(lower_case).with_columns(names)
        reason = f"event is none of {', '.join(EVENT_NAMES)}"
        frame = quarantine.set_aside(frame, file, pl.col("_event").is_null(), reason, "event")
        frame = frame.with_columns(pl.col("_event").alias("event"))
    else:
        frame = frame.with_columns(pl.lit("purchase").alias("event"))
    if "timestamp" in frame.columns:
        times = timestamps(frame["timestamp"], file, day_first=day_first)
        frame = frame.with_columns(times.alias("_time"))
        invalid = pl.col("_time").is_null()
        frame = quarantine.set_aside(
            frame, file, invalid, "timestamp is missing or invalid", "timestamp"
        )
        frame = frame.with_columns(pl.col("_time").alias("timestamp"))
        columns.append("timestamp")
    if "position" in frame.columns:
        frame = frame.with_columns(numbers(frame["position"], file).alias("_position"))
        integer = pl.col("_position").cast(pl.Int64, strict=False)
        invalid = integer.is_null() | (pl.col("_position") % 1 != 0)
        reason = "position is not an integer"
        frame = quarantine.set_aside(frame, file, invalid, reason, "position")
        frame = frame.with_columns(integer.alias("position"))
        columns.append("position")
    if "quantity" in frame.columns:
        frame = frame.with_columns(numbers(frame["quantity"], file).alias("_quantity"))
        unreadable = pl.col("quantity").is_not_null() & pl.col("_quantity").is_null()
        invalid = unreadable | (pl.col("_quantity") <= 0)
        reason = "quantity is not a positive number (a return?)"
        frame = quarantine.set_aside(frame, file, invalid, reason, "quantity")
        frame = frame.with_columns(pl.col("_quantity").alias("quantity"))
        columns.append("quantity")
    if "locale" in frame.columns:
        frame = frame.with_columns(text(frame["locale"], file))
        columns.append("locale")
    return frame.select(columns)


def clean_relations(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Relation lists: `source`, `target` (Int32 rows), `relation`, and `rank` if present.

    Raises:
        DataError: a column is missing, or no relation name of the table is supported.
    """
    require_columns(frame, ("source", "target", "relation"), file)
    lower_case = text(frame["relation"], file).str.to_lowercase().alias("_relation")
    relation_name = pl.col("_relation").replace_strict(
        RELATION_NAMES, default=None, return_dtype=pl.String
    )
    frame = frame.with_columns(lower_case).with_columns(relation_name)
    supported = ", ".join(RELATION_NAMES)
    if frame.height and frame["_relation"].null_count() == frame.height:
        values = frame["relation"].cast(pl.String).drop_nulls().unique().sort().to_list()
        matches = get_close_matches(values[0], RELATION_NAMES, n=1) if values else []
        hint = f"; did you mean {matches[0]!r}?" if matches else ""
        raise DataError(
            f"{file}: unknown relations ({', '.join(values[:5])}){hint} Supported: {supported}"
        )
    unknown = pl.col("_relation").is_null()
    frame = quarantine.set_aside(
        frame, file, unknown, f"relation is none of {supported}", "relation"
    )
    frame = _with_rows(frame, file, quarantine, catalog, ids="source", rows="_source")
    frame = _with_rows(frame, file, quarantine, catalog, ids="target", rows="_target")
    self_loop = pl.col("_source") == pl.col("_target")
    frame = quarantine.set_aside(
        frame, file, self_loop, "source and target are one product", "source"
    )
    columns = [
        pl.col("_source").alias("source"),
        pl.col("_target").alias("target"),
        pl.col("_relation").alias("relation"),
    ]
    if "rank" in frame.columns:
        frame = frame.with_columns(numbers(frame["rank"], file))
        columns.append(pl.col("rank").cast(pl.Int64, strict=False))
    return frame.select(columns)


def clean_sessions(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Sessions: `session_id`, `product` (Int32), in the order of the file."""
    require_columns(frame, ("session_id", "product_id"), file)
    frame = _with_ids(frame, "session_id", file, quarantine)
    # session logs may hold products outside the catalogue: these are counted, not an error
    frame = _with_rows(
        frame, file, quarantine, catalog, ids="product_id", rows="product", expected=True
    )
    return frame.select("session_id", "product")


def clean_bundles(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Bundles: `bundle_id`, `session_id`, `product` (Int32), and `intent` if present."""
    require_columns(frame, ("bundle_id", "session_id", "product_id"), file)
    frame = _with_ids(frame, "bundle_id", file, quarantine)
    frame = _with_ids(frame, "session_id", file, quarantine)
    frame = _with_rows(frame, file, quarantine, catalog, ids="product_id", rows="product")
    columns = ["bundle_id", "session_id", "product"]
    if "intent" in frame.columns:
        frame = frame.with_columns(text(frame["intent"], file))
        columns.append("intent")
    return frame.select(columns)


def clean_test(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Session prefixes and the next product: `prefix` (lists of Int32), `target` (Int32).

    Raises:
        DataError: a column is missing, or the prefixes are not lists.
    """
    require_columns(frame, ("prefix", "target"), file)
    frame = _with_rows(frame, file, quarantine, catalog, ids="target", rows="_target")
    if not isinstance(frame["prefix"].dtype, pl.List):
        frame = frame.with_columns(lists(frame["prefix"], file))
    exploded = frame.select(ROW, "prefix").explode("prefix")
    rows = catalog.rows(identifiers(exploded["prefix"], file))
    exploded = exploded.with_columns(pl.Series("_rows", rows, dtype=pl.Int32))
    prefixes = exploded.group_by(ROW).agg("_rows")
    frame = frame.join(prefixes, on=ROW, how="left", maintain_order="left")
    unknown = pl.col("_rows").list.min().fill_null(-1) < 0
    reason = "prefix is empty or holds a product that is not in the catalogue"
    frame = quarantine.set_aside(frame, file, unknown, reason, "target")
    return frame.select(pl.col("_rows").alias("prefix"), pl.col("_target").alias("target"))


def quarantine_missing(
    frame: pl.DataFrame, columns: Sequence[str], file: str, quarantine: Quarantine
) -> pl.DataFrame:
    """Set aside rows where one of `columns` is null, which includes unreadable values."""
    for name in columns:
        missing = pl.col(name).is_null()
        frame = quarantine.set_aside(frame, file, missing, f"{name} is missing or unreadable", name)
    return frame


def quarantine_repeats(
    frame: pl.DataFrame, name: str, file: str, quarantine: Quarantine
) -> pl.DataFrame:
    """Set aside rows without the identifier `name`, and those that repeat an earlier one."""
    frame = quarantine_missing(frame, (name,), file, quarantine)
    repeated = ~pl.col(name).is_first_distinct()
    reason = f"{name} is a repeat; the first row is used"
    return quarantine.set_aside(frame, file, repeated, reason, name)


def _with_rows(
    frame: pl.DataFrame,
    file: str,
    quarantine: Quarantine,
    catalog: Catalog,
    *,
    ids: str,
    rows: str,
    expected: bool = False,
) -> pl.DataFrame:
    """Add the column `rows`, the catalogue row of the column `ids`; set aside unknown ids."""
    frame = _with_ids(frame, ids, file, quarantine)
    frame = frame.with_columns(pl.Series(rows, catalog.rows(frame[ids]), dtype=pl.Int32))
    reason = f"{ids} {NOT_IN_CATALOGUE}"
    return quarantine.set_aside(frame, file, pl.col(rows) < 0, reason, ids, expected=expected)


def _with_ids(frame: pl.DataFrame, name: str, file: str, quarantine: Quarantine) -> pl.DataFrame:
    frame = frame.with_columns(identifiers(frame[name], file))
    return quarantine_missing(frame, (name,), file, quarantine)
