"""Tables as they come -> the tables that everything later stands on; what is wrong is set aside.

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
from goeswith.data.tables import require
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
"""What logs call an event -> its name here."""

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
"""What product lists call a relation -> its name here."""

_TEXTS: Final = ("type", "title", "brand", "description")


def clean_products(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> Catalog:
    """The catalogue, in the order of the file.

    Rows without an id and repeats of an id (the first stays) are set aside. A price that is
    negative or no number is dropped, recorded, and its product kept.
    """
    require(frame, ("product_id",), file)
    frame = frame.with_columns(identifiers(frame["product_id"], file))
    frame = first_of_each(frame, "product_id", file, quarantine)
    frame = frame.with_columns(text(frame[name], file) for name in _TEXTS if name in frame.columns)
    if "categories" in frame.columns:
        frame = frame.with_columns(lists(frame["categories"], file))
    if "price" in frame.columns:
        price = numbers(frame["price"], file).alias("_price")
        frame = frame.with_columns(price, pl.col("price").cast(pl.String).alias("_written"))
        present = ~pl.col("_written").str.strip_chars().is_in(["", "None", "null"])
        wrong = present & (pl.col("_price").is_null() | (pl.col("_price") < 0))
        reason = "price is no number that a price can be; the product is kept without a price"
        quarantine.note(frame, file, wrong, reason, "_written")
        price_or_null = pl.when(pl.col("_price") >= 0).then(pl.col("_price"))
        frame = frame.with_columns(price_or_null.alias("price")).drop("_price", "_written")
    return Catalog(frame.drop(ROW))


def clean_events(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Events by catalogue row.

    Returns:
        `product` (Int32), `event` (view, cart, purchase), and where the table has them `user_id`,
        `session_id`, `basket_id` (String), `timestamp` (Datetime us, UTC), `position` (Int64),
        `quantity` (Float64), `locale` (String).

    Raises:
        DataError: a column is missing or cannot be read as what it should be.
    """
    require(frame, ("product_id",), file)
    contexts = [name for name in CONTEXTS if name in frame.columns]
    if not contexts:
        require(frame, ("user_id",), file)
    frame = _with_rows(frame, file, quarantine, catalog, ids="product_id", rows="product")
    frame = frame.with_columns(identifiers(frame[name], file) for name in contexts)
    frame = quarantine.split(
        frame,
        file,
        pl.all_horizontal(pl.col(contexts).is_null()),
        f"no {' or '.join(contexts)}: the event belongs to nobody",
        "product_id",
    )
    kept = ["product", *contexts, "event"]
    if "event" in frame.columns:
        given = text(frame["event"], file).str.to_lowercase().alias("_event")
        names = pl.col("_event").replace_strict(EVENT_NAMES, default=None, return_dtype=pl.String)
        frame = frame.with_columns(given).with_columns(names)
        reason = f"event is none of {', '.join(EVENT_NAMES)}"
        frame = quarantine.split(frame, file, pl.col("_event").is_null(), reason, "event")
        frame = frame.with_columns(pl.col("_event").alias("event"))
    else:
        frame = frame.with_columns(pl.lit("purchase").alias("event"))
    if "timestamp" in frame.columns:
        frame = frame.with_columns(timestamps(frame["timestamp"], file).alias("_time"))
        wrong = pl.col("_time").is_null()
        frame = quarantine.split(frame, file, wrong, "timestamp is missing or no time", "timestamp")
        frame = frame.with_columns(pl.col("_time").alias("timestamp"))
        kept.append("timestamp")
    if "position" in frame.columns:
        frame = frame.with_columns(numbers(frame["position"], file).alias("_position"))
        whole = pl.col("_position").cast(pl.Int64, strict=False)
        wrong = whole.is_null() | (pl.col("_position") % 1 != 0)
        reason = "position is no whole number"
        frame = quarantine.split(frame, file, wrong, reason, "position")
        frame = frame.with_columns(whole.alias("position"))
        kept.append("position")
    if "quantity" in frame.columns:
        frame = frame.with_columns(numbers(frame["quantity"], file).alias("_quantity"))
        unread = pl.col("quantity").is_not_null() & pl.col("_quantity").is_null()
        wrong = unread | (pl.col("_quantity") <= 0)
        reason = "quantity is no positive number (a return?)"
        frame = quarantine.split(frame, file, wrong, reason, "quantity")
        frame = frame.with_columns(pl.col("_quantity").alias("quantity"))
        kept.append("quantity")
    if "locale" in frame.columns:
        frame = frame.with_columns(text(frame["locale"], file))
        kept.append("locale")
    return frame.select(kept)


