"""Shopify: the exports of orders and products of the admin.

Orders (`orders_export.csv`): a line for each product of an order; status, customer and time stand
on the first line. Products (`products_export.csv`): a row for each variant, the attributes of the
product on the first, and rows of pictures only. Both the column names before and since 2024
(`Handle`, `URL handle`) are read. A variant without SKU has its name as id, as in the orders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.order_lines import (
    clean_shop_products,
    order_tables,
    read_files,
)
from goeswith.data.importers.shops.table_layouts import (
    LaidOutFile,
    TableLayout,
    sort_files,
    with_texts,
)
from goeswith.data.quarantine import Quarantine
from goeswith.data.values import text

ORDERS: Final = TableLayout(
    {
        "basket_id": ["Name"],
        "email": ["Email"],
        "status": ["Financial Status"],
        "timestamp": ["Created at"],
        "quantity": ["Lineitem quantity"],
        "title": ["Lineitem name"],
        "price": ["Lineitem price"],
        "product_id": ["Lineitem sku"],
        "cancelled": ["Cancelled at"],
        "payment": ["Payment Method"],
        "brand": ["Vendor"],
    },
    ("basket_id", "title", "quantity", "status"),
)
PRODUCTS: Final = TableLayout(
    {
        "variant_group": ["Handle", "URL handle"],
        "title": ["Title"],
        "description": ["Body (HTML)", "Description"],
        "brand": ["Vendor"],
        "category": ["Product Category"],
        "type": ["Type"],
        "option1": ["Option1 Value"],
        "option2": ["Option2 Value"],
        "option3": ["Option3 Value"],
        "sku": ["Variant SKU", "SKU"],
        "price": ["Variant Price", "Price"],
        "status": ["Status"],
        "gift_card": ["Gift Card"],
    },
    ("variant_group", "title", "option1", "price"),
)
_OPTIONS: Final = ("option1", "option2", "option3")
_OF_PRODUCT: Final = (
    "title", "description", "brand", "category", "type", "status", "gift_card",
)  # fmt: skip
_TEST_GATEWAY: Final = "bogus"


def shopify(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Variants with their product as group; purchases by order and customer."""
    files = sort_files(sources, {"orders": ORDERS, "products": PRODUCTS}, "shopify", quarantine)
    products = None
    if files["products"]:
        frames = [_products(file, quarantine) for file in files["products"]]
        products = pl.concat(frames).unique("product_id", keep="first", maintain_order=True)
    orders = (
        (name, _with_ids(frame, name))
        for name, frame in read_files(files["orders"], quarantine, progress)
    )
    yield from order_tables(orders, products, quarantine, progress)


def _with_ids(frame: pl.DataFrame, file: str) -> pl.DataFrame:
    """The SKU of a line, or else its name; orders of the test payment are tests."""
    sku = text(frame["product_id"], file) if "product_id" in frame.columns else pl.lit(None)
    frame = frame.with_columns(pl.coalesce(sku, text(frame["title"], file)).alias("product_id"))
    if "payment" in frame.columns:
        is_test = pl.col("payment").str.to_lowercase().str.contains(_TEST_GATEWAY, literal=True)
        frame = frame.with_columns(pl.when(is_test).then(pl.lit("true")).alias("test"))
    return frame


def _products(file: LaidOutFile, quarantine: Quarantine) -> pl.DataFrame:
    name = file.path.name
    frame = with_texts(file.read(quarantine), (*_OF_PRODUCT, *_OPTIONS, "sku", "price"), name)
    picture = pl.col("price").is_null() & pl.col("sku").is_null() & pl.col("option1").is_null()
    reason = "a row of a further picture, no variant"
    frame = frame.with_columns(text(frame["variant_group"], name))
    frame = frame.with_columns(
        pl.col(column).drop_nulls().first().over("variant_group") for column in _OF_PRODUCT
    )
    frame = quarantine.set_aside(frame, name, picture, reason, "variant_group", expected=True)
    options = [pl.when(pl.col(o) != "Default Title").then(pl.col(o)) for o in _OPTIONS]
    variant = pl.concat_str(options, separator=" / ", ignore_nulls=True)
    full_title = pl.when(variant != "").then(pl.format("{} - {}", "title", variant))
    frame = frame.with_columns(pl.coalesce("sku", full_title, "title").alias("product_id"))
    gift = pl.col("gift_card").str.to_lowercase() == "true"
    frame = quarantine.set_aside(frame, name, gift, "a gift card", "title", expected=True)
    sold = pl.col("status").str.to_lowercase().is_in(["active", ""]) | pl.col("status").is_null()
    frame = clean_shop_products(frame, name, quarantine, keep=sold)
    path = pl.col("category").str.split(" > ")
    return frame.select(
        "product_id",
        "title",
        pl.coalesce("type", path.list.last()).alias("type"),
        path.alias("categories"),
        "brand",
        "price",
        "description",
        "variant_group",
    )
