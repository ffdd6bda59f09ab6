"""Tables from files of every readable format, with the number of each row."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.delimited import delimited_batches
from goeswith.data.jsonlines import read_json_lines
from goeswith.data.quarantine import ROW, Quarantine

READABLE_SUFFIXES: Final = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson")
"""Formats by suffix, each also with .gz after it."""


def table_format(path: Path) -> str | None:
    """The suffix that says how to read `path` (one of `READABLE_SUFFIXES`), or None."""
    name = path.name.removesuffix(".gz")
    return next((suffix for suffix in READABLE_SUFFIXES if name.endswith(suffix)), None)


def read_table(path: Path, quarantine: Quarantine) -> pl.DataFrame:
    """Read a table.

    Args:
        path: .parquet, .csv, .tsv, .jsonl or .ndjson, plain or with .gz.
        quarantine: counts the rows read, and takes lines that cannot be parsed.

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
            f"{path} cannot be read; readable are {', '.join(READABLE_SUFFIXES)} (also .gz)"
        )
    if not path.stat().st_size:
        raise DataError(f"{path} is empty (0 bytes); write the table again, or remove the file")
    frame = pl.concat(table_batches(path, quarantine), rechunk=True)
    if not frame.height and not quarantine.rows_read(path.name):
        raise DataError(f"{path} holds no rows; remove it if there is no such table")
    return frame


def table_batches(path: Path, quarantine: Quarantine) -> Iterator[pl.DataFrame]:
    """As `read_table`, in batches where the format allows it (CSV and TSV), to bound memory.

    An empty table is not an error here.
    """
    suffix = table_format(path)
    if suffix == ".parquet":
        frame = _read_parquet(path)
        quarantine.count_read(path.name, frame.height)
        yield frame
    elif suffix in (".csv", ".tsv"):
        yield from delimited_batches(path, "\t" if suffix == ".tsv" else ",", quarantine)
    else:
        yield read_json_lines(path, quarantine)


def require_columns(frame: pl.DataFrame, columns: tuple[str, ...], file: str) -> None:
    """Check that a table has its columns.

    Raises:
        DataError: lists the missing columns, the present ones and similar names.
    """
    present = [name for name in frame.columns if name != ROW]
    missing = [name for name in columns if name not in present]
    if missing:
        matches = {name: get_close_matches(name, present, n=1) for name in missing}
        hints = [f"rename {match[0]!r} to {name!r}?" for name, match in matches.items() if match]
        raise DataError(
            f"{file} has no column {', '.join(map(repr, missing))}; it has {', '.join(present)}"
            + (f" ({' '.join(hints)})" if hints else "")
        )


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        source: Path | io.BytesIO = path
        if path.name.endswith(".gz"):
            source = io.BytesIO(gzip.decompress(path.read_bytes()))
        frame = pl.read_parquet(source, hive_partitioning=False)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}; copy or write it again") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DataError(
            f"{path} is not a complete parquet file: it is truncated or damaged ({error}); "
            "copy or write it again"
        ) from error
    if ROW in frame.columns:
        raise DataError(f"{path} has a column {ROW!r}, which is reserved; rename it")
    return frame.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))