def clean_relations(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Relation lists: `source`, `target` (Int32 rows), `relation`, and `rank` where it is there.

    Raises:
        DataError: a column is missing, or no relation of the table is known.
    """
    require(frame, ("source", "target", "relation"), file)
    given = text(frame["relation"], file).str.to_lowercase().alias("_relation")
    names = pl.col("_relation").replace_strict(RELATION_NAMES, default=None, return_dtype=pl.String)
    frame = frame.with_columns(given).with_columns(names)
    known = ", ".join(RELATION_NAMES)
    if frame.height and frame["_relation"].null_count() == frame.height:
        values = frame["relation"].cast(pl.String).drop_nulls().unique().sort().to_list()
        near = get_close_matches(values[0], RELATION_NAMES, n=1) if values else []
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(
            f"{file}: no relation is known ({', '.join(values[:5])}){hint} Known are {known}"
        )
    unknown = pl.col("_relation").is_null()
    frame = quarantine.split(frame, file, unknown, f"relation is none of {known}", "relation")
    frame = _with_rows(frame, file, quarantine, catalog, ids="source", rows="_source")
    frame = _with_rows(frame, file, quarantine, catalog, ids="target", rows="_target")
    itself = pl.col("_source") == pl.col("_target")
    frame = quarantine.split(frame, file, itself, "source and target are one product", "source")
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
    require(frame, ("session_id", "product_id"), file)
    frame = _with_ids(frame, "session_id", file, quarantine)
    # a log of sessions may reach beyond the catalogue: such products are counted, not an error
    frame = _with_rows(
        frame, file, quarantine, catalog, ids="product_id", rows="product", expected=True
    )
    return frame.select("session_id", "product")


def clean_bundles(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Bundles: `bundle_id`, `session_id`, `product` (Int32), and `intent` where it is there."""
    require(frame, ("bundle_id", "session_id", "product_id"), file)
    frame = _with_ids(frame, "bundle_id", file, quarantine)
    frame = _with_ids(frame, "session_id", file, quarantine)
    frame = _with_rows(frame, file, quarantine, catalog, ids="product_id", rows="product")
    kept = ["bundle_id", "session_id", "product"]
    if "intent" in frame.columns:
        frame = frame.with_columns(text(frame["intent"], file))
        kept.append("intent")
    return frame.select(kept)


def clean_test(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Prefixes of sessions and what came next: `prefix` (lists of Int32), `target` (Int32).

    Raises:
        DataError: a column is missing, or the prefixes are no lists.
    """
    require(frame, ("prefix", "target"), file)
    frame = _with_rows(frame, file, quarantine, catalog, ids="target", rows="_target")
    if not isinstance(frame["prefix"].dtype, pl.List):
        frame = frame.with_columns(lists(frame["prefix"], file))
    single = frame.select(ROW, "prefix").explode("prefix")
    rows = catalog.rows(identifiers(single["prefix"], file))
    single = single.with_columns(pl.Series("_rows", rows, dtype=pl.Int32))
    prefixes = single.group_by(ROW).agg("_rows")
    frame = frame.join(prefixes, on=ROW, how="left", maintain_order="left")
    unknown = pl.col("_rows").list.min().fill_null(-1) < 0
    reason = "prefix is empty or holds a product that is not in the catalogue"
    frame = quarantine.split(frame, file, unknown, reason, "target")
    return frame.select(pl.col("_rows").alias("prefix"), pl.col("_target").alias("target"))


def with_values(
    frame: pl.DataFrame, columns: Sequence[str], file: str, quarantine: Quarantine
) -> pl.DataFrame:
    """Set aside rows where one of `columns` is null; a value that could not be read is null too."""
    for name in columns:
        missing = pl.col(name).is_null()
        frame = quarantine.split(frame, file, missing, f"{name} is missing or unreadable", name)
    return frame


def first_of_each(
    frame: pl.DataFrame, name: str, file: str, quarantine: Quarantine
) -> pl.DataFrame:
    """Set aside rows without the identifier `name`, and those that repeat an earlier one."""
    frame = with_values(frame, (name,), file, quarantine)
    twice = ~pl.col(name).is_first_distinct()
    reason = f"{name} stands in the file before; the first row is used"
    return quarantine.split(frame, file, twice, reason, name)


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
    """Add the column `rows`, the catalogue row of the column `ids`; set aside what has none."""
    frame = _with_ids(frame, ids, file, quarantine)
    frame = frame.with_columns(pl.Series(rows, catalog.rows(frame[ids]), dtype=pl.Int32))
    reason = f"{ids} is not in the catalogue"
    return quarantine.split(frame, file, pl.col(rows) < 0, reason, ids, expected=expected)


def _with_ids(frame: pl.DataFrame, name: str, file: str, quarantine: Quarantine) -> pl.DataFrame:
    frame = frame.with_columns(identifiers(frame[name], file))
    return with_values(frame, (name,), file, quarantine)
