"""Atomic file writing: to a temporary file, which then replaces the target."""

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
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path that replaces `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` a hard link to `source`, or a copy where links are not possible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 text, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(content: Any, path: Path) -> None:
    """Write JSON, atomically."""
    write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", path)


def write_arrow(frame: pl.DataFrame, path: Path) -> None:
    """Write a table as an Arrow file without compression, atomically."""
    with atomic_path(path) as temporary:
        frame.rechunk().write_ipc(temporary, compression="uncompressed")


def map_arrow(path: Path) -> pl.DataFrame:
    """Map a table that `write_arrow` wrote into memory; the reader of polars would copy it.

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
    with atomic_path(path) as temporary:
        frame.write_parquet(temporary, compression="zstd")
