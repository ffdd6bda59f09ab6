"""Baskets as text: one basket a line, or a matrix with a column for each product.

Lines are those of `groceries.csv` and of the FIMI repository (`retail.dat`). A matrix has 1, true,
t or a quantity where a basket has the product; its first column may be the id of the basket.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.core.progress import ShareProgress
from goeswith.data.importers import TableBatches
from goeswith.data.importers.source_files import list_source_files
from goeswith.data.mapping.column_names import COLUMNS, normalize
from goeswith.data.mapping.event_names import FALSE_MARKS, TRUE_MARKS
from goeswith.data.quarantine import Quarantine
from goeswith.data.text_encoding import MAX_LINE, bounded_lines, text_encoding, utf8_content

_DELIMITERS: Final = ("\t", ";", ",", "|", " ")
_BATCH: Final = 20_000
_SAMPLE: Final = 1000
_ID_NAMES: Final = {"", "id", "index"} | {normalize(n) for n in COLUMNS["events"]["basket_id"]}


def basket_lines(
    sources: list[Path], quarantine: Quarantine, progress: ShareProgress
) -> TableBatches:
    """Events of baskets whose id is the file and the number of the line."""
    for path in list_source_files(sources):
        sample = [line for _, line in islice(_lines(path), _SAMPLE)]
        delimiter = _delimiter(sample, path)
        lines = _lines(path)
        while batch := list(islice(lines, _BATCH)):
            baskets = [(number, _fields(line, delimiter)) for number, line in batch]
            quarantine.count_read(path.name, len(baskets))
            empty = [number for number, products in baskets if not products]
            reason = "the line has no product"
            rows = pl.Series(empty, dtype=pl.Int64)
            quarantine.add(path.name, rows, reason, rows.cast(pl.String))
            yield "events", _events([(f"{path.name}:{n}", p, 1.0) for n, ps in baskets for p in ps])
        progress(path.name, 1.0)


def one_hot(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Events of the cells that are set."""
    for path in list_source_files(sources):
        lines = _lines(path)
        header_line = next(lines, (0, ""))[1]
        delimiter = max(_DELIMITERS[:4], key=header_line.count)
        header = [name.strip() for name in next(csv.reader([header_line], delimiter=delimiter), [])]
        has_id = bool(header) and normalize(header[0]) in _ID_NAMES
        products = header[1:] if has_id else header
        counts = Counter(products)
        wrong = next((name for name in products if not name or counts[name] > 1), None)
        if len(products) < 2 or wrong is not None:
            what = (
                "one column" if wrong is None else f"the column {wrong!r} twice or without a name"
            )
            raise DataError(
                f"{path}: the header of a matrix has a column for each product; it has {what}"
            )
        while batch := list(islice(lines, _BATCH)):
            yield "events", _matrix(batch, path.name, products, delimiter, quarantine, has_id)
        progress(path.name, 1.0)


def _matrix(  # noqa: PLR0917
    batch: list[tuple[int, str]],
    file: str,
    products: list[str],
    delimiter: str,
    quarantine: Quarantine,
    has_id: bool,
) -> pl.DataFrame:
    """Events of some rows; a row with a cell that is no mark and no number is set aside."""
    quarantine.count_read(file, len(batch))
    rows: list[tuple[str, str, float]] = []
    for number, line in batch:
        cells = next(csv.reader([line], delimiter=delimiter), [])
        basket = f"{file}:{cells[0].strip() if has_id and cells else number}"
        quantities = [_quantity(cell) for cell in cells[has_id:]]
        if len(quantities) != len(products) or None in quantities:
            quarantine.add(
                file,
                pl.Series([number - 1]),
                "a cell is neither a mark nor a number, or the line is too short or too long",
                pl.Series([line[:100]]),
            )
            continue
        rows += [
            (basket, product, quantity)
            for product, quantity in zip(products, quantities, strict=True)
            if quantity
        ]
    return _events(rows)


def _quantity(cell: str) -> float | None:
    """0 for a product that the basket lacks; None for a cell that cannot be read."""
    cell = cell.strip().lower()
    if cell in FALSE_MARKS or cell == "?":
        return 0.0
    if cell in TRUE_MARKS:
        return 1.0
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their number from 1; empty cells at their ends stay."""
    csv.field_size_limit(MAX_LINE)
    try:
        # a carriage return alone ends a line too
        with io.TextIOWrapper(utf8_content(path, text_encoding(path)), "utf-8") as content:
            for number, line in enumerate(bounded_lines(content, path), start=1):
                if line.strip():
                    yield number, line.rstrip("\n")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}; copy or write it again") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error}); save it as UTF-8") from error


def _delimiter(sample: list[str], path: Path) -> str:
    """What stands between the products: the first of tab, semicolon, comma, bar that occurs."""
    if not sample:
        raise DataError(f"{path} is empty; write the baskets again, or remove the file")
    return next((mark for mark in _DELIMITERS if any(mark in line for line in sample)), ",")


def _fields(line: str, delimiter: str) -> list[str]:
    """The distinct products of a line."""
    cells: Iterator[str] = iter(next(csv.reader(io.StringIO(line), delimiter=delimiter), []))
    return list(dict.fromkeys(name for cell in cells if (name := cell.strip())))


def _events(rows: list[tuple[str, str, float]]) -> pl.DataFrame:
    schema = {"basket_id": pl.String, "product_id": pl.String, "quantity": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")
