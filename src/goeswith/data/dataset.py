"""The data set: the cleaned tables of a shop."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data import clean
from goeswith.data.catalog import Catalog
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import require_columns
from goeswith.data.timestamps import shows_day_first
from goeswith.data.values import identifiers, lists, numbers, text

TABLES: Final = ("products", "events", "relations", "sessions", "bundles", "test")

_PRODUCT_COLUMNS: Final = {
    "events": ("product_id",),
    "relations": ("source", "target"),
    "sessions": ("product_id",),
    "bundles": ("product_id",),
    "test": ("prefix", "target"),
}
_CLEANERS: Final = {
    "events": clean.clean_events,
    "relations": clean.clean_relations,
    "sessions": clean.clean_sessions,
    "bundles": clean.clean_bundles,
    "test": clean.clean_test,
}


@dataclass(frozen=True)
class Dataset:
    """The tables of a shop, cleaned. Products are rows of `catalog`; see `goeswith.data.clean`.

    Attributes:
        name: of the folder, or as given.
        folder: that the tables were read from; None for data frames.
        catalog: the products.
        events: views, carts and purchases; None without such a table, as for the next four.
        relations: lists of products that go together.
        sessions: products that the authors of `bundles` saw.
        bundles: sets of products that people put together.
        quarantine: rows that were set aside, with reasons.
        fingerprint: SHA-256 over names and contents of the tables.
        test: prefixes with the product that came next.
        day_first: whether the day comes before the month in the timestamps of the events; None if
            they do not show it.
    """

    name: str
    folder: Path | None
    catalog: Catalog
    events: pl.DataFrame | None
    relations: pl.DataFrame | None
    sessions: pl.DataFrame | None
    bundles: pl.DataFrame | None
    quarantine: Quarantine
    fingerprint: str
    test: pl.DataFrame | None = None
    day_first: bool | None = None

    @property
    def counted(self) -> bool:
        """Whether relations are counted in events, rather than given by lists or bundles."""
        return self.relations is None and self.events is not None

    @property
    def has_views(self) -> bool:
        """Whether the events hold views, so that substitutes can be counted."""
        events = self.events
        return (
            events is not None and "event" in events.columns and (events["event"] == "view").any()
        )

    @classmethod
    def from_frames(
        cls,
        events: Any = None,
        products: Any = None,
        *,
        relations: Any = None,
        sessions: Any = None,
        bundles: Any = None,
        test: Any = None,
        name: str = "frames",
        max_bad_share: float = 0.05,
    ) -> Dataset:
        """A data set from data frames of polars, pandas or pyarrow.

        Columns are those of the tables of a folder (docs/reference/data.md). The frames are not
        changed.

            >>> import polars as pl
            >>> events = pl.DataFrame({"basket_id": [1, 1, 2], "product_id": ["a", "b", "a"]})
            >>> Dataset.from_frames(events=events).catalog.ids.to_list()
            ['a', 'b']

        Args:
            events: views, carts and purchases.
            products: the catalogue; None derives it from the products of the other frames.
            relations: lists of products that go together, instead of events.
            sessions: with `bundles`: products that people saw.
            bundles: with `sessions`: sets of products that people put together.
            test: prefixes of sessions with the product that came next.
            name: of the data, in reports and bundles.
            max_bad_share: largest share of a frame's rows that may be set aside.

        Raises:
            DataError: no frame, or one that lacks a column, cannot be read or is bad in too many
                rows.
        """
        frames = {
            "products": products,
            "events": events,
            "relations": relations,
            "sessions": sessions,
            "bundles": bundles,
            "test": test,
        }
        quarantine = Quarantine(max_share=max_bad_share)
        tables, digest = {}, hashlib.sha256()
        for table, frame in frames.items():
            if frame is None:
                continue
            tables[table] = _as_polars(frame, table)
            quarantine.count_read(table, tables[table].height)
            digest.update(table.encode() + _contents(tables[table]))
            tables[table] = tables[table].with_row_index(ROW, offset=1)
        if not tables:
            raise DataError(f"no frame was given; give one of {', '.join(TABLES)}")
        return cls.from_tables(
            tables, {table: table for table in tables}, quarantine, name, None, digest.hexdigest()
        )

    @classmethod
    def from_tables(  # noqa: PLR0917
        cls,
        tables: dict[str, pl.DataFrame],
        files: dict[str, str],
        quarantine: Quarantine,
        name: str,
        folder: Path | None,
        fingerprint: str,
    ) -> Dataset:
        """A data set from raw tables.

        Args:
            tables: table -> its rows, numbered in a column `_row`.
            files: table -> its name in messages.
            quarantine: takes the rows that are set aside.
            name: of the data.
            folder: that the tables were read from.
            fingerprint: of their contents.

        Raises:
            DataError: as `load_data`.
        """
        if "products" in tables:
            catalog = clean.clean_products(tables["products"], files["products"], quarantine)
        else:
            catalog = _products_of_tables(tables, files)
        if not len(catalog):
            quarantine.check()
            raise DataError(f"{folder or name} names no product: every product_id is missing")
        clean_tables = {
            table: cleaner(tables[table], files[table], quarantine, catalog)
            for table, cleaner in _CLEANERS.items()
            if table in tables
        }
        quarantine.check()
        return cls(
            name=name,
            folder=folder,
            catalog=catalog,
            events=clean_tables.get("events"),
            relations=clean_tables.get("relations"),
            sessions=clean_tables.get("sessions"),
            bundles=clean_tables.get("bundles"),
            quarantine=quarantine,
            fingerprint=fingerprint,
            test=clean_tables.get("test"),
            day_first=_shows_day_first(tables.get("events")),
        )


def _shows_day_first(events: pl.DataFrame | None) -> bool | None:
    if events is None or "timestamp" not in events.columns:
        return None
    return shows_day_first(events["timestamp"])


def _as_polars(frame: Any, table: str) -> pl.DataFrame:
    """A polars frame from one of polars, pandas, pyarrow or another library with Arrow data.

    Raises:
        DataError: it is something else.
    """
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    try:
        if type(frame).__module__.startswith("pandas"):
            converted = pl.from_pandas(frame)
        else:
            converted = pl.DataFrame(frame)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{table}: a {type(frame).__name__} is no data frame of polars, pandas or pyarrow: "
            f"{error}"
        ) from error
    if isinstance(converted, pl.Series):
        raise DataError(f"{table}: one column is no table; give a data frame")
    return converted


def _contents(frame: pl.DataFrame) -> bytes:
    """SHA-256 of a frame's names, types and values."""
    buffer = io.BytesIO()
    frame.write_ipc(buffer)
    return hashlib.sha256(buffer.getbuffer()).digest()


def _products_of_tables(tables: dict[str, pl.DataFrame], files: dict[str, str]) -> Catalog:
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
    if "events" in tables:
        frame = with_attributes(frame, tables["events"], files["events"])
    return Catalog(frame)


def _exploded(values: pl.Series) -> pl.Series:
    """The values of a column, with lists exploded."""
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
