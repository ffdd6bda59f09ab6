"""A catalogue from the other tables, where there is not a table of products."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from goeswith.data.catalog import Catalog
from goeswith.data.config import DataConfig
from goeswith.data.mapping.placeholders import is_non_product, is_placeholder, is_total
from goeswith.data.parsing.prices import currencies, prices
from goeswith.data.tables import require_columns
from goeswith.data.values import identifiers, lists, text

_PRODUCT_COLUMNS: Final = {
    "events": ("product_id",),
    "relations": ("source", "target"),
    "sessions": ("product_id",),
    "bundles": ("product_id",),
    "test": ("prefix", "target"),
}


def products_of_tables(
    tables: dict[str, pl.DataFrame], files: dict[str, str], config: DataConfig
) -> Catalog:
    """The products in the tables, sorted by id, with the attributes in the events."""
    ids = []
    for table, columns in _PRODUCT_COLUMNS.items():
        if table in tables:
            require_columns(tables[table], columns, files[table])
            ids += [
                identifiers(_exploded(tables[table][column]), files[table]).alias("product_id")
                for column in columns
            ]
    frame = pl.concat(ids).drop_nulls().unique().sort().to_frame()
    column = pl.col("product_id")
    no_product = is_placeholder(column) | is_total(column)
    if config.ignore.non_products:
        no_product |= is_non_product(column)
    frame = frame.filter(~no_product)
    if "events" in tables:
        if config.ignore.non_products:
            frame = _without_other_lines(frame, tables["events"], files["events"])
        frame = with_attributes(frame, tables["events"], files["events"], config.decimal)
    return Catalog(frame)


def _without_other_lines(products: pl.DataFrame, events: pl.DataFrame, file: str) -> pl.DataFrame:
    """Without products whose title in the events is shipping, gift wrap or the like."""
    if "title" not in events.columns:
        return products
    ids, titles = identifiers(events["product_id"], file), text(events["title"], file)
    lines = pl.DataFrame({"product_id": ids, "title": titles}).filter(
        is_non_product(pl.col("title"))
    )
    return products.join(lines, on="product_id", how="anti", maintain_order="left")


def only_used_products(
    catalog: Catalog, tables: dict[str, pl.DataFrame]
) -> tuple[Catalog, dict[str, pl.DataFrame]]:
    """The products of rows that can be used, and the tables by their rows."""
    columns = {
        "events": ("product",),
        "relations": ("source", "target"),
        "sessions": ("product",),
        "bundles": ("product",),
        "test": ("prefix", "target"),
    }
    used = np.zeros(len(catalog), dtype=bool)
    for table, frame in tables.items():
        for column in columns[table]:
            used[_exploded(frame[column]).drop_nulls().to_numpy()] = True
    if used.all():
        return catalog, tables
    rows = pl.Series(np.cumsum(used) - 1, dtype=pl.Int32)
    remapped = {}
    for table, frame in tables.items():
        new = []
        for column in columns[table]:
            if isinstance(frame[column].dtype, pl.List):
                new.append(pl.col(column).list.eval(pl.lit(rows).gather(pl.element())))
            else:
                new.append(pl.lit(rows).gather(pl.col(column)).alias(column))
        remapped[table] = frame.with_columns(new)
    return Catalog(catalog.frame.filter(used)), remapped


def _exploded(values: pl.Series) -> pl.Series:
    """The values of a column, with lists exploded."""
    return values.explode() if isinstance(values.dtype, pl.List) else values


def with_attributes(
    products: pl.DataFrame, events: pl.DataFrame, file: str, decimal: str = "auto"
) -> pl.DataFrame:
    """Add attributes from the events to products: the most frequent text, the median price.

    Args:
        products: has `product_id`.
        events: has `product_id` and any of `type`, `title`, `categories`, `brand`, `price`.
        file: name of the events for messages.
        decimal: decimal mark of prices in text.
    """
    known_events = events.with_columns(identifiers(events["product_id"], file))
    for name in ("type", "title", "categories", "brand"):
        if name in events.columns:
            values = (lists if name == "categories" else text)(events[name], file)
            most_frequent = (
                known_events.select("product_id", values)
                .drop_nulls()
                .group_by("product_id", name)
                .len()
                .sort("product_id", "len", name, descending=[False, True, False])
                .unique("product_id", keep="first", maintain_order=True)
                .select("product_id", name)
            )
            products = products.join(
                most_frequent, on="product_id", how="left", maintain_order="left"
            )
    if "price" in events.columns:
        price = known_events.select("product_id", prices(events["price"], file, decimal)).filter(
            pl.col("price") > 0
        )
        median = price.group_by("product_id").agg(pl.col("price").median())
        products = products.join(median, on="product_id", how="left", maintain_order="left")
    return products


def currency_notes(table: pl.DataFrame, file: str) -> list[str]:
    """A note on prices in several currencies, if there are any."""
    found = currencies(table["price"], file) if "price" in table.columns else []
    if len(found) < 2:
        return []
    return [
        f"the prices in {file} are in several currencies ({', '.join(found[:5])}) and are compared "
        "as plain numbers; convert them to one currency"
    ]


def unread_prices(events: pl.DataFrame, file: str, decimal: str) -> list[str]:
    """A note on prices in the events that are not read, if there are any."""
    if "price" not in events.columns:
        return []
    unread = events["price"].filter(
        events["price"].is_not_null() & prices(events["price"], file, decimal).is_null()
    )
    if not len(unread):
        return []
    example = unread.head(1).cast(pl.String, strict=False)[0]
    return [
        f"{len(unread):,} prices in {file} are not read, such as {example!r}; "
        "where they could be read in two ways, set decimal under [data] of goeswith.toml"
    ]
