"""PrestaShop 1.7 and 8: the tables of orders, and the product list of the back office.

Orders are exports of the tables `ps_orders` and `ps_order_detail` (SQL Manager or phpMyAdmin);
products are the CSV export of the product list. Combinations count as their product, since the
list has no combinations.
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
from goeswith.data.importers.shops.table_layouts import LaidOutFile, TableLayout, sort_files
from goeswith.data.parsing.prices import numbers
from goeswith.data.quarantine import Quarantine
from goeswith.data.values import identifiers, text

LINES: Final = TableLayout(
    {
        "basket_id": ["id_order"],
        "product_id": ["product_id"],
        "title": ["product_name"],
        "quantity": ["product_quantity"],
        "refunded": ["product_quantity_refunded"],
        "returned": ["product_quantity_return"],
        "price": ["unit_price_tax_incl", "product_price"],
    },
    ("basket_id", "product_id", "title", "quantity"),
)
ORDERS: Final = TableLayout(
    {
        "basket_id": ["id_order"],
        "user_id": ["id_customer"],
        "state": ["current_state"],
        "valid": ["valid"],
        "timestamp": ["date_add"],
    },
    ("basket_id", "user_id", "state", "timestamp"),
)
PRODUCTS: Final = TableLayout(
    {
        "product_id": ["Product ID", "ID", "id_product"],
        "title": ["Name", "Product Name"],
        "type": ["Category", "Category Name"],
        "price": ["Price (tax incl.)", "Price (tax excl.)", "Base price", "Price"],
        "status": ["Status", "Active"],
        "stock": ["Quantity"],
    },
    ("product_id", "title", "type", "status"),
)
_STATES: Final = {"6": "cancelled", "7": "refunded", "8": "payment error"}
"""States that PrestaShop installs, by their number."""


def prestashop(
    sources: list[Path], quarantine: Quarantine, progress: ShareProgress
) -> TableBatches:
    """Products by number, purchases by order and customer."""
    layouts = {"lines": LINES, "orders": ORDERS, "products": PRODUCTS}
    files = sort_files(sources, layouts, "prestashop", quarantine)
    frames = [_products(file, quarantine) for file in files["products"]]
    products = pl.concat(frames) if frames else None
    lines = joined_orders(files["lines"], files["orders"], quarantine, progress)
    yield from order_tables(_with_status(lines), products, quarantine, progress)


def _with_status(
    frames: Iterator[tuple[str, pl.DataFrame]],
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The state of the order as text; an order that is not valid was not paid."""
    for file, frame in frames:
        state = identifiers(frame["state"], file).replace_strict(
            _STATES, default=None, return_dtype=pl.String
        )
        valid = text(frame["valid"], file) if "valid" in frame.columns else pl.lit("1")
        unpaid = pl.when(valid == "0").then(pl.lit("unpaid"))
        back = [
            numbers(frame[name], file).fill_null(0)
            for name in ("refunded", "returned")
            if name in frame.columns
        ]
        # a piece that came back may be in both columns
        refunded = [pl.max_horizontal(back).alias("refunded")] if back else []
        yield (
            file,
            frame.with_columns(
                pl.coalesce(state, unpaid, pl.lit("valid")).alias("status"), *refunded
            ),
        )


def _products(file: LaidOutFile, quarantine: Quarantine) -> pl.DataFrame:
    name = file.path.name
    frame = file.read(quarantine)
    status = text(frame["status"], name).str.to_lowercase()
    frame = frame.with_columns(status.alias("status"))
    off = pl.col("status").is_in(["0", "no", "disabled", "false"])
    if _status_is_stock(frame, name):
        quarantine.notes.append(
            f"{name}: Status is 1 where a product is out of stock, as PrestaShop 1.7 writes it; "
            "products that are offline stay, since the file does not mark them"
        )
        off = pl.lit(value=False)
    frame = clean_shop_products(frame, name, quarantine, keep=~off)
    if "price" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, pl.Float64).alias("price"))
    return frame.select("product_id", "title", "type", "price")


def _status_is_stock(frame: pl.DataFrame, file: str) -> bool:
    """Whether the status is 1 for the products that are out of stock, and 0 for all others."""
    if "stock" not in frame.columns:
        return False
    status = pl.col("status")
    rows = frame.select(status, numbers(frame["stock"], file).alias("stock")).drop_nulls()
    if not rows.height or not rows["status"].is_in(["0", "1"]).all():
        return False
    return bool(rows.select(((pl.col("stock") <= 0) == (status == "1")).all()).item())
