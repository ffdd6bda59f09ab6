"""Product feeds of Google Merchant Center and of catalogues of Meta.

XML as RSS 2.0, Atom or `listings`, and text with tabs, commas or semicolons; the attribute names of
the two are the same but for categories (`google_product_category`, `fb_product_category`). A feed
has products and no orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.feed_xml import feed_items
from goeswith.data.importers.shops.order_lines import clean_shop_products
from goeswith.data.importers.shops.table_layouts import TableLayout, sort_files, with_texts
from goeswith.data.importers.source_files import list_source_files
from goeswith.data.quarantine import ROW, Quarantine

FEED: Final = TableLayout(
    {
        "product_id": ["id"],
        "title": ["title", "name"],
        "description": ["description"],
        "brand": ["brand", "manufacturer"],
        "price": ["price"],
        "product_type": ["product_type"],
        "category": ["google_product_category", "fb_product_category"],
        "variant_group": ["item_group_id"],
        "availability": ["availability"],
        "color": ["color"],
        "size": ["size"],
    },
    ("product_id", "title"),
)
_ITEMS: Final = ("item", "entry", "listing", "product")
_BATCH: Final = 20_000
_OUT_OF_STOCK: Final = ("out of stock", "out_of_stock", "discontinued")


def product_feed(
    sources: list[Path], quarantine: Quarantine, progress: ShareProgress
) -> TableBatches:
    """Products with type, group of variants and availability."""
    ids = pl.Series("product_id", [], dtype=pl.String)
    for name, frame in _frames(sources, quarantine, progress):
        products = _products(frame, name, quarantine)
        repeated = products["product_id"].is_in(ids.implode())
        count = int(repeated.sum())
        quarantine.count_expected(name, count, "the product is in an earlier file", "id")
        products = products.filter(~repeated)
        ids = pl.concat([ids, products["product_id"]])
        yield "products", products
        progress(name, 1.0)


def _frames(
    sources: list[Path], quarantine: Quarantine, progress: ShareProgress
) -> Iterator[tuple[str, pl.DataFrame]]:
    files = list_source_files(sources)
    xml = [file for file in files if file.name.lower().removesuffix(".gz").endswith(".xml")]
    for file in xml:
        progress(file.name, 0.0)
        items = enumerate(feed_items(file, _ITEMS), start=1)
        while batch := list(islice(items, _BATCH)):
            quarantine.count_read(file.name, len(batch))
            header = list(dict.fromkeys(name for _, item in batch for name in item))
            names = FEED.named(header)
            columns = {
                ours: [item.get(theirs, [None])[0] for _, item in batch]
                for ours, theirs in names.items()
            }
            numbers = pl.Series(ROW, [number for number, _ in batch], dtype=pl.Int64)
            yield (
                file.name,
                pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)).select(
                    numbers, pl.all()
                ),
            )
    others = [file for file in files if file not in xml]
    if others or not xml:
        given = {source for source in sources if source.is_file()}
        rest = [file for file in others if file in given] or (sources if not xml else [])
        tables = sort_files(rest, {"products": FEED}, "product-feed", quarantine) if rest else {}
        for table in tables.get("products", []):
            progress(table.path.name, 0.0)
            yield table.path.name, table.read(quarantine)


def _products(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    frame = clean_shop_products(with_texts(frame, FEED.columns, file), file, quarantine)
    path = pl.coalesce("product_type", "category").str.split(">")
    path = path.list.eval(pl.element().str.strip_chars())
    # a number is a category of Google's taxonomy, which says nothing by itself
    path = pl.when(~path.list.last().str.contains(r"^\d+$")).then(path)
    return frame.select(
        "product_id",
        "title",
        path.list.last().alias("type"),
        path.alias("categories"),
        "brand",
        "price",
        "description",
        "variant_group",
        (~pl.col("availability").str.to_lowercase().is_in(_OUT_OF_STOCK)).alias("available"),
        "color",
        "size",
    )
