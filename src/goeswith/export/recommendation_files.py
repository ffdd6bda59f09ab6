"""Answers into one file: parquet, CSV or JSON lines."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goeswith.core.atomic_files import atomic_path
from goeswith.core.errors import ConfigError
from goeswith.core.printable import is_formula
from goeswith.core.storage_errors import explain_storage_errors
from goeswith.export.recommendation_rows import RecommendationRows

if TYPE_CHECKING:
    import polars as pl


def parquet(rows: RecommendationRows, path: Path) -> None:
    """One parquet file, a row group a block; its metadata name the bundle."""
    import pyarrow.parquet as pq

    with (
        atomic_export(path) as beside,
        pq.ParquetWriter(beside, rows.schema, compression="zstd") as file,
    ):
        for batch in rows:
            file.write_batch(batch)


def csv(rows: RecommendationRows, path: Path) -> None:
    """UTF-8 with a header; text is always quoted, so that an empty field is a missing value.

    A text that a spreadsheet would compute as a formula gets a leading apostrophe.
    """
    import polars as pl

    with atomic_export(path) as beside, beside.open("wb") as file:
        file.write((",".join(rows.schema.names) + "\n").encode())
        for batch in rows:
            frame = pl.DataFrame(pl.from_arrow(batch))
            texts = [name for name, kind in frame.schema.items() if kind == pl.String]
            frame = frame.with_columns(
                pl.when(_formulas(frame[name]))
                .then("'" + pl.col(name))
                .otherwise(pl.col(name))
                .alias(name)
                for name in texts
            )
            frame.write_csv(file, include_header=False, quote_style="non_numeric")


def _formulas(texts: pl.Series) -> pl.Series:
    """Which of some texts a spreadsheet would compute."""
    import polars as pl

    unusual = texts.str.contains(r"^[=@\t\r+-]").fill_null(value=False).to_list()
    return pl.Series(
        [odd and is_formula(text) for odd, text in zip(unusual, texts.to_list(), strict=True)],
        dtype=pl.Boolean,
    )


def jsonl(rows: RecommendationRows, path: Path) -> None:
    """One JSON object a row."""
    import polars as pl

    with atomic_export(path) as beside, beside.open("wb") as file:
        for batch in rows:
            pl.DataFrame(pl.from_arrow(batch)).write_ndjson(file)


WRITERS: Final[dict[str, Callable[[RecommendationRows, Path], None]]] = {
    "parquet": parquet,
    "csv": csv,
    "jsonl": jsonl,
}


@contextmanager
def atomic_export(path: Path) -> Iterator[Path]:
    """As `atomic_path`; what killed exports to the same place left is removed.

    Raises:
        ConfigError: it is not a regular file, or no path.
        StorageError: nothing can be written there, or the disk is full.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file")
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path} is a device or a pipe, which a file cannot replace; name a file")
    kept = "the file there is unchanged" if path.exists() else ""
    try:
        for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
            writer = re.search(r"\.(\d+)\.part$", left.name)
            if writer and not Path("/proc", writer[1]).exists():
                left.unlink(missing_ok=True)
        with explain_storage_errors(path, kept), atomic_path(path) as beside:
            yield beside
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
