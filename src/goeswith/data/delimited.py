"""CSV and TSV files in batches. A line with too few or too many fields goes to quarantine.

The reader of Arrow is used because it reports every invalid line with its number.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np
import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.quarantine import FILE, ROW, Quarantine
from goeswith.data.text_encoding import (
    AUTO,
    MAX_LINE,
    UTF8,
    bounded_lines,
    decompress,
    is_gzip,
    text_encoding,
    utf8_content,
)

_DELIMITER_NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_BLOCK_BYTES: Final = MAX_LINE
"""Bytes of a block, and so the length of the longest line."""
MAX_COLUMNS: Final = 10_000
_TIME_PATTERN: Final = r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?:[T ].*)?"
_TIME: Final = re.compile(f"^{_TIME_PATTERN}$")
_VALUE: Final = re.compile(rf"^(?:-?\d+([.,]\d+)?|{_TIME_PATTERN})$")
"""A number or a time."""
_EXAMPLE_HEADERS: Final = {
    2: "basket_id,product_id",
    3: "user_id,product_id,timestamp",
    4: "user_id,product_id,event,timestamp",
}


class _RaggedLine(Protocol):
    number: int
    text: str
    expected_columns: int
    actual_columns: int


def delimited_batches(
    path: Path,
    delimiter: str,
    quarantine: Quarantine,
    *,
    quoted: bool = True,
    encoding: str = AUTO,
    file: str | None = None,
) -> Iterator[pl.DataFrame]:
    """The rows of a delimited file with a header, as strings (null where empty), and `_row`.

    Args:
        path: plain or packed with gzip.
        delimiter: what stands between fields.
        quarantine: takes ragged lines and counts rows read.
        quoted: whether a field may stand in quotation marks; otherwise they are ordinary.
        encoding: of the file, as in the settings.
        file: its name in messages; None is the name of `path`.

    Yields:
        Frames of some 16 MiB of the file each; the first is empty and has the schema.

    Raises:
        DataError: the delimiter or encoding is another, a quotation mark is never closed, or the
            file has no header, is empty or damaged.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    file = file or path.name
    try:
        encoding = text_encoding(path, encoding)
    except (OSError, EOFError, zlib.error) as error:
        raise _reader_error(path, delimiter, AUTO, error) from error
    names = read_header(path, delimiter, encoding)
    yield pl.DataFrame(schema={ROW: pl.Int64} | dict.fromkeys(names, pl.String))
    ragged: list[_RaggedLine] = []

    def collect_ragged(line: _RaggedLine) -> str:
        ragged.append(line)
        return "skip"

    last, rows, multiline = 0, 0, False
    stream = _byte_stream(path, encoding)
    try:
        reader = arrow_csv.open_csv(
            stream,
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
    except (pa.ArrowInvalid, OSError, EOFError, zlib.error, UnicodeError) as error:
        raise _reader_error(path, delimiter, encoding, error) from error
    finally:
        stream.close()
    if multiline or any("\n" in line.text for line in ragged):
        _check_quotes(path, delimiter, encoding)
    quarantine.count_read(file, rows + len(ragged))
    for actual in {line.actual_columns for line in ragged}:
        lines = [line for line in ragged if line.actual_columns == actual]
        quarantine.add(
            file,
            pl.Series([line.number - 1 for line in lines], dtype=pl.Int64),
            f"the line has {actual} fields and the header {len(names)}",
            pl.Series([line.text for line in lines], dtype=pl.String),
        )


def _byte_stream(path: Path, encoding: str) -> Any:
    """The unpacked bytes of a file in UTF-8, for Arrow."""
    import pyarrow as pa

    packed = is_gzip(path) or path.suffix.lower() == ".gz"
    if encoding in UTF8 and not packed:
        return pa.input_stream(str(path), compression=None)
    return pa.PythonFile(utf8_content(path, encoding), mode="r")


@contextmanager
def _open(path: Path, encoding: str) -> Iterator[Iterator[str]]:
    """The lines of a file, which may end as on any system."""
    content = utf8_content(path, encoding)
    with io.TextIOWrapper(content, encoding="utf-8-sig", newline="") as lines:
        yield bounded_lines(lines, path)


def read_header(path: Path, delimiter: str, encoding: str) -> list[str]:
    """The validated column names.

    Raises:
        DataError: the header is empty, of another delimiter, or no header.
    """
    csv.field_size_limit(_BLOCK_BYTES)
    try:
        with _open(path, encoding) as lines:
            names = next((row for row in csv.reader(lines, delimiter=delimiter) if row), [])
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error) as error:
        raise _reader_error(path, delimiter, encoding, error) from error
    names = [name.strip(" \t\u00a0\ufeff\u200b") for name in names]
    if not any(names):
        raise DataError(f"{path} is empty; write the table again, or remove the file")
    if len(names) > MAX_COLUMNS:
        raise DataError(
            f"{path}: the header has {len(names):,} columns, more than {MAX_COLUMNS:,}. If it is "
            "a matrix with a column for each product, write a row for each product of a basket"
        )
    if names[0].lower().startswith("sep=") and len("".join(names)) <= len("sep=;"):
        raise DataError(
            f"{path}: the first line {names[0]!r} is a hint for spreadsheets; remove it, and set "
            "delimiter under [data] of goeswith.toml"
        )
    if all(name[:1] == "'" == name[-1:] and len(name) > 1 for name in names):
        raise DataError(
            f"{path}: the fields are in single quotation marks, such as {names[0]}; write them "
            'with double ones (")'
        )
    if len(names) == 1:
        _check_delimiter(path, delimiter, names[0])
    _check_is_header(path, names)
    counts = Counter(names)
    duplicate = next((name for name in names if counts[name] > 1), None)
    if duplicate is not None and duplicate:
        raise DataError(f"{path}: the header has the column {duplicate!r} twice; rename one")
    if ROW in counts or FILE in counts or "" in counts:
        reserved = next((name for name in (ROW, FILE) if name in counts), None)
        column = f"{reserved!r}, which is reserved" if reserved else "without a name"
        raise DataError(f"{path}: the header has a column {column}; rename it")
    return names


