"""Cleaning of input tables: valid rows by catalogue row, invalid rows to quarantine.

For every table: rows read = rows returned + rows in quarantine that are not `kept`.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.mapping.placeholders import is_no_category, is_placeholder, is_total
from goeswith.data.parsing.prices import numbers, prices
from goeswith.data.pictures.column_name import PICTURE_VECTOR
from goeswith.data.pictures.picture_column import clean_picture_vectors, picture_length
from goeswith.data.quarantine import FILE, ROW, Quarantine
from goeswith.data.tables import require_columns
from goeswith.data.values import identifiers, lists, text

RELATION_NAMES: Final = {
    "co_purchase": "co_purchase",
    "also_bought": "co_purchase",
    "also_buy": "co_purchase",
    "bought_together": "co_purchase",
    "co_view": "co_view",
    "also_viewed": "co_view",
    "also_view": "co_view",
    "view_then_purchase": "view_then_purchase",
    "buy_after_viewing": "view_then_purchase",
}
"""Relation name in product lists -> relation name of this package."""

NOT_IN_CATALOGUE: Final = "is not in the catalogue"
"""End of the reason for which rows of unknown products are set aside."""

_TEXT_COLUMNS: Final = ("type", "title", "brand", "description")


def clean_products(
    frame: pl.DataFrame,
    file: str,
    quarantine: Quarantine,
    decimal: str = "auto",
    catalog_frame: pl.DataFrame | None = None,
) -> Catalog:
    """The catalogue, in the order of the file.

    Rows without an id and repeats of an id (the first row stays) are set aside. A price that is
    negative or not a number is dropped and recorded, as is a picture vector that is none; its
    product stays. `decimal` is the decimal mark of prices in text. `catalog_frame` is the catalogue
    of a bundle, for products that are added to it or queried: picture vectors have the length of
    its vectors.
    """
    require_columns(frame, ("product_id",), file)
    frame = frame.with_columns(identifiers(frame["product_id"], file))
    frame = quarantine_repeats(frame, "product_id", file, quarantine)
    frame = frame.with_columns(
        text(frame[name], file) for name in _TEXT_COLUMNS if name in frame.columns
    )
    if "type" in frame.columns:
        frame = frame.with_columns(pl.when(~is_no_category(pl.col("type"))).then("type"))
    if "categories" in frame.columns:
        frame = frame.with_columns(lists(frame["categories"], file))
        categories = pl.col("categories").list
        frame = frame.with_columns(categories.filter(~is_no_category(pl.element())))
    if "price" in frame.columns:
        price = prices(frame["price"], file, decimal).alias("_price")
        frame = frame.with_columns(price, pl.col("price").cast(pl.String).alias("_written"))
        present = ~pl.col("_written").str.strip_chars().is_in(["", "None", "null"])
        invalid = present & (pl.col("_price").is_null() | (pl.col("_price") < 0))
        reason = "price is not a valid number; the product stays without a price"
        open_mark = invalid & pl.col("_written").str.contains(r"^\D*[1-9]\d{0,2}[.,]\d{3}\D*$")
        quarantine.record_dropped_values(frame, file, invalid & ~open_mark, reason, "_written")
        reason = (
            "price has a mark of decimals or of thousands; the product stays without a price. Set "
            "decimal under [data] of goeswith.toml"
        )
        quarantine.record_dropped_values(frame, file, open_mark, reason, "_written")
        price_or_null = pl.when(pl.col("_price") >= 0).then(pl.col("_price"))
        frame = frame.with_columns(price_or_null.alias("price")).drop("_price", "_written")
    if PICTURE_VECTOR in frame.columns:
        length = None if catalog_frame is None else picture_length(catalog_frame)
        frame = clean_picture_vectors(frame, file, quarantine, length)
    return Catalog(frame.drop(ROW, FILE, strict=False))


def clean_relations(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Relation lists: `source`, `target` (Int32 rows), `relation`, and `rank` if present.

    Raises:
        DataError: a column is missing, or no relation name of the table is supported.
    """
    require_columns(frame, ("source", "target", "relation"), file)
    lower_case = text(frame["relation"], file).str.to_lowercase().alias("_relation")
    relation_name = pl.col("_relation").replace_strict(
        RELATION_NAMES, default=None, return_dtype=pl.String
    )
    frame = frame.with_columns(lower_case).with_columns(relation_name)
    supported = ", ".join(RELATION_NAMES)
    if frame.height and frame["_relation"].null_count() == frame.height:
        values = frame["relation"].cast(pl.String).drop_nulls().unique().sort().to_list()
        matches = get_close_matches(values[0], RELATION_NAMES, n=1) if values else []
        hint = f"; did you mean {matches[0]!r}?" if matches else ""
        raise DataError(
            f"{file}: unknown relations ({', '.join(values[:5])}){hint} Supported: {supported}"
        )
    unknown = pl.col("_relation").is_null()
    frame = quarantine.set_aside(
        frame, file, unknown, f"relation is none of {supported}", "relation"
    )
    frame = with_rows(frame, file, quarantine, catalog, ids="source", rows="_source")
    frame = with_rows(frame, file, quarantine, catalog, ids="target", rows="_target")
    self_loop = pl.col("_source") == pl.col("_target")
    frame = quarantine.set_aside(
        frame, file, self_loop, "source and target are one product", "source"
    )
    columns = [
        pl.col("_source").alias("source"),
        pl.col("_target").alias("target"),
        pl.col("_relation").alias("relation"),
    ]
    if "rank" in frame.columns:
        frame = frame.with_columns(numbers(frame["rank"], file))
        columns.append(pl.col("rank").cast(pl.Int64, strict=False))
    return frame.select(columns)


