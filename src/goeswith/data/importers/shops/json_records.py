"""Records of JSON and parquet files: JSON lines, one document, or a table with nested columns."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.importers.source_files import list_source_files
from goeswith.data.jsonlines import numbered_lines, parse_object
from goeswith.data.parquet_file import read_parquet
from goeswith.data.quarantine import Quarantine
from goeswith.data.text_encoding import text_encoding, utf8_content

SUFFIXES: Final = (".json", ".jsonl", ".ndjson", ".parquet")
_SLICE: Final = 10_000
_MAX_DOCUMENT: Final = 2**30
"""Bytes of one JSON document; a longer log is written as JSON lines."""


def record_files(sources: list[Path], name: str, quarantine: Quarantine) -> list[Path]:
    """The files of records among `sources`, or in the folders among them.

    Raises:
        DataError: there is none.
    """
    files = list_source_files(sources)
    readable = [file for file in files if _suffix(file)]
    others = [file for file in files if not _suffix(file) and not file.name.startswith(".")]
    for file in others:
        note = f"{file.name} is not read: its suffix is not {', '.join(SUFFIXES)}"
        if file in sources:
            raise DataError(f"{name}: {note}")
        quarantine.notes.append(note)
    if not readable:
        raise DataError(f"{name} needs files with the suffix {', '.join(SUFFIXES)}, also with .gz")
    return readable


def _suffix(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)


def records(
    path: Path, quarantine: Quarantine, on_progress: Callable[[float], None]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Records with their number from 1: of JSON lines, of an array, or the rows of parquet.

    Lines and members that are no object are set aside.

    Raises:
        DataError: the file is damaged, or no JSON.
    """
    if _suffix(path) == ".parquet":
        yield from _rows(path)
        return
    lines = numbered_lines(path, on_progress)
    first = next(lines, None)
    if first is None:
        raise DataError(f"{path} is empty; export it again, or remove the file")
    if parse_object(first[1]) is None:
        lines.close()  # type: ignore[attr-defined]
        yield from _document(path, quarantine)
        return
    yield first[0], json.loads(first[1])
    for number, line in lines:
        record = parse_object(line)
        if record is None:
            _set_aside(path, quarantine, number, line)
        else:
            yield number, record


def as_text(value: Any) -> str | None:
    """A value as text, an integral float without `.0`, as JSON writes large counters."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None or isinstance(value, (dict, list)) else str(value)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    frame = read_parquet(path)
    for start in range(0, frame.height, _SLICE):
        yield from enumerate(frame.slice(start, _SLICE).iter_rows(named=True), start + 1)


def _document(path: Path, quarantine: Quarantine) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with utf8_content(path, text_encoding(path)) as content:
            text = content.read(_MAX_DOCUMENT + 1)
            if len(text) > _MAX_DOCUMENT:
                raise DataError(
                    f"{path} is one JSON document of more than {_MAX_DOCUMENT >> 30} GiB; write "
                    "one object a line, for example with `jq -c '.[]'`"
                )
            document = json.loads(text)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is neither JSON nor JSON lines: {error}; export it again"
        ) from error
    for number, record in enumerate(document if isinstance(document, list) else [document], 1):
        if isinstance(record, dict):
            yield number, record
        else:
            _set_aside(path, quarantine, number, json.dumps(record))


def _set_aside(path: Path, quarantine: Quarantine, number: int, value: str) -> None:
    quarantine.count_read(path.name, 1)
    reason = "the line is not a JSON object"
    quarantine.add(path.name, pl.Series([number]), reason, pl.Series([value[:500]]))
