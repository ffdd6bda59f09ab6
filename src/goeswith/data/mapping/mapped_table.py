"""One table from its files, with the columns of goeswith."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.config import DataConfig
from goeswith.data.mapping.column_mapping import ColumnMapping, map_columns
from goeswith.data.mapping.load_report import TableReport
from goeswith.data.quarantine import FILE, ROW, Quarantine
from goeswith.data.tables import read_table

_HIVE_NULL: Final = "__HIVE_DEFAULT_PARTITION__"


def read_mapped_table(
    table: str,
    paths: Sequence[Path],
    folder: Path,
    quarantine: Quarantine,
    config: DataConfig,
    *,
    event_ids: pl.Series | None = None,
) -> tuple[pl.DataFrame, list[ColumnMapping]]:
    """Read the files of a table and give their columns the names of goeswith.

    Args:
        table: its name.
        paths: its files.
        folder: that their names are relative to.
        quarantine: takes rows that cannot be parsed, and lines that an earlier file has.
        config: encoding, delimiter and columns.
        event_ids: as in `map_columns`.

    Returns:
        The rows with `_row`, and `_file` if there are several files; and the columns of each file.

    Raises:
        DataError: a file cannot be read, or its columns differ in type from the others.
    """
    frames, mappings = [], []
    for path in paths:
        name = file_label(path, folder)
        frame = _with_folder_columns(read_table(path, quarantine, config, file=name), path, folder)
        frame, mapping = map_columns(frame, table, name, config, event_ids)
        frames.append(frame if len(paths) == 1 else frame.with_columns(pl.lit(name).alias(FILE)))
        mappings.append(mapping)
    if len(frames) == 1:
        return frames[0], mappings
    return _without_repeated_lines(_concatenated(frames, table), quarantine), mappings


def file_label(path: Path, folder: Path) -> str:
    """The name of a file in messages."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def table_report(table: str, mappings: Sequence[ColumnMapping], rows: int) -> TableReport:
    """How a table was read, from the columns of its files."""
    columns: dict[str, str] = {}
    unused: dict[str, None] = {}
    for mapping in mappings:
        for ours, theirs in mapping.columns.items():
            columns.setdefault(ours, theirs)
        unused |= dict.fromkeys(mapping.unused)
    return TableReport(table, [mapping.file for mapping in mappings], rows, columns, list(unused))


def _with_folder_columns(frame: pl.DataFrame, path: Path, folder: Path) -> pl.DataFrame:
    """Add columns that folder names hold, as in `event=purchase/part-0.parquet`.

    Hive and Spark escape special characters in the names (`%3A`) and write a name of their own for
    a missing value.
    """
    parts = path.relative_to(folder).parts[:-1] if path.is_relative_to(folder) else ()
    pairs = [part.split("=", 1) for part in parts if "=" in part]
    return frame.with_columns(
        pl.lit(None if value == _HIVE_NULL else unquote(value), pl.String).alias(name)
        for name, value in pairs
        if name and name not in frame.columns
    )


def _concatenated(frames: list[pl.DataFrame], table: str) -> pl.DataFrame:
    dtypes: dict[str, set[pl.DataType]] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            if dtype != pl.Null:
                dtypes.setdefault(name, set()).add(dtype)
    mixed = [name for name, types in dtypes.items() if len(types) > 1]
    try:
        return pl.concat(
            [
                frame.with_columns(pl.col(name).cast(pl.String) for name in mixed if name in frame)
                for frame in frames
            ],
            how="diagonal_relaxed",
            rechunk=True,
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"the files of the table {table} differ in the types of {', '.join(mixed)}: {error}; "
            "write them with the same types"
        ) from error


def _without_repeated_lines(frame: pl.DataFrame, quarantine: Quarantine) -> pl.DataFrame:
    """Set aside lines that an earlier file has, too: exports overlap."""
    columns = [name for name in frame.columns if name not in (ROW, FILE)]
    lines = frame.select(columns).hash_rows()
    # sorting shows without much memory that no line occurs twice, as in most tables
    in_order = lines.sort()
    several = in_order.filter(in_order == in_order.shift(1)).unique()
    if not len(several):
        return frame
    places = pl.DataFrame({"line": lines, "place": frame[FILE].rle_id()}).with_row_index("index")
    places = places.filter(pl.col("line").is_in(several.implode()))
    later = places.filter(pl.col("place") > pl.col("place").min().over("line"))["index"]
    repeated = pl.int_range(pl.len()).is_in(later.implode())
    value = next((n for n in ("product_id", *columns) if n in columns), ROW)
    reason = "the same line is in another file of the table"
    return quarantine.set_aside(frame, "", repeated, reason, value, expected=True)
