"""Delimited files without a header, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.text_encoding import is_gzip


def headerless_batches(
    path: Path, names: Sequence[str], quarantine: Quarantine
) -> Iterator[pl.DataFrame]:
    """The rows of a file with commas as text, and `_row`, the number of the line from 1.

    Lines with another number of fields are set aside.

    Args:
        path: plain or packed with gzip.
        names: of the columns, in order.
        quarantine: counts the rows read.

    Raises:
        DataError: the file is damaged.
    """
    import pyarrow as pa
    from pyarrow import csv

    ragged: list[tuple[int, str]] = []

    def skip(line: Any) -> str:
        ragged.append((line.number, line.text))
        return "skip"

    last = 0
    try:
        reader = csv.open_csv(
            pa.input_stream(str(path), compression="gzip" if is_gzip(path) else None),
            # one thread: only then does a ragged line have a number
            read_options=csv.ReadOptions(use_threads=False, column_names=list(names)),
            parse_options=csv.ParseOptions(quote_char=False, invalid_row_handler=skip),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
        for batch in reader:
            frame = cast(pl.DataFrame, pl.from_arrow(pa.Table.from_batches([batch])))
            numbers = np.arange(last + 1, last + 1 + frame.height + len(ragged), dtype=np.int64)
            numbers = np.setdiff1d(numbers, [number for number, _ in ragged])[: frame.height]
            last = int(numbers[-1]) if len(numbers) else last
            quarantine.count_read(path.name, frame.height)
            yield frame.select(pl.Series(ROW, numbers), pl.all())
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    quarantine.count_read(path.name, len(ragged))
    reason = f"the line has not {len(names)} fields"
    rows, texts = pl.Series([n for n, _ in ragged], dtype=pl.Int64), [t for _, t in ragged]
    quarantine.add(path.name, rows, reason, pl.Series(texts, dtype=pl.String))
