"""REES46: views, carts and purchases of a multi-category or cosmetics shop, one CSV a month.

A basket is the purchases of a session. A product has the category, brand and price of its last
event.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.table_layouts import TableLayout, sort_files
from goeswith.data.parsing.prices import numbers
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import Quarantine
from goeswith.data.values import identifiers, text

LOG: Final = TableLayout(
    {
        "timestamp": ["event_time"],
        "event": ["event_type"],
        "product_id": ["product_id"],
        "category": ["category_code"],
        "brand": ["brand"],
        "price": ["price"],
        "user_id": ["user_id"],
        "session_id": ["user_session"],
    },
    ("timestamp", "event", "product_id", "category", "brand", "price", "user_id", "session_id"),
)
_EVENTS: Final = ("view", "cart", "purchase")


def rees46(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Events by session and user, and the products in them."""
    files = sort_files(sources, {"log": LOG}, "rees46", quarantine)["log"]
    products: pl.DataFrame | None = None
    for done, file in enumerate(files):
        name = file.path.name
        progress(name, done / len(files))
        for batch in file.batches(quarantine):
            events = _events(batch, name, quarantine)
            seen = events.select("product_id", "category", "brand", "price")
            both = seen if products is None else pl.concat([products, seen])
            products = both.unique("product_id", keep="last")
            yield "events", events.drop("category", "brand", "price")
    if products is not None:
        path = pl.col("category").str.split(".")
        yield (
            "products",
            products.sort("product_id").select(
                "product_id",
                path.list.last().str.replace_all("_", " ").alias("type"),
                path.alias("categories"),
                "brand",
                pl.when(pl.col("price") > 0).then("price").alias("price"),
            ),
        )
    progress(files[-1].path.name, 1.0)


def _events(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    removed = pl.col("event") == "remove_from_cart"
    reason = "a product removed from a cart"
    frame = quarantine.set_aside(frame, file, removed, reason, "product_id", expected=True)
    other = ~pl.col("event").is_in(_EVENTS).fill_null(value=False)
    reason = f"event_type is none of {', '.join(_EVENTS)}"
    frame = quarantine.set_aside(frame, file, other, reason, "event")
    ids = ("product_id", "user_id", "session_id")
    frame = frame.with_columns(
        *(identifiers(frame[column], file) for column in ids),
        *(text(frame[column], file) for column in ("category", "brand")),
        timestamps(frame["timestamp"], file),
        numbers(frame["price"], file),
    )
    frame = quarantine_missing(frame, ("product_id", "user_id", "timestamp"), file, quarantine)
    bought = pl.when(pl.col("event") == "purchase").then(pl.col("session_id"))
    return frame.select(
        "event", "product_id", "user_id", "session_id", bought.alias("basket_id"), "timestamp",
        "category", "brand", "price",
    )  # fmt: skip
