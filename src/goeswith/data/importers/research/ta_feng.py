"""Ta-Feng: baskets of a Taiwanese grocery, November 2000 to February 2001 (the Kaggle CSV).

The data have no receipts: a basket is the purchases of a customer on a day, as in the literature.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.table_layouts import TableLayout, sort_files
from goeswith.data.mapping.derived_catalog import with_attributes
from goeswith.data.parsing.prices import numbers
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import Quarantine
from goeswith.data.values import identifiers

LOG: Final = TableLayout(
    {
        "timestamp": ["TRANSACTION_DT"],
        "user_id": ["CUSTOMER_ID"],
        "subclass": ["PRODUCT_SUBCLASS"],
        "product_id": ["PRODUCT_ID"],
        "quantity": ["AMOUNT"],
        "price": ["SALES_PRICE"],
    },
    ("timestamp", "user_id", "subclass", "product_id", "quantity"),
)


def ta_feng(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Products with their subclass as type; purchases by customer and day."""
    files = sort_files(sources, {"log": LOG}, "ta-feng", quarantine)["log"]
    frames = []
    for file in files:
        name = file.path.name
        progress(name, 0.0)
        frame = file.read(quarantine)
        ids = ("product_id", "user_id", "subclass")
        frame = frame.with_columns(
            *(identifiers(frame[column], name) for column in ids),
            timestamps(frame["timestamp"], name, "mdy"),
            numbers(frame["quantity"], name),
        )
        required = ("user_id", "product_id", "timestamp", "quantity")
        frame = quarantine_missing(frame, required, name, quarantine)
        reason = "the quantity is not above 0"
        none = pl.col("quantity") <= 0
        frames.append(quarantine.set_aside(frame, name, none, reason, "product_id", expected=True))
        progress(name, 1.0)
    lines = pl.concat(frames, how="diagonal_relaxed")
    lines = lines.with_columns(pl.format("subclass {}", "subclass").alias("type"))
    ids_only = lines.select(pl.col("product_id").unique().sort())
    # prices are those of the line, of all its pieces
    yield "products", with_attributes(ids_only, lines.select("product_id", "type"), "the log")
    day = pl.col("timestamp").dt.to_string("%Y-%m-%d")
    basket = pl.concat_str("user_id", day, separator=".").alias("basket_id")
    yield "events", lines.select("user_id", basket, "product_id", "timestamp", "quantity")
