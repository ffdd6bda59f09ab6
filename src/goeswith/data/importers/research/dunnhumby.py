"""dunnhumby, The Complete Journey, as the publisher's CSV files: transaction_data and product.

`position` is the day of the study and the time of day: the data have no dates. `complete-journey`
reads the same panel from a package, which has dates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing, quarantine_repeats
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.order_lines import in_catalog
from goeswith.data.importers.shops.table_layouts import LaidOutFile, TableLayout, sort_files
from goeswith.data.parsing.prices import numbers
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.values import identifiers, text

LOG: Final = TableLayout(
    {
        "user_id": ["household_key"],
        "basket_id": ["BASKET_ID"],
        "day": ["DAY"],
        "product_id": ["PRODUCT_ID"],
        "quantity": ["QUANTITY"],
        "time": ["TRANS_TIME"],
    },
    ("user_id", "basket_id", "day", "product_id", "quantity", "time"),
)
PRODUCTS: Final = TableLayout(
    {
        "product_id": ["PRODUCT_ID"],
        "department": ["DEPARTMENT"],
        "brand": ["BRAND"],
        "commodity": ["COMMODITY_DESC"],
        "type": ["SUB_COMMODITY_DESC"],
        "size": ["CURR_SIZE_OF_PRODUCT"],
    },
    ("product_id", "department", "commodity", "type"),
)


def dunnhumby(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Products with their sub-commodity as type; purchases by basket and household."""
    layouts = {"transaction_data": LOG, "product": PRODUCTS}
    files = sort_files(sources, layouts, "dunnhumby", quarantine)
    products = None
    for file in files["product"][:1]:
        products = _products(file, quarantine)
        yield "products", products
    for file in files["transaction_data"]:
        name = file.path.name
        progress(name, 0.0)
        for batch in file.batches(quarantine):
            events = _events(batch, name, quarantine)
            if products is not None:
                events = in_catalog(events, name, products, quarantine)
            yield "events", events.drop(ROW)
        progress(name, 1.0)


def _products(file: LaidOutFile, quarantine: Quarantine) -> pl.DataFrame:
    name = file.path.name
    frame = file.read(quarantine)
    for column in tuple(PRODUCTS.columns)[1:]:
        values = text(frame[column], name) if column in frame.columns else pl.lit(None, pl.String)
        frame = frame.with_columns(values.alias(column))
    frame = frame.with_columns(identifiers(frame["product_id"], name))
    frame = quarantine_repeats(frame, "product_id", name, quarantine)
    words = pl.concat_str("commodity", "type", "size", separator=", ", ignore_nulls=True)
    return frame.select(
        "product_id",
        words.str.to_titlecase().replace("", None).alias("title"),
        "type",
        pl.concat_list("department", "commodity").list.drop_nulls().alias("categories"),
        "brand",
        "size",
    )


def _events(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    ids = ("user_id", "basket_id", "product_id")
    frame = frame.with_columns(
        *(identifiers(frame[column], file) for column in ids),
        *(numbers(frame[column], file) for column in ("quantity", "day", "time")),
    )
    frame = quarantine_missing(frame, (*ids, "quantity", "day"), file, quarantine)
    none = pl.col("quantity") <= 0
    reason = "quantity 0: a coupon or correction, nothing was bought"
    frame = quarantine.set_aside(frame, file, none, reason, "product_id", expected=True)
    position = pl.col("day") * 10_000 + pl.col("time").fill_null(0)
    return frame.select(ROW, *ids, position.cast(pl.Int64).alias("position"), "quantity")
