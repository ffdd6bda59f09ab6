"""JSON lines: one object a line. Invalid lines go to quarantine."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.delimited import MAX_COLUMNS
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.text_encoding import AUTO, bounded_lines, text_encoding, utf8_content


def read_json_lines(
    path: Path, quarantine: Quarantine, *, encoding: str = AUTO, file: str | None = None
) -> pl.DataFrame:
    """A table from JSON lines, plain or packed with gzip, with `_row`, the number of the line.

    A column with values of several types becomes strings.

    Args:
        path: the file.
        quarantine: takes lines that are not JSON object or not in the encoding.
        encoding: of the file, as in the settings.
        file: its name in messages; None is the name of `path`.

    Raises:
        DataError: the file is damaged or no text, no line of it is an object, or it has a column
            `_row`.
    """
    file = file or path.name
    rows: list[int] = []
    columns: dict[str, list[Any]] = {}
    bad: list[tuple[int, str]] = []
    undecodable: list[tuple[int, str]] = []
    for number, line in numbered_lines(path, encoding=encoding, errors="surrogateescape"):
        if not _is_decoded(line):
            undecodable.append((number, line.encode("utf-8", "surrogateescape").decode("latin-1")))
            continue
        record = parse_object(line)
        if record is None or (
            "\\u" in line and not _is_decoded(json.dumps(record, ensure_ascii=False))
        ):
            bad.append((number, line))
            continue
        for name, value in record.items():
            values = columns.setdefault(name, [])
            values.extend([None] * (len(rows) - len(values)))
            values.append(value)
        rows.append(number)
        if len(columns) > MAX_COLUMNS:
            raise DataError(
                f"{path}: the objects have more than {MAX_COLUMNS:,} keys. If it is a matrix with "
                "a key for each product, write an object for each product of a basket"
            )
    if bad and not rows:
        raise DataError(f"{path}: no line is a JSON object{_shape(bad[0][1])}")
    quarantine.count_read(file, len(rows) + len(bad) + len(undecodable))
    for lines, reason in (
        (bad, "the line is not a JSON object"),
        (
            undecodable,
            "the line is not UTF-8; if the file is in another encoding, set encoding under [data] "
            "of goeswith.toml",
        ),
    ):
        quarantine.add(
            file,
            pl.Series([number for number, _ in lines], dtype=pl.Int64),
            reason,
            pl.Series([line[:500] for _, line in lines], dtype=pl.String),
        )
    if ROW in columns:
        raise DataError(f"{path} has a column {ROW!r}, which is reserved; rename it")
    for values in columns.values():
        values.extend([None] * (len(rows) - len(values)))
    return pl.DataFrame(
        [pl.Series(ROW, rows, dtype=pl.Int64)]
        + [_series(name, values) for name, values in columns.items()]
    )


def _is_decoded(line: str) -> bool:
    if line.isascii():
        return True
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shape(line: str) -> str:
    """What a file seems to be that is not JSON lines, by its first line."""
    if line.startswith("["):
        return (
            ": the file is a JSON array. Write one object a line, for example with "
            "`jq -c '.[]' array.json > events.jsonl`"
        )
    if line.startswith("{"):
        return (
            ": an object seems to span several lines. Write one object a line, for example with "
            "`jq -c . pretty.json > events.jsonl`"
        )
    return f"; the first is {line[:60]!r}. Write one object a line"


def numbered_lines(
    path: Path,
    on_progress: Callable[[float], None] | None = None,
    *,
    encoding: str = AUTO,
    errors: str = "replace",
) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their number from 1; undecodable bytes become U+FFFD.

    Args:
        path: plain or packed with gzip.
        on_progress: called every 5,000 lines with the share of the file that is read.
        encoding: of the file, as in the settings.
        errors: what becomes of undecodable bytes.

    Raises:
        DataError: a .gz file is damaged, or the file is no text.
    """
    size = path.stat().st_size or 1
    try:
        with utf8_content(path, text_encoding(path, encoding)) as lines:
            for number, line in enumerate(bounded_lines(lines, path), start=1):
                if on_progress and number % 5000 == 0:
                    on_progress(min(lines.tell() / size, 1.0) if lines.seekable() else 0.5)
                text = line.decode("utf-8-sig" if number == 1 else "utf-8", errors).strip()
                if text:
                    yield number, text
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is not a complete gzip file ({error}); copy or write it again"
        ) from error
    except UnicodeError as error:
        raise DataError(f"{path} is not {encoding}: {error}; set another encoding") from error


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
