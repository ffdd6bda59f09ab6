"""H&M (Kaggle, 2022): purchases by customer and day, and articles.

The data have no orders: a basket is the purchases of a customer on a day. Articles of one
`product_code` are variants in other colours. Prices are scaled and left out.
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
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.values import identifiers

LOG: Final = TableLayout(
    {"timestamp": ["t_dat"], "user_id": ["customer_id"], "product_id": ["article_id"]},
    ("timestamp", "user_id", "product_id"),
)
ARTICLES: Final = TableLayout(
    {
        "product_id": ["article_id"],
        "variant_group": ["product_code"],
        "title": ["prod_name"],
        "type": ["product_type_name"],
        "group": ["product_group_name"],
        "color": ["colour_group_name"],
        "section": ["index_group_name"],
        "description": ["detail_desc"],
    },
    ("product_id", "title", "type"),
)


def hm(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Articles with their product as group; purchases by customer and day."""
    layouts = {"transactions": LOG, "articles": ARTICLES}
    files = sort_files(sources, layouts, "hm", quarantine)
    yield from catalog_and_log(
        files["articles"],
        files["transactions"],
        quarantine,
        progress,
        clean_products=_products,
        clean_events=_events,
    )


def _products(frame: pl.DataFrame, file: str) -> pl.DataFrame:
    group = identifiers(frame["variant_group"], file)
    categories = pl.concat_list("section", "group", "type").list.drop_nulls().alias("categories")
    return frame.select("product_id", "title", "type", categories, "color", "description", group)


def _events(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    frame = frame.with_columns(
        identifiers(frame["product_id"], file),
        identifiers(frame["user_id"], file),
        timestamps(frame["timestamp"], file),
    )
    frame = quarantine_missing(frame, ("user_id", "product_id", "timestamp"), file, quarantine)
    day = pl.col("timestamp").dt.to_string("%Y-%m-%d")
    return frame.select(
        ROW, "user_id", pl.concat_str("user_id", day, separator=".").alias("basket_id"),
        "product_id", "timestamp",
    )  # fmt: skip
