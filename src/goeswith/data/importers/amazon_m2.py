"""Amazon-M2 (KDD Cup 2023): sessions of several countries, each with the product that came next.

A session is a list of products and the next one; both become its events. Of what a product is
called in several locales, the first row is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.core.progress import ShareProgress
from goeswith.data.clean import first_of_each, with_values
from goeswith.data.importers import Batches
from goeswith.data.importers.source_files import given_files
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import require, table_batches, table_format
from goeswith.data.values import identifiers, numbers, text

_ATTRIBUTES: Final = ("locale", "title", "brand", "color", "size", "model", "material", "author")


def amazon_m2(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> Batches:
    """Products, where their file is given, and the events of sessions (views)."""
    files = [file for file in given_files(sources) if table_format(file)]
    sessions = [file for file in files if "sessions" in file.name]
    products = [file for file in files if "products" in file.name]
    if not sessions or len(products) > 1:
        there = ", ".join(file.name for file in files[:10]) or "no file"
        raise DataError(
            f"amazon-m2 is files of sessions and at most one of products; given were {there}"
        )
    for file in products:
        progress(file.name, 0.0)
        yield (
            "products",
            _products(pl.concat(table_batches(file, quarantine)), file.name, quarantine),
        )
    before = 0
    for done, file in enumerate(sessions):
        progress(file.name, (done + len(products)) / len(files))
        for batch in table_batches(file, quarantine):
            yield "events", _events(batch, file.name, quarantine, before)
            before += batch.height
    progress(sessions[-1].name, 1.0)


def _products(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    require(frame, ("id", "locale", "title"), file)
    frame = frame.with_columns(identifiers(frame["id"], file).alias("product_id"))
    frame = with_values(frame, ("product_id",), file, quarantine)
    twice = ~pl.col("product_id").is_first_distinct()
    quarantine.tally(file, frame.select(twice.sum()).item(), "the product in another locale", "id")
    frame = first_of_each(frame.filter(~twice), "product_id", file, quarantine)
    known = [name for name in _ATTRIBUTES if name in frame.columns]
    frame = frame.with_columns(text(frame[name], file) for name in known)
    extra = []
    if "price" in frame.columns:
        extra.append(numbers(frame["price"], file))
    if "desc" in frame.columns:
        extra.append(text(frame["desc"], file).alias("description"))
    return frame.select("product_id", *known, *extra)


def _events(frame: pl.DataFrame, file: str, quarantine: Quarantine, before: int) -> pl.DataFrame:
    """One row for each product of each session, the next one last.

    Args:
        frame: `prev_items`, a list or its printed form; `next_item`, `locale`.
        file: name for messages.
        quarantine: takes sessions without a product.
        before: sessions in earlier files and batches, which number those of this one.
    """
    require(frame, ("prev_items", "next_item", "locale"), file)
    frame = with_values(frame, ("prev_items", "next_item"), file, quarantine)
    if not isinstance(frame["prev_items"].dtype, pl.List):
        # numpy prints a list of texts without commas: ['B01' 'B02']
        frame = frame.with_columns(
            pl.col("prev_items")
            .str.extract_all(r"'[^']+'")
            .list.eval(pl.element().str.strip_chars("'"))
        )
    empty = pl.col("prev_items").list.len() == 0
    frame = quarantine.split(frame, file, empty, "prev_items names no product", "next_item")
    return (
        frame.select(
            pl.format("s{}", pl.col(ROW) + before).alias("session_id"),
            text(frame["locale"], file),
            pl.concat_list("prev_items", "next_item").alias("product_id"),
        )
        .with_columns(pl.int_ranges(1, pl.col("product_id").list.len() + 1).alias("position"))
        .explode("product_id", "position")
        .with_columns(pl.lit("view").alias("event"))
    )
