"""dunnhumby, The Complete Journey, as the publisher's CSV files: transaction_data and product.

`position` is the day of the study and the time of day: the data have no dates. `complete-journey`
reads the same panel from a package, which has dates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing
from goeswith.data.importers import TableBatches
from goeswith.data.importers.research.catalog_and_log import catalog_and_log
from goeswith.data.importers.shops.table_layouts import TableLayout, sort_files
from goeswith.data.parsing.prices import numbers
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.values import identifiers

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
    yield from catalog_and_log(
        files["product"],
        files["transaction_data"],
        quarantine,
        progress,
        clean_products=_products,
        clean_events=_events,
    )


def _products(frame: pl.DataFrame, _file: str) -> pl.DataFrame:
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
