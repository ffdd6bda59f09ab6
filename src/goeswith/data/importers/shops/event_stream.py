"""Events of analytics tools: views, carts and purchases, without repeats and refunds.

Each tool has a function from a record to rows, one for each product of an event.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.json_records import as_text, record_files, records
from goeswith.data.mapping.column_names import normalize
from goeswith.data.mapping.derived_catalog import with_attributes
from goeswith.data.mapping.event_names import CANCELLING_EVENTS, EVENT_NAMES, EVENTS
from goeswith.data.mapping.placeholders import is_placeholder
from goeswith.data.parsing.prices import numbers
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import FILE, ROW, Quarantine
from goeswith.data.values import identifiers, text

Row: TypeAlias = dict[str, Any]
Parse: TypeAlias = Callable[[dict[str, Any]], list[Row]]
"""A record -> its rows, with keys of `COLUMNS`. A refund without products has one row."""

TAKES_BACK: Final = "takes back"
"""The event of a row that refunds or cancels a purchase."""
COLUMNS: Final = (
    "event", "product_id", "user_id", "session_id", "basket_id", "timestamp", "quantity",
    "title", "type", "brand", "price", "event_id",
)  # fmt: skip
_IDS: Final = ("product_id", "user_id", "session_id", "basket_id", "event_id")
_EVENTS: Final = COLUMNS[:7]
_ATTRIBUTES: Final = ("title", "type", "brand", "price")
_BATCH: Final = 20_000
_NUMBER: Final = "_record"


def event_name(name: str) -> str | None:
    """The event of this package for a common name, `TAKES_BACK`, or None."""
    plain = normalize(name)
    if plain in CANCELLING_EVENTS:
        return TAKES_BACK
    event = EVENT_NAMES.get(plain)
    return event if event in EVENTS else None


def stream_tables(
    name: str,
    sources: list[Path],
    parse: Parse,
    quarantine: Quarantine,
    progress: ShareProgress,
) -> TableBatches:
    """Products and events of the records in files of JSON or parquet."""
    frames: list[pl.DataFrame] = []
    number = 0
    for path in record_files(sources, name, quarantine):
        file = path.name

        def on_progress(share: float, file: str = file) -> None:
            progress(file, share)

        of_file = records(path, quarantine, on_progress)
        while batch := list(islice(of_file, _BATCH)):
            frames.append(_frame(batch, parse, file, quarantine, number))
            number += len(batch)
        progress(file, 1.0)
    events = _counted(pl.concat(frames), name, quarantine)
    attributes = events.filter(pl.any_horizontal(pl.col(_ATTRIBUTES).is_not_null()))
    products = events.select(pl.col("product_id").unique().sort())
    if products.height:
        yield "products", with_attributes(products, attributes, name)
        yield "events", events.select(_EVENTS)


def _frame(
    batch: list[tuple[int, dict[str, Any]]],
    parse: Parse,
    file: str,
    quarantine: Quarantine,
    records_before: int,
) -> pl.DataFrame:
    """The rows of some records; records without one are counted as expected."""
    rows: list[Row] = []
    unused = 0
    for place, (number, record) in enumerate(batch):
        of_record = parse(record)
        unused += not of_record
        rows += [row | {ROW: number, _NUMBER: records_before + place} for row in of_record]
    quarantine.count_read(file, len(rows) + unused)
    reason = "no view, cart or purchase of a product"
    quarantine.count_expected(file, unused, reason, "")
    columns = [
        pl.Series(column, [as_text(row.get(column)) for row in rows], dtype=pl.String)
        for column in COLUMNS
    ]
    row_numbers = (
        pl.Series(column, [row[column] for row in rows], dtype=pl.Int64)
        for column in (ROW, _NUMBER)
    )
    frame = pl.DataFrame([*row_numbers, *columns])
    return frame.with_columns(
        pl.lit(file).alias(FILE),
        *(identifiers(frame[column], file) for column in _IDS),
        *(text(frame[column], file) for column in _ATTRIBUTES),
        timestamps(frame["timestamp"], file),
        numbers(frame["quantity"], file),
    )


def _counted(frame: pl.DataFrame, name: str, quarantine: Quarantine) -> pl.DataFrame:
    """The rows that count."""

    def set_aside(bad: pl.Expr, reason: str, value: str, *, expected: bool = True) -> None:
        nonlocal frame
        frame = quarantine.set_aside(frame, name, bad, reason, value, expected=expected)

    # the products of an event come together; a second event with its id is the same one
    first = pl.col(_NUMBER) == pl.col(_NUMBER).first().over("event_id")
    repeated = pl.col("event_id").is_not_null() & ~first
    set_aside(repeated, "the event was sent twice", "event_id")
    takes_back = pl.col("event") == TAKES_BACK
    back = frame.filter(takes_back & pl.col("basket_id").is_not_null())
    set_aside(takes_back, "a refund or a cancellation", "basket_id")
    orders = back.filter(pl.col("product_id").is_null())["basket_id"]
    lines = back.select("basket_id", "product_id").drop_nulls().unique()
    lines = lines.with_columns(pl.lit(value=True).alias("_back"))
    frame = frame.join(lines, on=["basket_id", "product_id"], how="left", maintain_order="left")
    is_purchase = pl.col("event") == "purchase"
    refunded = pl.col("_back").is_not_null() | pl.col("basket_id").is_in(orders.implode())
    set_aside(is_purchase & refunded, "the purchase was refunded or cancelled", "basket_id")
    frame = frame.drop("_back")
    # a page of thanks that is opened again sends its order again
    order = pl.when(is_purchase).then(pl.col("basket_id"))
    frame = frame.with_columns(order.alias("_order"))
    first = pl.col(_NUMBER) == pl.col(_NUMBER).first().over("_order")
    set_aside(pl.col("_order").is_not_null() & ~first, "the order was sent twice", "basket_id")
    frame = frame.drop("_order")
    product = pl.col("product_id")
    set_aside(is_placeholder(product), "product_id stands for a missing value", "product_id")
    for column in ("product_id", "timestamp"):
        reason = f"{column} is missing or unreadable"
        set_aside(pl.col(column).is_null(), reason, column, expected=False)
    contexts = pl.col("user_id", "session_id", "basket_id")
    no_context = pl.all_horizontal(contexts.is_null())
    set_aside(no_context, "there is no user, session or order", "product_id", expected=False)
    set_aside(pl.col("quantity") <= 0, "quantity is not a positive number", "product_id")
    return frame.with_columns(pl.col("quantity").fill_null(1.0))
