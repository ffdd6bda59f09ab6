"""SHA-256 of the files of a bundle, computed while a service imports its libraries."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final, TypeAlias

from goeswith.core.errors import BundleError
from goeswith.store.manifest import file_sha256, read_manifest

_Key: TypeAlias = tuple[str, int, int, int]
_CHUNK: Final = 1 << 26
"""Bytes that are hashed before another thread may hold the interpreter: with small ones, an import
in the main thread keeps this one waiting most of the time."""

_started: dict[_Key, Future[str]] = {}
_pools: list[ThreadPoolExecutor] = []


def start_checksums(bundle: Path) -> None:
    """Begin to read the files of a bundle in another thread, the largest first.

    A bundle that cannot be read is left to `Bundle.open`, which says why.
    """
    with suppress(BundleError, OSError):
        files = {file: file.stat().st_size for file in read_manifest(bundle).paths()}
        pool = ThreadPoolExecutor(1, "checksums")
        _pools.append(pool)
        for file in sorted(files, key=lambda file: -files[file]):
            _started[_key(file)] = pool.submit(_sha256, file)


def checksum(file: Path) -> str:
    """SHA-256 of a file, hexadecimal: the one that was started, if the file is still the same."""
    future = _started.pop(_key(file), None)
    if future is None or future.cancel():  # not begun: here it need not wait for the others
        return file_sha256(file)
    return future.result()


def end_threads() -> None:
    """Wait for the threads that `start_checksums` started: a process that forks has none."""
    while _pools:
        _pools.pop().shutdown(cancel_futures=True)
    _started.clear()


def _key(file: Path) -> _Key:
    stat = file.stat()
    return str(file), stat.st_ino, stat.st_size, stat.st_mtime_ns


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        if not file.stat().st_size:
            return digest.hexdigest()
        with mmap(opened.fileno(), 0, access=ACCESS_READ) as content, memoryview(content) as view:
            for start in range(0, len(view), _CHUNK):
                with view[start : start + _CHUNK] as part:
                    digest.update(part)
    return digest.hexdigest()
