"""Parquet files of any origin, read by Arrow in batches.

The reader of polars ends the process on some damaged files. That of Arrow raises an error, and
every batch is validated before polars gets it.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.text_encoding import check_unpacked_size, decompress, is_gzip

_BATCH_ROWS: Final = 2**14


def read_parquet(path: Path) -> pl.DataFrame:
    """The columns of a parquet file, plain or packed with gzip.

    Raises:
        DataError: the file is damaged, unpacks to much more than its size, or has a column of a
            type that cannot be read.
    """
    with _errors_of_data(path):
        return pl.concat(_batches(path), rechunk=True)


def parquet_columns(path: Path) -> list[str]:
    """The names of the columns of a parquet file; raises as `read_parquet`."""
    with _errors_of_data(path):
        return next(_batches(path)).columns


@contextmanager
def _errors_of_data(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (
        OSError,
        EOFError,
        zlib.error,
        MemoryError,  # a damaged file may state any size
        UnicodeError,
        pa.ArrowException,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
    ) as error:
        raise DataError(
            f"{path} is not a complete parquet file: it is truncated or damaged ({error}); copy or "
            "write it again"
        ) from error


def _batches(path: Path) -> Iterator[pl.DataFrame]:
    """Validated rows; the first batch is empty and has the schema."""
    import pyarrow as pa
    from pyarrow import parquet

    source: Path | io.BytesIO = path
    if is_gzip(path) or path.name.lower().endswith(".gz"):
        with path.open("rb") as raw, decompress(raw, path) as content:
            source = io.BytesIO(b"".join(iter(lambda: content.read(2**20), b"")))
    with parquet.ParquetFile(
        source, page_checksum_verification=True, arrow_extensions_enabled=False
    ) as file:
        for field in file.schema_arrow:
            if pa.types.is_decimal256(field.type):
                raise DataError(
                    f"{path}: the column {field.name!r} has the type {field.type}, which is not "
                    "read; write it as float or text"
                )
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        packed, unpacked = path.stat().st_size, sum(group.total_byte_size for group in groups)
        check_unpacked_size(path, packed, unpacked)
        # `empty_table` imports pandas
        yield _to_polars(pa.Table.from_batches([], schema=file.schema_arrow))
        unpacked = 0
        for batch in file.iter_batches(_BATCH_ROWS, use_threads=False):
            batch.validate(full=True)
            unpacked += batch.nbytes
            check_unpacked_size(path, packed, unpacked)
            yield _to_polars(pa.Table.from_batches([batch]))


def _to_polars(table: Any) -> pl.DataFrame:
    return cast(pl.DataFrame, pl.from_arrow(table))
