"""UCI Online Retail: the invoice lines of a British wholesaler of gifts, 2010 and 2011.

The columns have the published names (InvoiceNo, StockCode, ...) or those of goeswith. Among the
lines are cancellations, returns, stock corrections, fees and vouchers; each kind is counted. Lines
without a customer stay, since they have a basket.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing
from goeswith.data.importers import TableBatches
from goeswith.data.importers.source_files import list_source_files
from goeswith.data.mapping.derived_catalog import with_attributes
from goeswith.data.parsing.prices import numbers
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import read_table, require_columns
from goeswith.data.values import identifiers, text

_COLUMN_NAMES: Final = {
    "InvoiceNo": "basket_id",
    "Invoice": "basket_id",
    "StockCode": "product_id",
    "Description": "title",
    "Quantity": "quantity",
    "InvoiceDate": "timestamp",
    "UnitPrice": "price",
    "Price": "price",
    "CustomerID": "user_id",
    "Customer ID": "user_id",
    "Country": "country",
}

_NON_PRODUCT_CODES: Final = (
    (r"^(POST|DOT|C2|C3)$", "postage or carriage, no product"),
    (r"^(M|D|B|S|ADJUST2?|TEST\d*)$", "a manual entry, discount, bad debt, sample or test line"),
    (r"^(BANK CHARGES|AMAZONFEE|CRUK)$", "a bank charge, marketplace fee or donation"),
    (r"^PADS$", "cushion pads at no own price, an addition to another line"),
    (r"^GIFT", "a gift voucher"),
)


def online_retail(
    sources: list[Path], quarantine: Quarantine, progress: ShareProgress
) -> TableBatches:
    """Products (the most frequent description, the median price) and purchases by basket."""
    files = list_source_files(sources)
    if len(files) != 1:
        raise DataError(f"online-retail needs one file; got {len(files)}")
    path, file = files[0], files[0].name
    progress(file, 0.0)
    frame = read_table(path, quarantine)
    frame = frame.rename({old: new for old, new in _COLUMN_NAMES.items() if old in frame.columns})
    columns = ("basket_id", "product_id", "title", "quantity", "timestamp", "price", "user_id")
    require_columns(frame, columns, file)
    ids = ("basket_id", "product_id", "user_id")
    frame = frame.with_columns(
        *(identifiers(frame[name], file) for name in ids),
        text(frame["title"], file),
        timestamps(frame["timestamp"], file),
        numbers(frame["quantity"], file),
        numbers(frame["price"], file),
    ).with_columns(
        pl.col("product_id").str.to_uppercase(), pl.col("user_id").str.replace(r"\.0$", "")
    )
    progress(file, 0.5)
    required = ("basket_id", "product_id", "timestamp", "quantity", "price")
    frame = quarantine_missing(frame, required, file, quarantine)
    frame = _set_aside_non_sales(frame, file, quarantine)
    events = frame.select("basket_id", "user_id", "product_id", "timestamp", "quantity", "price")
    products = frame.select(pl.col("product_id").unique().sort())
    yield "products", with_attributes(products, frame.drop(ROW), file)
    yield "events", events.drop("price")
    progress(file, 1.0)


def _set_aside_non_sales(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    """Set aside the lines that are not sales, by these rules in order."""
    invoice, code = pl.col("basket_id"), pl.col("product_id")
    rules = [
        (invoice.str.starts_with("C"), "a cancellation (invoice C...)", "basket_id"),
        (invoice.str.contains(r"^[A-Z]"), "an accounting entry (invoice A...)", "basket_id"),
        *(
            (code.str.contains(pattern), reason, "product_id")
            for pattern, reason in _NON_PRODUCT_CODES
        ),
        (pl.col("quantity") <= 0, "quantity below 1 without a cancellation: a stock loss", "title"),
        (pl.col("price") <= 0, "price 0: a stock correction or a free piece", "title"),
    ]
    for bad, reason, value in rules:
        frame = quarantine.set_aside(frame, file, bad, reason, value, expected=True)
    return frame
