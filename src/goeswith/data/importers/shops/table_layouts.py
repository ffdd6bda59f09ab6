"""Layouts of exported tables: which file is which table, and which column is which.

A file is recognised by its header, since shop systems and browsers rename exports
(`orders_export_1 (2).csv`). Comma, semicolon, tab and vertical bar are read, in UTF-8 or, as
spreadsheets save it, in Windows-1252.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.config import DataConfig
from goeswith.data.delimited import read_header
from goeswith.data.importers.source_files import list_source_files
from goeswith.data.mapping.column_names import normalize
from goeswith.data.parquet_file import parquet_columns
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.sources.packed_files import PACKED_SUFFIXES, unpacked
from goeswith.data.sources.spreadsheet import read_spreadsheet
from goeswith.data.tables import read_table, table_batches, table_format
from goeswith.data.text_encoding import UTF8, text_encoding, utf8_content
from goeswith.data.values import text

_DELIMITERS: Final = (",", ";", "\t", "|")
_SPREADSHEET_ENCODING: Final = "cp1252"
_TYPED: Final = (".parquet", ".xlsx")
"""Formats that are no text."""


@dataclass(frozen=True)
class TableLayout:
    """A table of a format.

    Attributes:
        columns: column of goeswith -> its names in the versions of the format; case, spaces and
            punctuation do not matter.
        required: columns without which a file is not this table.
    """

    columns: Mapping[str, Sequence[str]]
    required: tuple[str, ...]

    def named(self, header: Sequence[str]) -> dict[str, str]:
        """Column of goeswith -> the column of a file, for those that the file has."""
        there = {normalize(name): name for name in reversed(header)}
        return {
            column: there[normalize(name)]
            for column, names in self.columns.items()
            for name in [next((name for name in names if normalize(name) in there), None)]
            if name is not None
        }

    def fits(self, header: Sequence[str]) -> bool:
        """Whether a file with these columns is this table."""
        return set(self.required) <= set(self.named(header))


@dataclass(frozen=True)
class LaidOutFile:
    """A file of a format with its layout, and how to read it."""

    path: Path
    layout: TableLayout
    config: DataConfig

    def read(self, quarantine: Quarantine) -> pl.DataFrame:
        """The columns of the layout that the file has, and `_row`."""
        return self._named(read_table(self.path, quarantine, self.config))

    def batches(self, quarantine: Quarantine) -> Iterator[pl.DataFrame]:
        """As `read`, in batches that bound memory; empty ones are left out."""
        for frame in table_batches(self.path, quarantine, self.config):
            if frame.height:
                yield self._named(frame)

    def _named(self, frame: pl.DataFrame) -> pl.DataFrame:
        names = self.layout.named([name for name in frame.columns if name != ROW])
        return frame.select(ROW, **{ours: pl.col(theirs) for ours, theirs in names.items()})


def first_file(files: Sequence[LaidOutFile], quarantine: Quarantine) -> Sequence[LaidOutFile]:
    """The only file of a table that has one; a note for each further file."""
    quarantine.notes += [
        f"{file.path.name} is not read: {files[0].path.name} has the same columns"
        for file in files[1:]
    ]
    return files[:1]


def with_texts(frame: pl.DataFrame, columns: Iterable[str], file: str) -> pl.DataFrame:
    """The columns as text; those that a table lacks are null."""
    return frame.with_columns(
        text(frame[name], file) if name in frame.columns else pl.lit(None, pl.String).alias(name)
        for name in columns
    )


def sort_files(
    sources: list[Path],
    layouts: Mapping[str, TableLayout],
    name: str,
    quarantine: Quarantine,
) -> dict[str, list[LaidOutFile]]:
    """The files of each table of a format; the first layout that fits a header counts.

    Args:
        sources: files or folders.
        layouts: table -> its layout.
        name: the format, in messages.
        quarantine: takes notes on encodings, and on files of a folder that are not read.

    Raises:
        DataError: a given file is none of the tables, or no file is.
    """
    by_table: dict[str, list[LaidOutFile]] = {table: [] for table in layouts}
    given = {source for source in sources if source.is_file()}
    others: list[str] = []
    for path in list_source_files(sources):
        if path.name.startswith("."):
            continue
        why = "its suffix is not .csv, .tsv, .xlsx or .parquet"
        if table_format(path) is not None:
            fit, why = _layout_of(path, layouts)
            if fit is not None:
                table, config = fit
                by_table[table].append(LaidOutFile(path, layouts[table], config))
                if config.encoding == _SPREADSHEET_ENCODING:
                    quarantine.notes.append(f"{path.name} is not UTF-8 and read as Windows-1252")
                continue
        if path in given:
            raise DataError(f"{path} is not a table of {name}: {why}")
        others.append(f"{path.name} is not read: {why}")
    if not any(by_table.values()):
        there = "; ".join(others[:5]) or "there is no file"
        raise DataError(f"{name} needs a file of {' or '.join(layouts)}; {there}")
    quarantine.notes += others
    return by_table


def _layout_of(
    path: Path, layouts: Mapping[str, TableLayout]
) -> tuple[tuple[str, DataConfig] | None, str]:
    """The table that a file is and how to read it, or None and why it is none."""
    if path.suffix.lower() in PACKED_SUFFIXES:
        with unpacked(path) as plain:
            return _layout_of(plain, layouts)
    encoding = _encoding(path)
    if table_format(path) in _TYPED:
        is_parquet = table_format(path) == ".parquet"
        header = parquet_columns(path) if is_parquet else _sheet_columns(path)
        fitting = [(table, ",") for table, layout in layouts.items() if layout.fits(header)]
    else:
        header, fitting = [], []
        for delimiter in _DELIMITERS:
            try:
                names = read_header(path, delimiter, encoding)
            except DataError:
                continue
            header = max(header, names, key=len)
            fitting += [
                (table, delimiter) for table, layout in layouts.items() if layout.fits(names)
            ]
    if fitting:
        table, delimiter = fitting[0]
        return (table, DataConfig(encoding=encoding, delimiter=delimiter)), ""
    lacking = "; ".join(
        f"{table} needs {', '.join(map(repr, missing))}"
        for table, layout in layouts.items()
        for missing in [
            [layout.columns[column][0] for column in layout.required if column not in named]
            for named in [layout.named(header)]
        ]
    )
    return None, f"{lacking}; its columns are {', '.join(header[:8]) or 'not readable'}"


def _sheet_columns(path: Path) -> list[str]:
    return read_spreadsheet(path).columns[1:]


def _encoding(path: Path) -> str:
    """The encoding of a text file: by its mark, UTF-8, or else that of spreadsheets."""
    if table_format(path) in _TYPED:
        return "utf-8"
    encoding = text_encoding(path)
    if encoding not in UTF8:
        return encoding
    decoder = codecs.getincrementaldecoder("utf-8")()
    with utf8_content(path, encoding) as content:
        try:
            while block := content.read(2**20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return _SPREADSHEET_ENCODING
    return encoding
