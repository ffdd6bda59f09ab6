"""WooCommerce: the product export of its core, and orders with a row for each item.

Orders are those of the extension Customer / Order / Coupon Export ("one row per item"), of Order
Export & Order Import ("line items in separate rows") and of Advanced Order Export, which name
their columns differently. A product has its SKU as id, and `id:` with its number where it has none,
as the product export writes it.
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
from goeswith.data.importers.shops.set_links import set_links
from goeswith.data.importers.shops.table_layouts import (
    LaidOutFile,
    TableLayout,
    sort_files,
    with_texts,
)
from goeswith.data.quarantine import Quarantine
from goeswith.data.values import identifiers, text

ORDERS: Final = TableLayout(
    {
        "basket_id": ["order_number", "order_id", "Order Number", "Order ID"],
        "status": ["status", "Order Status"],
        "timestamp": ["date", "order_date", "Order Date"],
        "user_id": ["customer_id", "Customer User ID", "Customer ID"],
        "email": ["billing_email", "customer_email", "Email (Billing)"],
        "sku": ["item_sku", "SKU", "Product SKU"],
        "number": ["item_product_id", "Product ID", "Product Id"],
        "title": ["item_name", "Item Name", "Product Name"],
        "quantity": ["item_quantity", "Quantity", "Quantity (- Refund)"],
        "refunded": ["item_refunded_qty", "Quantity Refunded"],
        "price": ["item_price", "Item Cost"],
    },
    ("basket_id", "status", "title", "quantity"),
)
PRODUCTS: Final = TableLayout(
    {
        "number": ["ID"],
        "kind": ["Type"],
        "sku": ["SKU"],
        "title": ["Name"],
        "published": ["Published"],
        "description": ["Short description"],
        "price": ["Regular price"],
        "category": ["Categories"],
        "brand": ["Brands", "Brand"],
        "parent": ["Parent"],
        "up_sells": ["Upsells"],
        "cross_sells": ["Cross-sells"],
    },
    ("number", "kind", "sku", "title", "published"),
)
_UNPAID: Final = ("pending", "checkout-draft")
"""An order on hold waits for a bank transfer and counts."""
_TEXTS: Final = ("kind", "sku", "title", "published", "category", "brand", "parent", "price")


def woocommerce(
    sources: list[Path], quarantine: Quarantine, progress: ShareProgress
) -> TableBatches:
    """Products and variations, purchases by order; links of products if there are no orders."""
    layouts = {"orders": ORDERS, "products": PRODUCTS}
    files = sort_files(sources, layouts, "woocommerce", quarantine)
    products = None
    for file in files["products"]:
        raw = _products(file, quarantine)
        links = set_links(
            raw,
            file.path.name,
            quarantine,
            has_orders=bool(files["orders"]),
            ids=dict(raw.select("number_id", "product_id").iter_rows()),
        )
        if links.height:
            yield "relations", links
        raw = raw.drop("number_id", "up_sells", "cross_sells", strict=False)
        products = raw if products is None else pl.concat([products, raw])
    if products is not None:
        products = products.unique("product_id", keep="first", maintain_order=True)
    orders = (
        (name, _with_ids(frame, name))
        for name, frame in read_files(files["orders"], quarantine, progress)
    )
    yield from order_tables(orders, products, quarantine, progress, unpaid=_UNPAID)


def _with_ids(frame: pl.DataFrame, file: str) -> pl.DataFrame:
    ids: list[pl.Series | pl.Expr] = [text(frame["sku"], file)] if "sku" in frame.columns else []
    if "number" in frame.columns:
        number = identifiers(frame["number"], file)
        frame = frame.with_columns(number)
        ids.append(pl.format("id:{}", "number"))
    status = text(frame["status"], file).str.replace("^wc-", "")
    return frame.with_columns(
        pl.coalesce(*ids, text(frame["title"], file)).alias("product_id"), status
    )


def _products(file: LaidOutFile, quarantine: Quarantine) -> pl.DataFrame:
    name = file.path.name
    frame = with_texts(file.read(quarantine), (*_TEXTS, "description"), name)
    frame = frame.with_columns(identifiers(frame["number"], name))
    frame = frame.with_columns(pl.format("id:{}", "number").alias("number_id"))
    frame = frame.with_columns(pl.coalesce("sku", "number_id").alias("product_id"))
    of_number = dict(frame.select("number_id", "product_id").drop_nulls().iter_rows())
    parent = pl.col("parent").replace(of_number)
    is_parent = pl.col("product_id").is_in(frame.select(parent)["parent"].drop_nulls().implode())
    own = pl.when(is_parent).then(pl.col("product_id"))
    frame = frame.with_columns(pl.coalesce(parent, own).alias("variant_group"))
    # variations have the categories and the brand of their product
    frame = frame.with_columns(
        pl.coalesce(c, pl.col(c).drop_nulls().first().over("variant_group")).alias(c)
        for c in ("category", "brand")
    )
    frame = clean_shop_products(frame, name, quarantine, keep=pl.col("published") == "1")
    # `Clothing > Hoodies, Sale`: the first path; a comma in a name is escaped
    path = (
        pl.col("category")
        .str.replace_all(r"\,", "\0", literal=True)
        .str.split(",")
        .list.first()
        .str.replace_all("\0", ",", literal=True)
        .str.split(">")
        .list.eval(pl.element().str.strip_chars())
    )
    links = [column for column in ("up_sells", "cross_sells") if column in frame.columns]
    return frame.select(
        "product_id",
        "title",
        path.list.last().alias("type"),
        path.alias("categories"),
        "brand",
        "price",
        "description",
        "variant_group",
        "number_id",
        *links,
    )
