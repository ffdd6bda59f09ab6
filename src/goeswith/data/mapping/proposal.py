"""A proposal for the section `data` of a project file, from the tables of a folder."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.config import NONE, DataConfig
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.data.mapping.column_guesses import guess_columns
from goeswith.data.mapping.column_mapping import ColumnMapping
from goeswith.data.mapping.column_values import event_name, sample
from goeswith.data.mapping.event_names import EVENT_NAMES
from goeswith.data.mapping.mapped_table import read_mapped_table
from goeswith.data.mapping.placeholders import is_clearly_non_product, is_non_product
from goeswith.data.quarantine import Quarantine
from goeswith.data.table_files import find_table_files
from goeswith.data.tables import table_format
from goeswith.data.text_encoding import AUTO, text_encoding, utf8_content

_DELIMITERS: Final = (",", ";", "\t", "|")
_ROWS: Final = 5


@dataclass
class Proposal:
    """What a folder holds, and the settings to read it.

    Attributes:
        settings: proposed section, as TOML.
        problems: why a load with the settings so far stops; empty if it does not.
        data: the tables, read with the settings so far; None if the load stops.
        columns: table -> the columns of each of its files.
    """

    settings: str
    problems: list[str] = field(default_factory=list)
    data: Dataset | None = None
    columns: dict[str, list[ColumnMapping]] = field(default_factory=dict)

    def sample(self, rows: int = _ROWS) -> list[dict[str, Any]]:
        """The first events as they are read, with product ids."""
        if self.data is None or self.data.events is None:
            return []
        events = self.data.events.head(rows)
        ids = self.data.catalog.ids.gather(events["product"])
        frame = events.with_columns(ids.alias("product")).rename({"product": "product_id"})
        return frame.with_columns(pl.col(pl.Datetime).cast(pl.String)).to_dicts()


def propose_settings(folder: Path, config: DataConfig) -> Proposal:
    """Read a folder as far as possible and propose the section `data`.

    Args:
        folder: as `load_data` takes it.
        config: the settings so far.

    Raises:
        DataError: there is no folder, or no table in it.
    """
    files = find_table_files(folder)
    lines: list[str] = []
    proposal = Proposal("")
    general, config = _text_settings(files.tables, config)
    quarantine = Quarantine(max_share=1)
    root = folder if folder.is_dir() else folder.parent
    tables: dict[str, pl.DataFrame] = {}
    for table, paths in files.tables.items():
        try:
            tables[table], proposal.columns[table] = read_mapped_table(
                table, paths, root, quarantine, config
            )
        except DataError as error:
            proposal.problems.append(str(error))
    guesses = guess_columns(tables)
    for table, mappings in proposal.columns.items():
        lines += _column_lines(table, mappings, guesses.get(table, {}))
    if "events" in tables:
        lines += _event_lines(tables["events"], config)
        if "products" in tables:
            lines += _ignore_lines(tables["products"])
    try:
        proposal.data = load_data(folder, settings=config)
    except DataError as error:
        if str(error) not in proposal.problems:
            proposal.problems.append(str(error))
    proposal.settings = "\n".join(["[data]", *general, *lines]) + "\n"
    return proposal


def _text_settings(
    tables: dict[str, list[Path]], config: DataConfig
) -> tuple[list[str], DataConfig]:
    """Encoding and delimiter that fit the files, as lines and as settings."""
    lines: list[str] = []
    changes: dict[str, str] = {}
    for path in (path for paths in tables.values() for path in paths):
        if table_format(path) not in (".csv", ".tsv", ".jsonl", ".ndjson"):
            continue
        try:
            with utf8_content(path, text_encoding(path, config.encoding)) as content:
                start = content.read(2**16)
        except (DataError, OSError, EOFError, UnicodeError):
            continue
        if config.encoding == AUTO and not _is_utf8(start):
            changes["encoding"] = "cp1252"
        if config.delimiter == AUTO and table_format(path) == ".csv":
            delimiter = _delimiter(start.decode("utf-8", "replace"))
            if delimiter not in (None, ","):
                changes["delimiter"] = str(delimiter)
    if "encoding" in changes:
        lines.append('encoding = "cp1252"  # not UTF-8; latin-1 or another one is possible')
    if "delimiter" in changes:
        lines.append(f"delimiter = {json.dumps(changes['delimiter'])}")
    return lines, config.model_copy(update=changes)


def _is_utf8(start: bytes) -> bool:
    try:
        start[: start.rfind(b"\n") + 1 or None].decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def _delimiter(start: str) -> str | None:
    """What separates the fields of the first line, or None for one field."""
    line = next(iter(start.splitlines()), "")
    fields = {
        mark: len(next(csv.reader(io.StringIO(line), delimiter=mark), [])) for mark in _DELIMITERS
    }
    best = max(fields, key=lambda mark: fields[mark])
    return best if fields[best] > 1 else None


def _column_lines(
    table: str, mappings: list[ColumnMapping], guesses: dict[str, list[str]]
) -> list[str]:
    """The section of a table's columns; doubtful ones are comments."""
    columns: dict[str, str] = {}
    doubts: dict[str, list[str]] = {}
    for mapping in mappings:
        for ours, theirs in mapping.renamed.items():
            if " + " not in theirs:
                columns.setdefault(ours, theirs)
        doubts |= mapping.lookalikes
    lines = [
        f"{ours} = {json.dumps(theirs, ensure_ascii=False)}" for ours, theirs in columns.items()
    ]
    for ours, names in doubts.items():
        lines += [
            f"# {ours} = {json.dumps(name, ensure_ascii=False)}  # or {json.dumps(NONE)}"
            for name in names
        ]
    doubtful = {name for names in doubts.values() for name in names}
    for ours, names in guesses.items():
        left = [name for name in names if name not in doubtful]
        if left and ours not in doubts:
            others = f"  # or {', '.join(map(repr, left[1:]))}" if left[1:] else ""
            lines.append(f"# {ours} = {json.dumps(left[0], ensure_ascii=False)}{others}")
    return ["", f"[data.columns.{table}]", *lines] if lines else []


def _event_lines(events: pl.DataFrame, config: DataConfig) -> list[str]:
    """The section of events whose meaning is not known."""
    if "event" not in events.columns:
        return []
    known = {event_name(name) for name in config.events} | EVENT_NAMES.keys()
    names = dict.fromkeys(text for text in sample(events["event"]) if event_name(text) not in known)
    lines = [
        f'# {json.dumps(name, ensure_ascii=False)} = "view"  # or cart, purchase, ignore'
        for name in list(names)[:20]
    ]
    return ["", "[data.events]", *lines] if lines else []


def _ignore_lines(products: pl.DataFrame) -> list[str]:
    """The section of products that may be a line of an order, as a title such as `Deposit` may."""
    labels = [
        pl.col(name).cast(pl.String, strict=False)
        for name in ("product_id", "title")
        if name in products.columns and not products[name].dtype.is_nested()
    ]
    if "product_id" not in products.columns or not labels:
        return []
    found = products.filter(
        pl.any_horizontal(
            is_non_product(label) & ~is_clearly_non_product(label) for label in labels
        )
    )
    ids = found["product_id"].cast(pl.String).head(20).to_list()
    return ["", "[data.ignore]", f"products = {json.dumps(ids, ensure_ascii=False)}"] if ids else []