def clean_sessions(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Sessions: `session_id`, `product` (Int32), in the order of the file."""
    require_columns(frame, ("session_id", "product_id"), file)
    frame = with_ids(frame, "session_id", file, quarantine)
    # session logs may hold products outside the catalogue: these are counted, not an error
    frame = with_rows(
        frame, file, quarantine, catalog, ids="product_id", rows="product", expected=True
    )
    return frame.select("session_id", "product")


def clean_bundles(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Bundles: `bundle_id`, `session_id`, `product` (Int32), and `intent` if present."""
    require_columns(frame, ("bundle_id", "session_id", "product_id"), file)
    frame = with_ids(frame, "bundle_id", file, quarantine)
    frame = with_ids(frame, "session_id", file, quarantine)
    frame = with_rows(frame, file, quarantine, catalog, ids="product_id", rows="product")
    columns = ["bundle_id", "session_id", "product"]
    if "intent" in frame.columns:
        frame = frame.with_columns(text(frame["intent"], file))
        columns.append("intent")
    return frame.select(columns)


def clean_test(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, catalog: Catalog
) -> pl.DataFrame:
    """Session prefixes and the next product: `prefix` (lists of Int32), `target` (Int32).

    Raises:
        DataError: a column is missing, or the prefixes are not lists.
    """
    require_columns(frame, ("prefix", "target"), file)
    frame = with_rows(frame, file, quarantine, catalog, ids="target", rows="_target")
    if not isinstance(frame["prefix"].dtype, pl.List):
        frame = frame.with_columns(lists(frame["prefix"], file))
    exploded = frame.select(ROW, "prefix").explode("prefix")
    rows = catalog.rows(identifiers(exploded["prefix"], file))
    exploded = exploded.with_columns(pl.Series("_rows", rows, dtype=pl.Int32))
    prefixes = exploded.group_by(ROW).agg("_rows")
    frame = frame.join(prefixes, on=ROW, how="left", maintain_order="left")
    unknown = pl.col("_rows").list.min().fill_null(-1) < 0
    reason = "prefix is empty or holds a product that is not in the catalogue"
    frame = quarantine.set_aside(frame, file, unknown, reason, "target")
    return frame.select(pl.col("_rows").alias("prefix"), pl.col("_target").alias("target"))


def quarantine_missing(
    frame: pl.DataFrame, columns: Sequence[str], file: str, quarantine: Quarantine
) -> pl.DataFrame:
    """Set aside rows where one of `columns` is null, which includes unreadable values."""
    for name in columns:
        missing = pl.col(name).is_null()
        frame = quarantine.set_aside(frame, file, missing, f"{name} is missing or unreadable", name)
    return frame


def quarantine_repeats(
    frame: pl.DataFrame, name: str, file: str, quarantine: Quarantine
) -> pl.DataFrame:
    """Set aside rows without the identifier `name`, and those that repeat an earlier one."""
    frame = quarantine_missing(frame, (name,), file, quarantine)
    repeated = ~pl.col(name).is_first_distinct()
    reason = f"{name} is a repeat; the first row is used"
    return quarantine.set_aside(frame, file, repeated, reason, name)


def with_rows(
    frame: pl.DataFrame,
    file: str,
    quarantine: Quarantine,
    catalog: Catalog,
    *,
    ids: str,
    rows: str,
    expected: bool = False,
) -> pl.DataFrame:
    """Add the column `rows`, the catalogue row of the column `ids`; set aside unknown ids.

    Labels of totals and texts that stand for a missing id are expected.
    """
    frame = with_ids(frame, ids, file, quarantine)
    frame = frame.with_columns(pl.Series(rows, catalog.rows(frame[ids]), dtype=pl.Int32))
    outside = pl.col(rows) < 0
    if not frame.select(outside.any()).item():
        return frame
    for label, reason in (
        (is_placeholder(pl.col(ids)), f"{ids} stands for a missing value"),
        (is_total(pl.col(ids)), "the line is a total"),
    ):
        frame = quarantine.set_aside(frame, file, outside & label, reason, ids, expected=True)
    reason = f"{ids} {NOT_IN_CATALOGUE}"
    return quarantine.set_aside(frame, file, outside, reason, ids, expected=expected)


def with_ids(frame: pl.DataFrame, name: str, file: str, quarantine: Quarantine) -> pl.DataFrame:
    """Read an identifier; set aside rows without one."""
    frame = frame.with_columns(identifiers(frame[name], file))
    return quarantine_missing(frame, (name,), file, quarantine)
