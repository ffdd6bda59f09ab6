"""Files are written beside their place and renamed: an interrupted run leaves the old one whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        with beside.open("rb+") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def same_file(source: Path, target: Path) -> None:
    """A file at a second place, without copying it where the file system can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 text, atomically."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(content: Any, path: Path) -> None:
    """Write JSON, atomically."""
    write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", path)


def write_arrow(frame: pl.DataFrame, path: Path) -> None:
    """Write a table as an Arrow file without compression, atomically."""
    with replacing(path) as beside:
        frame.rechunk().write_ipc(beside, compression="uncompressed")


def map_arrow(path: Path) -> pl.DataFrame:
    """A table that `write_arrow` wrote, backed by its file: polars' own reader would copy it.

    Raises:
        FileNotFoundError: there is no such file.
        pyarrow.ArrowInvalid: it is no Arrow file.
    """
    import polars as pl
    import pyarrow as pa
    from pyarrow import ipc

    frame = pl.from_arrow(ipc.open_file(pa.memory_map(str(path))).read_all(), rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a parquet table (zstd), atomically."""
    with replacing(path) as beside:
        frame.write_parquet(beside, compression="zstd")
