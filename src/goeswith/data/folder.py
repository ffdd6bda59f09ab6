"""A folder of tables: the argument DATA of the commands.

It may hold `products`, `events`, `relations`, `sessions`, `bundles` and `test`, each as one file of
any readable format (`products.parquet`, `events.csv.gz`). Without products the catalogue is made of
the products in the other tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data import clean
from goeswith.data.catalog import Catalog
from goeswith.data.quarantine import Quarantine
from goeswith.data.tables import READABLE_SUFFIXES, read_table, require_columns, table_format
from goeswith.data.values import identifiers, lists, numbers, text

TABLES: Final = ("products", "events", "relations", "sessions", "bundles", "test")

_PRODUCT_COLUMNS: Final = {
    "events": ("product_id",),
    "relations": ("source", "target"),
    "sessions": ("product_id",),
    "bundles": ("product_id",),
    "test": ("prefix", "target"),
}


@dataclass(frozen=True)
class Dataset:
    """The tables of a folder, cleaned. Products are rows of `catalog`; see `goeswith.data.clean`.

    `fingerprint` is a SHA-256 over names and contents of the files; `quarantine` tells what was set
    aside. A table that the folder does not have is None.
    """

    name: str
    folder: Path
    catalog: Catalog
    events: pl.DataFrame | None
    relations: pl.DataFrame | None
    sessions: pl.DataFrame | None
    bundles: pl.DataFrame | None
    quarantine: Quarantine
    fingerprint: str
    test: pl.DataFrame | None = None

    @property
    def counted(self) -> bool:
        """Whether relations are counted in events, rather than named by lists or bundles."""
        return self.relations is None and self.events is not None


def load_data(folder: Path | str, max_bad_share: float = 0.05) -> Dataset:
    """Read and clean the tables of a folder.

    Args:
        folder: holds the tables.
        max_bad_share: largest share of a file's rows that may be set aside.

    Raises:
        DataError: the folder or its tables are missing, a file cannot be read or lacks a column,
            or too many of its rows are bad.
    """
    folder = Path(folder)
    files = find_tables(folder)
    quarantine = Quarantine(max_share=max_bad_share)
    tables = {name: read_table(path, quarantine) for name, path in files.items()}
    if "products" in tables:
        catalog = clean.clean_products(tables["products"], files["products"].name, quarantine)
    else:
        catalog = _products_of_tables(tables, files)
    if not len(catalog):
        quarantine.check()
        raise DataError(f"{folder} names no product: every product_id is missing")
    cleaners = {
        "events": clean.clean_events,
        "relations": clean.clean_relations,
        "sessions": clean.clean_sessions,
        "bundles": clean.clean_bundles,
        "test": clean.clean_test,
    }
    cleaned = {
        name: cleaner(tables[name], files[name].name, quarantine, catalog)
        for name, cleaner in cleaners.items()
        if name in tables
    }
    quarantine.check()
    return Dataset(
        name=folder.resolve().name,
        folder=folder,
        catalog=catalog,
        events=cleaned.get("events"),
        relations=cleaned.get("relations"),
        sessions=cleaned.get("sessions"),
        bundles=cleaned.get("bundles"),
        quarantine=quarantine,
        fingerprint=fingerprint(files.values()),
        test=cleaned.get("test"),
    )


def find_tables(folder: Path) -> dict[str, Path]:
    """Table -> its file.

    Raises:
        DataError: no such folder, no table in it, or two files for one table.
    """
    if not folder.is_dir():
        if folder.exists():
            raise DataError(f"{folder} is a file; give the folder that holds {', '.join(TABLES)}")
        siblings = [path.name for path in folder.parent.iterdir()] if folder.parent.is_dir() else []
        matches = get_close_matches(folder.name, siblings, n=1)
        hint = f"; did you mean {folder.parent / matches[0]}?" if matches else ""
        raise DataError(f"there is no folder {folder}{hint}")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = path.name.split(".")[0]
        if name not in TABLES or table_format(path) is None or not path.is_file():
            continue
        if name in files:
            raise DataError(f"{folder} has {files[name].name} and {path.name}; remove one")
        files[name] = path
    if not files:
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
        raise DataError(
            f"{folder} holds none of the tables {', '.join(TABLES)} as "
            f"{', '.join(READABLE_SUFFIXES)} (also .gz); it holds {there}. Rename a file, or make "
            "tables with `goeswith import`"
        )
    return files


def fingerprint(files: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files, in any order."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda file: file.name):
        digest.update(path.name.encode())
        with path.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _products_of_tables(tables: dict[str, pl.DataFrame], files: dict[str, Path]) -> Catalog:
    """The products in the tables, sorted by id, with the attributes in the events."""
    ids = []
    for table, columns in _PRODUCT_COLUMNS.items():
        if table in tables:
            require_columns(tables[table], columns, files[table].name)
            ids += [
                identifiers(_exploded(tables[table][column]), files[table].name).alias("product_id")
                for column in columns
            ]
    frame = pl.concat(ids).drop_nulls().unique().sort().to_frame()
    if "events" in tables:
        frame = with_attributes(frame, tables["events"], files["events"].name)
    return Catalog(frame)


def _exploded(values: pl.Series) -> pl.Series:
    """The values of a column one by one, where it holds lists."""
    return values.explode() if isinstance(values.dtype, pl.List) else values


def with_attributes(products: pl.DataFrame, events: pl.DataFrame, file: str) -> pl.DataFrame:
    """Add attributes from the events to products: the most frequent text, the median price.

    Args:
        products: has `product_id`.
        events: has `product_id` and any of `type`, `title`, `categories`, `brand`, `price`.
        file: name of the events for messages.
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
        price = known_events.select("product_id", numbers(events["price"], file)).filter(
            pl.col("price") > 0
        )
        median = price.group_by("product_id").agg(pl.col("price").median())
        products = products.join(median, on="product_id", how="left", maintain_order="left")
    return products
