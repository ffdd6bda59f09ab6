"""Amazon-M2 (KDD Cup 2023): sessions of several countries, each with the product that came next.

A session is a list of products and the next one; both become its events. Of a product with rows
in several locales, the first row is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing, quarantine_repeats
from goeswith.data.importers import TableBatches
from goeswith.data.importers.source_files import list_source_files
from goeswith.data.parsing.prices import numbers
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import require_columns, table_batches, table_format
from goeswith.data.values import identifiers, text

_ATTRIBUTES: Final = ("locale", "title", "brand", "color", "size", "model", "material", "author")


def amazon_m2(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Products, where their file is given, and the events of sessions (views)."""
    files = [file for file in list_source_files(sources) if table_format(file)]
    sessions = [file for file in files if "sessions" in file.name]
    products = [file for file in files if "products" in file.name]
    if not sessions or len(products) > 1:
        there = ", ".join(file.name for file in files[:10]) or "no file"
        raise DataError(
            f"amazon-m2 needs files of sessions and at most one of products; got {there}"
        )
    for file in products:
        progress(file.name, 0.0)
        yield (
            "products",
            _products(pl.concat(table_batches(file, quarantine)), file.name, quarantine),
        )
    previous_sessions = 0
    for done, file in enumerate(sessions):
        progress(file.name, (done + len(products)) / len(files))
        for batch in table_batches(file, quarantine):
            yield "events", _events(batch, file.name, quarantine, previous_sessions)
            previous_sessions += batch.height
    progress(sessions[-1].name, 1.0)


def _products(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    require_columns(frame, ("id", "locale", "title"), file)
    frame = frame.with_columns(identifiers(frame["id"], file).alias("product_id"))
    frame = quarantine_missing(frame, ("product_id",), file, quarantine)
    repeated = ~pl.col("product_id").is_first_distinct()
    quarantine.count_expected(
        file, frame.select(repeated.sum()).item(), "the product in another locale", "id"
    )
    frame = quarantine_repeats(frame.filter(~repeated), "product_id", file, quarantine)
    attributes = [name for name in _ATTRIBUTES if name in frame.columns]
    frame = frame.with_columns(text(frame[name], file) for name in attributes)
    extra = []
    if "price" in frame.columns:
        extra.append(numbers(frame["price"], file))
    if "desc" in frame.columns:
        extra.append(text(frame["desc"], file).alias("description"))
    return frame.select("product_id", *attributes, *extra)


def _events(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, previous_sessions: int
) -> pl.DataFrame:
    """One row for each product of each session, the next one last.

    Args:
        frame: `prev_items`, a list or its printed form; `next_item`, `locale`.
        file: name for messages.
        quarantine: takes sessions without a product.
        previous_sessions: sessions in earlier files and batches, which number those of this one.
    """
    require_columns(frame, ("prev_items", "next_item", "locale"), file)
    frame = quarantine_missing(frame, ("prev_items", "next_item"), file, quarantine)
    if not isinstance(frame["prev_items"].dtype, pl.List):
        # numpy prints a list of texts without commas: ['B01' 'B02']
        frame = frame.with_columns(
            pl.col("prev_items")
            .str.extract_all(r"'[^']+'")
            .list.eval(pl.element().str.strip_chars("'"))
        )
    empty = pl.col("prev_items").list.len() == 0
    frame = quarantine.set_aside(frame, file, empty, "prev_items is empty", "next_item")
    return (
        frame.select(
            pl.format("s{}", pl.col(ROW) + previous_sessions).alias("session_id"),
            text(frame["locale"], file),
            pl.concat_list("prev_items", "next_item").alias("product_id"),
        )
        .with_columns(pl.int_ranges(1, pl.col("product_id").list.len() + 1).alias("position"))
        .explode("product_id", "position")
        .with_columns(pl.lit("view").alias("event"))
    )
