"""Tables from files of every readable format, with the number of each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.config import DataConfig
from goeswith.data.delimited import MAX_COLUMNS, delimited_batches
from goeswith.data.jsonlines import read_json_lines
from goeswith.data.mapping.column_names import COLUMNS, normalize
from goeswith.data.parquet_file import read_parquet
from goeswith.data.quarantine import FILE, ROW, Quarantine
from goeswith.data.sources.packed_files import PACKED_SUFFIXES, unpacked
from goeswith.data.sources.spreadsheet import read_spreadsheet
from goeswith.data.text_encoding import AUTO

READABLE_SUFFIXES: Final = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".xlsx")
"""Formats by suffix, each also with .gz, .zst or .zip after it."""

_SHOWN_COLUMNS: Final = 30


def table_format(path: Path) -> str | None:
    """The suffix that says how to read `path` (one of `READABLE_SUFFIXES`), or None."""
    name = path.name.lower().removesuffix(".gz")
    for suffix in PACKED_SUFFIXES:
        name = name.removesuffix(suffix)
    return next((suffix for suffix in READABLE_SUFFIXES if name.endswith(suffix)), None)


def read_table(
    path: Path,
    quarantine: Quarantine,
    config: DataConfig | None = None,
    *,
    file: str | None = None,
) -> pl.DataFrame:
    """Read a table.

    Args:
        path: .parquet, .csv, .tsv, .jsonl, .ndjson or .xlsx, plain or packed (.gz, .zst, .zip).
        quarantine: counts the rows read, and takes lines that cannot be parsed.
        config: encoding and delimiter; None for the defaults.
        file: name of the file in messages; None is that of `path`.

    Returns:
        The columns of the file and `_row`, the row's number from 1 (the line under a header is
        row 1). Columns of a CSV or TSV are strings.

    Raises:
        DataError: no such file, another format, or a file that is empty or damaged.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    if table_format(path) is None:
        raise DataError(
            f"{path} cannot be read; supported formats are {', '.join(READABLE_SUFFIXES)} (also "
            ".gz, .zst, .zip)"
        )
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if not size:
        raise DataError(f"{path} is empty (0 bytes); write the table again, or remove the file")
    frame = pl.concat(table_batches(path, quarantine, config, file=file), rechunk=True)
    if not frame.height and not quarantine.rows_read(file or path.name):
        raise DataError(f"{path} has no rows; remove it if there is no such table")
    return frame


def table_batches(
    path: Path,
    quarantine: Quarantine,
    config: DataConfig | None = None,
    *,
    file: str | None = None,
) -> Iterator[pl.DataFrame]:
    """As `read_table`, in batches where the format allows it (CSV and TSV), to bound memory.

    An empty table is not an error here.
    """
    config = config or DataConfig()
    file = file or path.name
    if path.suffix.lower() in PACKED_SUFFIXES:
        with unpacked(path) as plain:
            try:
                yield from table_batches(plain, quarantine, config, file=file)
            except DataError as error:
                raise DataError(str(error).replace(str(plain), str(path))) from error
        return
    suffix = table_format(path)
    if suffix == ".parquet":
        frame = _read_parquet(path)
        quarantine.count_read(file, frame.height)
        yield frame
    elif suffix == ".xlsx":
        frame = read_spreadsheet(path)
        quarantine.count_read(file, frame.height)
        yield frame
    elif suffix in (".csv", ".tsv"):
        delimiter = "\t" if suffix == ".tsv" else ","
        if config.delimiter != AUTO:
            delimiter = config.delimiter
        yield from delimited_batches(
            path, delimiter, quarantine, encoding=config.encoding, file=file
        )
    else:
        yield read_json_lines(path, quarantine, encoding=config.encoding, file=file)


def require_columns(frame: pl.DataFrame, columns: tuple[str, ...], file: str) -> None:
    """Check that a table has its columns.

    Raises:
        DataError: lists the missing columns, the present ones and similar names.
    """
    present = [name for name in frame.columns if name not in (ROW, FILE)]
    missing = [name for name in columns if name not in present]
    if missing:
        hints = [
            f"rename {match!r} to {name!r}?"
            for name in missing
            for match in _similar_columns(name, present)[:1]
        ]
        there = ", ".join(present[:_SHOWN_COLUMNS]) + (
            f" and {len(present) - _SHOWN_COLUMNS:,} more" if len(present) > _SHOWN_COLUMNS else ""
        )
        raise DataError(
            f"{file} has no column {', '.join(map(repr, missing))}; it has {there or 'no column'}"
            + (f" ({' '.join(hints)})" if hints else "")
            + (
                ""
                if _any_common(present)
                else "; if these are not names, the file has no header, or lines above it"
            )
        )


def _any_common(present: Sequence[str]) -> bool:
    """Whether any column has a name that is common in some table."""
    common = {normalize(a) for t in COLUMNS.values() for names in t.values() for a in names}
    return any(normalize(name) in common for name in present)


def _similar_columns(name: str, present: Sequence[str]) -> list[str]:
    """Columns that may be `name`: with a common name for it, else with a similar one.

    A column with the name of another column of goeswith is none: `seller_id` is no `user_id`.
    """
    wanted = {normalize(a) for columns in COLUMNS.values() for a in columns.get(name, ())}
    same = [column for column in present if normalize(column) in wanted]
    others = {normalize(column): column for column in present}
    close = get_close_matches(normalize(name), others, n=1, cutoff=0.75)
    return same or [others[match] for match in close]


def _read_parquet(path: Path) -> pl.DataFrame:
    frame = read_parquet(path)
    for reserved in (ROW, FILE):
        if reserved in frame.columns:
            raise DataError(f"{path} has a column {reserved!r}, which is reserved; rename it")
    if frame.width > MAX_COLUMNS:
        raise DataError(
            f"{path} has {frame.width:,} columns, more than {MAX_COLUMNS:,}. If it is a matrix "
            "with a column for each product, write a row for each product of a basket"
        )
    return frame.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))
