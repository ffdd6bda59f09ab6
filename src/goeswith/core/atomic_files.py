"""Atomic file writing: to a temporary file, which then replaces the target."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goeswith.core.errors import BundleError

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


def sync_path(path: Path) -> None:
    """Have the system write a file, or a folder's list of names, to the disk."""
    if path.is_dir() and sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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

    Every offset and text is checked: polars reads what an offset points to without a check.

    Raises:
        FileNotFoundError: there is no such file.
        BundleError: it is no such table, or damaged.
    """
    import polars as pl
    import pyarrow as pa
    from pyarrow import ipc

    try:
        table = ipc.open_file(pa.memory_map(str(path))).read_all()
        unusual = [field.name for field in table.schema if not _is_plain(field.type)]
        if unusual:
            raise pa.ArrowInvalid(f"the column {unusual[0]!r} has a type that is not written here")
        table.validate(full=True)
        frame = pl.from_arrow(table, rechunk=False)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, ValueError, TypeError) as error:
        raise BundleError(
            f"{path} is not a complete Arrow table: {error}; fit the bundle again"
        ) from error
    assert isinstance(frame, pl.DataFrame)
    return frame


def _is_plain(kind: Any) -> bool:
    """Whether a type of Arrow is one of a catalogue: numbers, texts, times, and lists of them."""
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _is_plain(kind.value_type)
    return bool(
        types.is_primitive(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_null(kind)
        or types.is_decimal(kind)
        or types.is_struct(kind)
        or (types.is_dictionary(kind) and _is_plain(kind.value_type))
    )


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a parquet table (zstd), atomically."""
    with atomic_path(path) as temporary:
        frame.write_parquet(temporary, compression="zstd")
