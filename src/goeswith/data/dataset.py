"""The data set: the cleaned tables of a shop."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data import clean
from goeswith.data.catalog import Catalog
from goeswith.data.clean_events import clean_events
from goeswith.data.config import NONE, DataConfig
from goeswith.data.mapping.column_mapping import ColumnMapping, map_columns
from goeswith.data.mapping.derived_catalog import (
    currency_notes,
    only_used_products,
    products_of_tables,
    unread_prices,
)
from goeswith.data.mapping.load_report import LoadReport
from goeswith.data.mapping.mapped_table import table_report
from goeswith.data.mapping.other_lines import without_other_lines
from goeswith.data.mapping.parents import roll_up
from goeswith.data.pictures.picture_encoder import picture_notes, with_pictures
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.table_files import TABLES

_CLEANERS: Final = {
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
        fingerprint: SHA-256 over names and contents of the tables, and the pictures of a folder.
        test: prefixes with the product that came next.
        report: what was understood of the tables.
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
    report: LoadReport = field(default_factory=LoadReport)

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

    @property
    def only_catalog(self) -> bool:
        """Whether there is no table that says which products go together."""
        tables = (self.events, self.relations, self.bundles, self.sessions)
        return all(table is None for table in tables)

    @property
    def any_views(self) -> bool:
        """Whether events or lists say what was viewed."""
        lists = self.relations
        return self.has_views or (
            lists is not None and bool((lists["relation"] == "co_view").any())
        )

    @property
    def views_decide(self) -> bool:
        """Whether products have views enough to say what is a substitute.

        So they have if the median product that is viewed at all is viewed in 20 sessions, or
        stands in a list with five that were also viewed.
        """
        if self.relations is not None:
            viewed, least = self.relations.filter(pl.col("relation") != "co_purchase"), 5
            products = viewed["source"]
        elif self.events is not None:
            if not self.has_views:
                return False
            views = self.events.filter(pl.col("event") == "view")
            products, least = views["product"], 20
        elif self.sessions is not None:
            products, least = self.sessions["product"], 20
        else:
            return False
        counts = products.value_counts()["count"].median()
        return isinstance(counts, float) and counts >= least

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
        max_bad_share: float | None = None,
        settings: DataConfig | None = None,
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
            max_bad_share: largest share of a frame's rows that may be set aside; None is that of
                `settings`.
            settings: the section `data` of a project file; None for the defaults.

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
        config = settings or DataConfig()
        if max_bad_share is not None:
            config = config.model_copy(update={"max_bad_share": max_bad_share})
        quarantine = Quarantine(max_share=config.max_bad_share)
        tables: dict[str, pl.DataFrame] = {}
        mappings, digest = {}, hashlib.sha256()
        for table, frame in frames.items():
            if frame is None:
                continue
            tables[table] = _as_polars(frame, table)
            quarantine.count_read(table, tables[table].height)
            digest.update(table.encode() + _contents(tables[table]))
        if not tables:
            raise DataError(f"no frame was given; give one of {', '.join(TABLES)}")
        for table in sorted(tables):
            numbered = tables[table].with_row_index(ROW, offset=1)
            event_ids = None
            if "events" in mappings:
                event_ids = tables["events"].get_column("product_id", default=None)
            tables[table], mapping = map_columns(numbered, table, table, config, event_ids)
            mappings[table] = [mapping]
        return cls.from_tables(
            tables,
            {table: table for table in tables},
            quarantine,
            name,
            None,
            digest.hexdigest(),
            config=config,
            mappings=mappings,
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
        *,
        config: DataConfig,
        mappings: Mapping[str, Sequence[ColumnMapping]],
        not_read: Mapping[str, str] | None = None,
    ) -> Dataset:
        """A data set from tables with the columns of goeswith.

        Args:
            tables: table -> its rows, numbered in a column `_row`.
            files: table -> its name in messages.
            quarantine: takes the rows that are set aside.
            name: of the data.
            folder: that the tables were read from.
            fingerprint: of their contents; that of pictures is added.
            config: settings of reading.
            mappings: table -> the columns of each of its files.
            not_read: file -> why it is not read.

        Raises:
            DataError: as `load_data`.
        """
        _check_mappings(mappings, config)
        report = LoadReport(
            [table_report(t, mappings[t], tables[t].height) for t in TABLES if t in tables],
            not_read=dict(not_read or {}),
        )
        tables, notes = roll_up(tables, files, quarantine, config.parent)
        report.notes += notes
        has_products = "products" in tables
        left_out = None
        if has_products:
            products, left_out, notes = without_other_lines(
                tables["products"], files["products"], quarantine, config.ignore
            )
            report.notes += notes
            catalog = clean.clean_products(products, files["products"], quarantine, config.decimal)
        else:
            catalog = products_of_tables(tables, files, config)
            if "events" in tables:
                report.notes += unread_prices(tables["events"], files["events"], config.decimal)
        source = next((table for table in ("products", "events") if table in tables), None)
        if source is not None:
            report.notes += currency_notes(tables[source], files[source])
        quarantine.check()
        if not len(catalog):
            raise DataError(f"{folder or name} has no products: every product_id is missing")
        clean_tables = {
            table: cleaner(tables[table], files[table], quarantine, catalog)
            for table, cleaner in _CLEANERS.items()
            if table in tables
        }
        if "events" in tables:
            clean_tables["events"] = clean_events(
                tables["events"],
                files["events"],
                quarantine,
                catalog,
                config,
                report,
                left_out=left_out,
            )
            report.describe_events(clean_tables["events"])
            if "relations" in tables:
                report.notes.append(
                    f"pairs are read from {files['relations']} and not counted from "
                    f"{files['events']}; to count them, remove {files['relations']}"
                )
        quarantine.check()
        if not has_products:
            catalog, clean_tables = only_used_products(catalog, clean_tables)
            if not len(catalog):
                raise DataError(
                    f"{folder or name} has no products in usable rows; the most frequent reason "
                    f"in quarantine: {quarantine.counts()['reason'][0]}"
                )
        catalog, of_pictures = with_pictures(catalog, config.pictures, quarantine)
        if of_pictures:
            fingerprint = hashlib.sha256((fingerprint + of_pictures).encode()).hexdigest()
        report.notes += picture_notes(catalog, config.pictures)
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
            report=report,
        )


def _check_mappings(mappings: Mapping[str, Sequence[ColumnMapping]], config: DataConfig) -> None:
    """Refuse columns of unclear meaning, and settings that name a column of no table.

    Raises:
        DataError: says which, and what to set.
    """
    for parts in mappings.values():
        for mapping in parts:
            mapping.check()
    read = {theirs for parts in mappings.values() for m in parts for theirs in m.columns.values()}
    for ours, theirs in config.columns.items():
        if isinstance(theirs, str) and theirs not in (NONE, *read):
            raise DataError(
                f"no table has the column {theirs!r}, which [data.columns] gives for {ours}; "
                f"correct it in goeswith.toml"
            )


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
            f"{table}: a {type(frame).__name__} is not a data frame of polars, pandas or pyarrow: "
            f"{error}"
        ) from error
    if isinstance(converted, pl.Series):
        raise DataError(f"{table}: a single column is not a table; pass a data frame")
    return converted


def _contents(frame: pl.DataFrame) -> bytes:
    """SHA-256 of a frame's names, types and values."""
    return hashlib.sha256(frame.write_ipc(None).getbuffer()).digest()
