"""Instacart market basket analysis: grocery orders in sequence, without dates.

`position` is an order's number within its customer: the data knows days between orders, capped at
30, and no calendar.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from goeswith.core.errors import DataError
from goeswith.core.progress import ShareProgress
from goeswith.data.clean import first_of_each, with_values
from goeswith.data.importers import Batches
from goeswith.data.importers.source_files import given_files, named_file, needed_file
from goeswith.data.quarantine import Quarantine
from goeswith.data.tables import read_table, require, table_batches
from goeswith.data.values import identifiers, text

_LINES = ("order_products__prior", "order_products__train")


def instacart(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> Batches:
    """Products with aisle as type; purchases by basket and user."""
    files = given_files(sources)
    products = _products(files, quarantine)
    yield "products", products
    orders_file = needed_file(files, "orders", "instacart")
    progress(orders_file.name, 0.0)
    orders = read_table(orders_file, quarantine)
    require(orders, ("order_id", "user_id", "order_number"), orders_file.name)
    orders = orders.with_columns(
        identifiers(orders["order_id"], orders_file.name),
        identifiers(orders["user_id"], orders_file.name),
        pl.col("order_number").cast(pl.Int64, strict=False),
    )
    needed = ("order_id", "user_id", "order_number")
    orders = with_values(orders, needed, orders_file.name, quarantine)
    orders = first_of_each(orders, "order_id", orders_file.name, quarantine)
    orders = orders.select("order_id", "user_id", "order_number")
    lines_files = [file for stem in _LINES if (file := named_file(files, stem))]
    if not lines_files:
        raise DataError(f"instacart needs the file {_LINES[0]}.csv or {_LINES[1]}.csv")
    for done, file in enumerate(lines_files):
        progress(file.name, done / len(lines_files))
        for batch in table_batches(file, quarantine):
            yield "events", _events(batch, file.name, quarantine, orders, products["product_id"])
    progress(lines_files[-1].name, 1.0)


def _products(files: list[Path], quarantine: Quarantine) -> pl.DataFrame:
    path = needed_file(files, "products", "instacart")
    products = read_table(path, quarantine)
    require(products, ("product_id", "product_name"), path.name)
    products = products.with_columns(identifiers(products["product_id"], path.name))
    products = first_of_each(products, "product_id", path.name, quarantine)
    for stem, name in (("aisles", "aisle"), ("departments", "department")):
        names_file = needed_file(files, stem, "instacart")
        names = read_table(names_file, quarantine)
        require(names, (f"{name}_id", name), names_file.name)
        require(products, (f"{name}_id",), path.name)
        key = f"{name}_id"
        names = names.select(identifiers(names[key], names_file.name), text(names[name], path.name))
        products = products.with_columns(identifiers(products[key], path.name)).join(
            names.unique(key, keep="first"), on=key, how="left", maintain_order="left"
        )
    return products.select(
        "product_id",
        pl.col("aisle").alias("type"),
        pl.col("product_name").alias("title"),
        pl.concat_list("department", "aisle").list.drop_nulls().alias("categories"),
    )


def _events(
    lines: pl.DataFrame, file: str, quarantine: Quarantine, orders: pl.DataFrame, known: pl.Series
) -> pl.DataFrame:
    require(lines, ("order_id", "product_id"), file)
    lines = lines.with_columns(
        identifiers(lines["order_id"], file), identifiers(lines["product_id"], file)
    )
    frame = lines.join(orders, on="order_id", how="left", maintain_order="left")
    without = pl.col("user_id").is_null()
    frame = quarantine.split(frame, file, without, "order_id is not in orders.csv", "order_id")
    outside = ~pl.col("product_id").is_in(known.implode()).fill_null(value=False)
    reason = "product_id is not in products.csv"
    frame = quarantine.split(frame, file, outside, reason, "product_id")
    return frame.select(
        "user_id",
        pl.col("order_id").alias("basket_id"),
        "product_id",
        pl.col("order_number").alias("position"),
    )
