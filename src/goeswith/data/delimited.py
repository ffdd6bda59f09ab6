"""CSV and TSV files in batches. A line with too few or too many fields goes to quarantine.

The reader of Arrow is used because it reports every invalid line with its number.
"""

from __future__ import annotations

import codecs
import csv
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, cast

import numpy as np
import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.jsonlines import decompress
from goeswith.data.quarantine import ROW, Quarantine

_DELIMITER_NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_BLOCK_BYTES: Final = 16 * 2**20
"""Bytes of a block, and so the length of the longest line."""


class _RaggedLine(Protocol):
    number: int
    text: str
    expected_columns: int
    actual_columns: int


def delimited_batches(
    path: Path, delimiter: str, quarantine: Quarantine, *, quoted: bool = True
) -> Iterator[pl.DataFrame]:
    """The rows of a delimited file with a header, as strings (null where empty), and `_row`.

    Args:
        path: plain or .gz, UTF-8.
        delimiter: what stands between fields.
        quarantine: takes ragged lines and counts rows read under `path.name`.
        quoted: whether a field may stand in quotation marks; otherwise they are ordinary.

    Yields:
        Frames of some 16 MiB of the file each; the first is empty and has the schema.

    Raises:
        DataError: the delimiter or encoding is another, a quotation mark is never closed, or the
            file is empty or damaged.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = _header(path, delimiter)
    yield pl.DataFrame(schema={ROW: pl.Int64} | dict.fromkeys(names, pl.String))
    ragged: list[_RaggedLine] = []

    def collect_ragged(line: _RaggedLine) -> str:
        ragged.append(line)
        return "skip"

    last, rows, multiline = 0, 0, False
    try:
        reader = arrow_csv.open_csv(
            pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None),
            # one thread: only then does a ragged line have a number
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=_BLOCK_BYTES, column_names=names, skip_rows=0
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if quoted else False,
                newlines_in_values=quoted,
                invalid_row_handler=collect_ragged,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
        for batch in reader:
            frame = cast(pl.DataFrame, pl.from_arrow(pa.Table.from_batches([batch])))
            # the header is row 1 for Arrow and row 0 here
            numbers = np.arange(last, last + frame.height + len(ragged), dtype=np.int64)
            numbers = np.setdiff1d(numbers, [line.number - 1 for line in ragged])[: frame.height]
            frame = frame.select(pl.Series(ROW, numbers), pl.all()).filter(pl.col(ROW) > 0)
            last = int(numbers[-1]) + 1 if len(numbers) else last
            rows += frame.height
            multiline = multiline or _has_line_break(frame)
            yield frame
    except (pa.ArrowInvalid, OSError) as error:
        raise _reader_error(path, delimiter, error) from error
    if multiline:
        _check_quotes(path, delimiter)
    quarantine.count_read(path.name, rows + len(ragged))
    for actual in {line.actual_columns for line in ragged}:
        lines = [line for line in ragged if line.actual_columns == actual]
        quarantine.add(
            path.name,
            pl.Series([line.number - 1 for line in lines], dtype=pl.Int64),
            f"the line has {actual} fields and the header {len(names)}",
            pl.Series([line.text for line in lines], dtype=pl.String),
        )


@contextmanager
def _open(path: Path) -> Iterator[io.TextIOWrapper]:
    with path.open("rb") as raw, decompress(raw, path) as lines:
        yield io.TextIOWrapper(lines, encoding="utf-8-sig", newline="")


def _header(path: Path, delimiter: str) -> list[str]:
    """The validated column names."""
    try:
        with _open(path) as lines:
            names = next((row for row in csv.reader(lines, delimiter=delimiter) if row), [])
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise _reader_error(path, delimiter, error) from error
    names = [name.strip() for name in names]
    if not any(names):
        raise DataError(f"{path} is empty; write the table again, or remove the file")
    if len(names) == 1:
        other_delimiters = [
            mark for mark in _DELIMITER_NAMES if mark != delimiter and mark in names[0]
        ]
        if other_delimiters:
            likely = max(other_delimiters, key=names[0].count)
            advice = (
                "save it as .tsv" if likely == "\t" else "write it again with commas, or as parquet"
            )
            raise DataError(
                f"{path}: the header {names[0]!r} is one column; its fields seem to be separated "
                f"by a {_DELIMITER_NAMES[likely]} where a {_DELIMITER_NAMES[delimiter]} is "
                f"expected: {advice}"
            )
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        raise DataError(f"{path}: the header has the column {duplicate!r} twice; rename one")
    if ROW in names or "" in names:
        column = repr(ROW) + ", which is reserved" if ROW in names else "without a name"
        raise DataError(f"{path}: the header has a column {column}; name it otherwise")
    return names


def _has_line_break(frame: pl.DataFrame) -> bool:
    breaks = frame.select(
        pl.any_horizontal(pl.col(pl.String).str.contains("\n", literal=True).any())
    )
    return bool(breaks.item())


def _check_quotes(path: Path, delimiter: str) -> None:
    """Check that every quotation mark is closed within its field.

    Raises:
        DataError: a quotation mark is never closed.
    """
    csv.field_size_limit(_BLOCK_BYTES)
    with _open(path) as lines:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        before = 0
        try:
            for _ in reader:
                before = reader.line_num
        except csv.Error as error:
            raise _unclosed_quote_error(path, before + 1) from error


def _unclosed_quote_error(path: Path, line: int) -> DataError:
    return DataError(
        f"{path}, line {line}: a quotation mark is opened and not closed in its field, so that "
        'the end of the field is not clear; double the marks inside a field ("") or write '
        "parquet"
    )


def _reader_error(path: Path, delimiter: str, error: Exception) -> DataError:
    """The error of the reader with its cause and the remedy."""
    if isinstance(error, (OSError, EOFError, zlib.error)) and path.suffix == ".gz":
        return DataError(f"{path} is not a complete gzip file ({error}); copy or write it again")
    with path.open("rb") as raw, decompress(raw, path) as lines:
        start = lines.read(2)
        if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return DataError(f"{path} is in UTF-16; save it as UTF-8")
        lines.seek(0)
        for number, line in enumerate(lines, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as wrong:
                return DataError(
                    f"{path}, line {number}: the byte 0x{line[wrong.start]:02x} is not UTF-8; the "
                    "file is in another encoding (Latin-1?), save it as UTF-8"
                )
    if "straddling" in str(error):
        try:
            _check_quotes(path, delimiter)
        except DataError as quote_error:
            return quote_error
        return DataError(f"{path} has a line longer than {_BLOCK_BYTES >> 20} MiB; write parquet")
    return DataError(f"{path} cannot be read: {error}")
