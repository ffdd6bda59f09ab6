"""Olist: orders of Brazilian shops on marketplaces, 2016 to 2018 (the Kaggle CSV files).

Most orders have one product. A customer is `customer_unique_id`; `customer_id` differs
in each order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from goeswith.core.progress import ShareProgress
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.joined_orders import joined_orders
from goeswith.data.importers.shops.order_lines import clean_shop_products, order_tables
from goeswith.data.importers.shops.table_layouts import (
    LaidOutFile,
    TableLayout,
    first_file,
    sort_files,
)
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.values import text

LINES: Final = TableLayout(
    {
        "basket_id": ["order_id"],
        "item": ["order_item_id"],
        "product_id": ["product_id"],
        "price": ["price"],
    },
    ("basket_id", "item", "product_id"),
)
ORDERS: Final = TableLayout(
    {
        "basket_id": ["order_id"],
        "customer": ["customer_id"],
        "status": ["order_status"],
        "timestamp": ["order_purchase_timestamp"],
    },
    ("basket_id", "customer", "status", "timestamp"),
)
CUSTOMERS: Final = TableLayout(
    {"customer": ["customer_id"], "user_id": ["customer_unique_id"]}, ("customer", "user_id")
)
PRODUCTS: Final = TableLayout(
    {"product_id": ["product_id"], "category": ["product_category_name"]},
    ("product_id", "category"),
)
NAMES: Final = TableLayout(
    {"category": ["product_category_name"], "english": ["product_category_name_english"]},
    ("category", "english"),
)
_UNAVAILABLE: Final = ("created",)
"""Orders that were never approved."""


def olist(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Products with their category in English as type; purchases by order and customer."""
    layouts = {
        "olist_order_items_dataset": LINES,
        "olist_orders_dataset": ORDERS,
        "olist_customers_dataset": CUSTOMERS,
        "product_category_name_translation": NAMES,
        "olist_products_dataset": PRODUCTS,
    }
    files = sort_files(sources, layouts, "olist", quarantine)
    lines, orders, customers, names, products = files.values()
    users = _pairs(customers, "customer", "user_id", quarantine)
    english = _pairs(names, "category", "english", quarantine)
    catalog = None
    for file in first_file(products, quarantine):
        frame = clean_shop_products(file.read(quarantine), file.path.name, quarantine)
        category = text(frame["category"], file.path.name).replace(english)
        kind = category.str.replace_all("_", " ").alias("type")
        catalog = frame.select("product_id", kind)
    frames = (
        (name, frame.with_columns(frame["customer"].replace(users).alias("user_id")))
        for name, frame in joined_orders(lines, orders, quarantine, progress)
    )
    yield from order_tables(frames, catalog, quarantine, progress, unpaid=_UNAVAILABLE)


def _pairs(
    files: list[LaidOutFile], key: str, value: str, quarantine: Quarantine
) -> dict[str, str]:
    """One column of a table by another."""
    pairs: dict[str, str] = {}
    for file in files:
        pairs |= dict(file.read(quarantine).drop(ROW).select(key, value).drop_nulls().iter_rows())
    return pairs
