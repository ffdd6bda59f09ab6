"""Magento 2 and Adobe Commerce: the product export, and the tables of orders.

Products are the CSV of System > Export > Products, with links (related, cross-sell, up-sell) and
variants. The order export of the admin has no items, so that orders are read from exports of the
tables `sales_order` and `sales_order_item`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.joined_orders import joined_orders
from goeswith.data.importers.shops.order_lines import clean_shop_products, order_tables
from goeswith.data.importers.shops.set_links import set_links
from goeswith.data.importers.shops.table_layouts import (
    LaidOutFile,
    TableLayout,
    sort_files,
    with_texts,
)
from goeswith.data.parsing.prices import numbers
from goeswith.data.quarantine import Quarantine
from goeswith.data.values import identifiers, text

LINES: Final = TableLayout(
    {
        "item": ["item_id"],
        "basket_id": ["order_id"],
        "parent": ["parent_item_id"],
        "kind": ["product_type"],
        "product_id": ["sku"],
        "title": ["name"],
        "quantity": ["qty_ordered"],
        "cancelled_pieces": ["qty_canceled"],
        "refunded": ["qty_refunded"],
        "price": ["price"],
    },
    ("item", "basket_id", "parent", "product_id", "quantity"),
)
ORDERS: Final = TableLayout(
    {
        "basket_id": ["entity_id"],
        "state": ["state"],
        "status": ["status"],
        "user_id": ["customer_id"],
        "email": ["customer_email"],
        "timestamp": ["created_at"],
    },
    ("basket_id", "state", "status", "timestamp"),
)
PRODUCTS: Final = TableLayout(
    {
        "product_id": ["sku"],
        "store": ["store_view_code"],
        "kind": ["product_type"],
        "category": ["categories"],
        "title": ["name"],
        "description": ["short_description", "description"],
        "online": ["product_online"],
        "price": ["price"],
        "attributes": ["additional_attributes"],
        "related": ["related_skus"],
        "cross_sells": ["crosssell_skus"],
        "up_sells": ["upsell_skus"],
        "variations": ["configurable_variations"],
    },
    ("product_id", "kind", "category", "title", "price"),
)
_UNPAID: Final = ("closed", "holded", "pending_payment", "payment_review")
"""States of orders that were refunded in full, held back or not paid."""
_LINKS: Final = ("related", "cross_sells", "up_sells")


def magento(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Products by SKU, purchases by order; links of products if there are no orders."""
    layouts = {"lines": LINES, "orders": ORDERS, "products": PRODUCTS}
    files = sort_files(sources, layouts, "magento", quarantine)
    products = None
    for file in files["products"]:
        raw = _products(file, quarantine)
        has_orders = bool(files["lines"])
        links = set_links(raw, file.path.name, quarantine, has_orders=has_orders)
        if links.height:
            yield "relations", links
        raw = raw.drop(_LINKS, strict=False)
        products = raw if products is None else pl.concat([products, raw])
    if products is not None:
        products = products.unique("product_id", keep="first", maintain_order=True)
    lines = _sold_lines(
        joined_orders(files["lines"], files["orders"], quarantine, progress), quarantine
    )
    yield from order_tables(lines, products, quarantine, progress, unpaid=_UNPAID)


def _sold_lines(
    frames: Iterator[tuple[str, pl.DataFrame]], quarantine: Quarantine
) -> Iterator[tuple[str, pl.DataFrame]]:
    """One line for each product sold: not the variant below its product, nor the bundle."""
    for file, joined in frames:
        frame = joined.with_columns(
            identifiers(joined["item"], file),
            identifiers(joined["parent"], file),
            kind=text(joined["kind"], file) if "kind" in joined.columns else pl.lit("simple"),
        )
        configurable = frame.filter(pl.col("kind") == "configurable")["item"]
        below = pl.col("parent").is_in(configurable.implode())
        reason = "the variant of the line above, which has its SKU"
        frame = quarantine.set_aside(frame, file, below, reason, "product_id", expected=True)
        reason = "a bundle, whose parts have lines of their own"
        is_bundle = pl.col("kind") == "bundle"
        frame = quarantine.set_aside(frame, file, is_bundle, reason, "product_id", expected=True)
        # the state is that of the system, the status may have any name
        counts = ~text(frame["state"], file).is_in(["canceled", *_UNPAID])
        state = pl.when(counts.fill_null(value=True)).then("status").otherwise("state")
        frame = frame.with_columns(state.alias("status"))
        pieces = [name for name in ("cancelled_pieces", "refunded") if name in frame.columns]
        back = [numbers(frame[name], file).fill_null(0) for name in pieces]
        if back:
            frame = frame.with_columns(pl.sum_horizontal(back).alias("refunded"))
        yield file, frame


def _products(file: LaidOutFile, quarantine: Quarantine) -> pl.DataFrame:
    name = file.path.name
    wanted = ("store", "kind", "category", "online", "attributes", "variations", "description")
    frame = with_texts(file.read(quarantine), (*wanted, "title", "price"), name)
    translated = pl.col("store").is_not_null()
    reason = "a translation for a store view"
    frame = quarantine.set_aside(frame, name, translated, reason, "product_id", expected=True)
    frame = frame.with_columns(identifiers(frame["product_id"], name))
    # sku=WH01-XS,size=XS|sku=WH01-S,size=S
    variants = frame.select(
        pl.col("variations").str.extract_all(r"(?:^|\|)sku=[^,|]+").alias("product_id"),
        pl.col("product_id").alias("variant_group"),
    ).explode("product_id")
    variants = variants.with_columns(pl.col("product_id").str.replace(r"^\|?sku=", "")).drop_nulls()
    parents = variants.select(product_id="variant_group", variant_group="variant_group").unique()
    groups = pl.concat([variants, parents]).unique("product_id", keep="first")
    frame = frame.join(groups, on="product_id", how="left", maintain_order="left")
    on_sale = (pl.col("online") != "2") | pl.col("online").is_null()
    frame = clean_shop_products(frame, name, quarantine, keep=on_sale)
    # Default Category/Gear,Default Category/Gear/Bags: the deepest path, without the root
    paths = pl.col("category").str.split(",")
    depths = paths.list.eval(pl.element().str.count_matches("/")).list.arg_max()
    path = paths.list.get(depths).str.split("/").list.slice(1)
    brand = pl.col("attributes").str.extract(r"(?:^|,)(?:brand|manufacturer)=([^,]+)")
    links = [column for column in _LINKS if column in frame.columns]
    return frame.select(
        "product_id",
        "title",
        path.list.last().alias("type"),
        path.alias("categories"),
        brand.alias("brand"),
        "price",
        "description",
        "variant_group",
        *links,
    )
