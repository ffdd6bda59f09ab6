"""RecBole atomic files: tab-separated, with a typed header such as `user_id:token`.

The importer reads `.inter` (interactions, as purchases) and `.item` (attributes); a `.user` file
has no information on products and is ignored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing, quarantine_repeats
from goeswith.data.delimited import delimited_batches
from goeswith.data.importers import TableBatches
from goeswith.data.importers.source_files import list_source_files
from goeswith.data.parsing.prices import numbers
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import require_columns
from goeswith.data.values import lists, text

_COLUMN_NAMES: Final = {
    "item_id": "product_id",
    "category": "categories",
    "class": "categories",
    "genre": "categories",
    "item_name": "title",
    "name": "title",
    "movie_title": "title",
}


def recbole(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Products of the .item file, events of the .inter file."""
    files = list_source_files(sources)
    items = [file for file in files if file.suffix == ".item"]
    interactions = [file for file in files if file.suffix == ".inter"]
    if len(interactions) > 1 or len(items) > 1 or not interactions + items:
        there = ", ".join(file.name for file in files[:10]) or "no file"
        raise DataError(f"recbole needs one .inter and one .item file; got {there}")
    catalog_ids: pl.Series | None = None
    for file in items:
        progress(file.name, 0.0)
        products = _products(file, quarantine)
        catalog_ids = products["product_id"]
        yield "products", products
    for file in interactions:
        progress(file.name, 0.2)
        yield "events", _events(file, quarantine, catalog_ids)
        progress(file.name, 1.0)


def _read(path: Path, quarantine: Quarantine) -> tuple[pl.DataFrame, dict[str, str]]:
    """The table with plain names, and the type of each: token, token_seq, float, float_seq."""
    frame = pl.concat(delimited_batches(path, "\t", quarantine, quoted=False))
    header = {name: name.partition(":") for name in frame.columns if name != ROW}
    untyped = [name for name, (_, colon, _) in header.items() if not colon]
    if untyped:
        raise DataError(
            f"{path}: the header has {untyped[0]!r} without a type; a RecBole column is written "
            "name:token, name:token_seq, name:float or name:float_seq"
        )
    names: dict[str, str] = {}
    for name, (plain, _, _) in header.items():
        new = _COLUMN_NAMES.get(plain, plain)
        names[name] = plain if new in names.values() else new
    return frame.rename(names), {names[name]: kind for name, (_, _, kind) in header.items()}


def _products(path: Path, quarantine: Quarantine) -> pl.DataFrame:
    frame, kinds = _read(path, quarantine)
    require_columns(frame, ("product_id",), path.name)
    frame = frame.with_columns(text(frame["product_id"], path.name))
    frame = quarantine_repeats(frame, "product_id", path.name, quarantine)
    for name, kind in kinds.items():
        if kind == "float":
            frame = frame.with_columns(numbers(frame[name], path.name))
        elif kind == "token_seq" and name != "title":
            frame = frame.with_columns(_tokens(frame[name], path.name))
        elif name == "categories":
            frame = frame.with_columns(lists(frame[name], path.name))
    return frame.drop(ROW)


def _tokens(values: pl.Series, file: str) -> pl.Series:
    """A token_seq: names in quotation marks ('Health & Beauty', 'Hair') or words."""
    column = pl.col(values.name)
    is_quoted = column.str.contains(r"^['\"]")
    list_text = values.to_frame().select(
        pl.when(is_quoted)
        .then(pl.format("[{}]", column))
        .otherwise(column.str.replace_all(r"\s+", "|"))
    )
    return lists(list_text.to_series().alias(values.name), file)


def _events(path: Path, quarantine: Quarantine, catalog_ids: pl.Series | None) -> pl.DataFrame:
    file = path.name
    frame, _ = _read(path, quarantine)
    context = "user_id" if "user_id" in frame.columns else "session_id"
    require_columns(frame, (context, "product_id"), file)
    columns = [context, "product_id"]
    if "timestamp" in frame.columns:
        frame = frame.with_columns(timestamps(frame["timestamp"], file))
        columns.append("timestamp")
    frame = frame.with_columns(text(frame[name], file) for name in (context, "product_id"))
    frame = quarantine_missing(frame, columns, file, quarantine)
    if catalog_ids is not None:
        outside = ~pl.col("product_id").is_in(catalog_ids.implode())
        reason = "item_id is not in the .item file"
        frame = quarantine.set_aside(frame, file, outside, reason, "product_id")
    return frame.select(columns)
