"""JSON lines: one object a line. Invalid lines go to quarantine."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.quarantine import ROW, Quarantine


def read_json_lines(path: Path, quarantine: Quarantine) -> pl.DataFrame:
    """A table from JSON lines, plain or .gz, with `_row`, the number of the line.

    A column with values of several types becomes strings.

    Raises:
        DataError: the file is damaged, or has a column `_row`.
    """
    rows: list[int] = []
    columns: dict[str, list[Any]] = {}
    bad: list[tuple[int, str]] = []
    for number, line in numbered_lines(path):
        record = parse_object(line)
        if record is None:
            bad.append((number, line))
            continue
        for name, value in record.items():
            values = columns.setdefault(name, [])
            values.extend([None] * (len(rows) - len(values)))
            values.append(value)
        rows.append(number)
    quarantine.count_read(path.name, len(rows) + len(bad))
    quarantine.add(
        path.name,
        pl.Series([number for number, _ in bad], dtype=pl.Int64),
        "the line is not a JSON object",
        pl.Series([line[:500] for _, line in bad], dtype=pl.String),
    )
    if ROW in columns:
        raise DataError(f"{path} has a column {ROW!r}, which is reserved; rename it")
    for values in columns.values():
        values.extend([None] * (len(rows) - len(values)))
    return pl.DataFrame(
        [pl.Series(ROW, rows, dtype=pl.Int64)]
        + [_series(name, values) for name, values in columns.items()]
    )


def numbered_lines(
    path: Path, on_progress: Callable[[float], None] | None = None
) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their number from 1; undecodable bytes become U+FFFD.

    Args:
        path: plain or .gz.
        on_progress: called every 5,000 lines with the share of the file that is read.

    Raises:
        DataError: a .gz file is damaged.
    """
    with path.open("rb") as raw, decompress(raw, path) as lines:
        size = path.stat().st_size or 1
        try:
            for number, line in enumerate(lines, start=1):
                if on_progress and number % 5000 == 0:
                    on_progress(raw.tell() / size)
                text = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace").strip()
                if text:
                    yield number, text
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{path} is not a complete gzip file ({error}); copy or write it again"
            ) from error


def decompress(raw: IO[bytes], path: Path) -> IO[bytes]:
    """The bytes of the open file `raw`, decompressed if its name ends in .gz."""
    return cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw


def parse_object(line: str) -> dict[str, Any] | None:
    """The JSON object of a line, or None where there is none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _series(name: str, values: list[Any]) -> pl.Series:
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        as_text = (
            value if value is None or isinstance(value, str) else json.dumps(value)
            for value in values
        )
        return pl.Series(name, list(as_text), dtype=pl.String)