def _check_delimiter(path: Path, delimiter: str, header: str) -> None:
    """Refuse a header of one column that holds another delimiter."""
    other_delimiters = [mark for mark in _DELIMITER_NAMES if mark != delimiter and mark in header]
    if not other_delimiters:
        return
    likely = max(other_delimiters, key=header.count)
    advice = "save it as .tsv" if likely == "\t" else "write it again with commas, or as parquet"
    expected = _DELIMITER_NAMES.get(delimiter, repr(delimiter))
    raise DataError(
        f"{path}: the header {header!r} is one column; its fields seem to be separated "
        f"by a {_DELIMITER_NAMES[likely]} where a {expected} is "
        f"expected: {advice}, or set delimiter = {likely!r} under [data] of goeswith.toml"
    )


def _check_is_header(path: Path, names: list[str]) -> None:
    """Refuse a first line of values, of JSON or of a page."""
    if names[0].startswith(('{"', "[{", "[[", '["')) or names in (["{"], ["["]):
        raise DataError(
            f"{path}: the first line is JSON, not the names of columns: {names[0][:40]!r}. Name "
            "the file .jsonl if each line is an object, or write it as CSV"
        )
    if names[0].lower().startswith(("<!doctype", "<html", "<?xml")):
        raise DataError(
            f"{path} is a page of HTML or XML, such as a form to log in; download the table again"
        )
    values = [name for name in names if _VALUE.match(name)]
    filled = [name for name in names if name]
    has_many = len(values) >= 2 and 3 * len(values) >= len(filled)
    if not has_many and not any(_TIME.match(name) for name in names):
        return
    raise DataError(
        f"{path}: the file seems to have no header: its first line holds values such as "
        f"{values[0]!r}. Add a line with the names of the columns, such as "
        f"{_EXAMPLE_HEADERS.get(len(names), 'user_id,product_id,timestamp')}"
    )


def _has_line_break(frame: pl.DataFrame) -> bool:
    breaks = frame.select(
        pl.any_horizontal(pl.col(pl.String).str.contains("\n", literal=True).any())
    )
    return bool(breaks.item())


def _check_quotes(path: Path, delimiter: str, encoding: str) -> None:
    """Check that every quotation mark is closed within its field.

    Raises:
        DataError: a quotation mark is never closed.
    """
    csv.field_size_limit(_BLOCK_BYTES)
    with _open(path, encoding) as lines:
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


def _reader_error(path: Path, delimiter: str, encoding: str, error: Exception) -> DataError:
    """The error of the reader with its cause and the remedy."""
    packed = is_gzip(path) or path.suffix.lower() == ".gz"
    if isinstance(error, (OSError, EOFError, zlib.error)) and packed:
        return DataError(f"{path} is not a complete gzip file ({error}); copy or write it again")
    if isinstance(error, UnicodeError) and encoding not in (*UTF8, AUTO):
        return DataError(
            f"{path} is not in {encoding}: {error}; set another encoding under [data] of "
            "goeswith.toml"
        )
    if encoding in UTF8:
        with path.open("rb") as raw, decompress(raw, path) as lines:
            for number, line in enumerate(bounded_lines(lines, path), start=1):
                try:
                    line.decode()
                except UnicodeDecodeError as wrong:
                    return DataError(
                        f"{path}, line {number}: the byte 0x{line[wrong.start]:02x} is not UTF-8; "
                        "the file is in another encoding; save it as UTF-8, or set encoding = "
                        "'cp1252' (Western Europe), 'cp1251' (Cyrillic), 'gb18030' (Chinese), "
                        "'shift_jis' (Japanese) or another under [data] of goeswith.toml"
                    )
    if "straddling" in str(error) or "field larger than" in str(error):
        try:
            _check_quotes(path, delimiter, encoding)
        except DataError as quote_error:
            return quote_error
        return DataError(f"{path} has a line longer than {_BLOCK_BYTES >> 20} MiB; write parquet")
    return DataError(f"{path} cannot be read: {error}")
