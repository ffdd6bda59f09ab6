"""Feedback on disk before it is acknowledged: JSON lines, one file a process.

Concurrent events are written together with one fsync. A process holds a lock on its file; a file
without a lock belongs to a process that has ended. If its last line is incomplete, that line was
never acknowledged, and is cut off when the next process starts.
"""

from __future__ import annotations

import asyncio
import errno
import math
import os
import sys
import time
import weakref
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import orjson

from goeswith.core.atomic_files import sync_path
from goeswith.core.errors import ConfigError
from goeswith.data.feedback import FEEDBACK_PATTERN, last_line_end

_MAX_WAITING_BYTES: Final = 64_000_000
"""Bytes that may wait for the disk; more is refused, and may be sent again."""


_SIZE_SECONDS: Final = 5.0
"""Seconds between two looks at the size of the folder, which other processes write to as well."""


class FeedbackFull(Exception):  # noqa: N818
    """More waits for the disk than memory should hold."""


class QuotaReached(Exception):  # noqa: N818
    """The folder holds as much as it may."""


class FeedbackLog:
    """Stores events in a folder.

    Raises:
        ConfigError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path | str, max_bytes: int) -> None:
        """Args: folder: is made where it is missing; max_bytes: of all files in it."""
        self.folder, self.max_bytes = Path(folder), max_bytes
        self._size, self._size_at = 0, -math.inf
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            repair(self.folder)
            self._file, self.path = _new_file(self.folder)
        except OSError as error:
            raise ConfigError(
                f"serve.feedback = {str(folder)!r} cannot be written: {error}; name a folder that "
                "the service may write"
            ) from error
        # a service that does not begin does not come to `close`
        weakref.finalize(self, self._file.close)
        self._acknowledged = 0
        self._has_rest = False
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._bytes = 0
        self._writing: asyncio.Task[None] | None = None

    async def append(self, events: list[dict[str, Any]]) -> None:
        """Write events; returns when they are on the disk.

        Raises:
            FeedbackFull: too much waits; none of these events is stored.
            QuotaReached: the folder is full; none of these events is stored.
            OSError: the disk refuses; some of these events may be stored.
        """
        stamp = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
        lines = b"".join(
            orjson.dumps({"timestamp": stamp, **event}, option=orjson.OPT_APPEND_NEWLINE)
            for event in events
        )
        if self._bytes + len(lines) > _MAX_WAITING_BYTES:
            raise FeedbackFull
        if self._folder_size() + len(lines) > self.max_bytes:
            raise QuotaReached
        self._size += len(lines)
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((lines, done))
        self._bytes += len(lines)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await done

    def _folder_size(self) -> int:
        """Bytes of the folder's files and of what waits; at most a few seconds old."""
        now = time.monotonic()
        if now >= self._size_at + _SIZE_SECONDS:
            self._size_at, self._size = now, self._bytes
            for path in self.folder.glob(FEEDBACK_PATTERN):
                with suppress(OSError):
                    self._size += path.stat().st_size
        return self._size

    async def _write(self) -> None:
        """Write what waits, and what comes meanwhile, until nothing does."""
        while self._waiting:
            batch, self._waiting, self._bytes = self._waiting, [], 0
            outcome: Exception | None = None
            try:
                await asyncio.to_thread(self._append, b"".join(lines for lines, _ in batch))
            except Exception as error:  # every waiting request gets the error
                outcome = error
            for _, done in batch:
                if done.done():  # the waiting request was cancelled
                    continue
                if outcome is None:
                    done.set_result(None)
                else:
                    done.set_exception(outcome)
        self._writing = None

    def _append(self, lines: bytes) -> None:
        if self._has_rest:
            self._trim()
        self._has_rest = True
        try:
            _reserve(self._file, self._acknowledged, len(lines))
            left = memoryview(lines)
            while left:  # a disk that is almost full takes a part
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError:
            with suppress(OSError):
                self._trim()
            raise
        self._acknowledged += len(lines)
        self._has_rest = False

    def _trim(self) -> None:
        """Cut off what was not acknowledged: the next line must not be glued to it."""
        self._file.truncate(self._acknowledged)
        self._file.seek(self._acknowledged)
        self._has_rest = False

    async def close(self) -> None:
        """Wait for pending writes, and close the file; an empty file is removed."""
        if self._writing is not None:
            await self._writing
        if not self._acknowledged:
            self.path.unlink(missing_ok=True)
        self._file.close()


def repair(folder: Path) -> int:
    """Cut off the last lines that processes which have ended left unfinished; how many there were.

    Files of running processes are left alone.
    """
    cut = 0
    for path in sorted(folder.glob(FEEDBACK_PATTERN)):
        with path.open("rb+") as file:
            if _lock(file):
                size = file.seek(0, os.SEEK_END)
                line_end = last_line_end(file, size)
                if line_end < size:
                    file.truncate(line_end)
                    os.fsync(file.fileno())
                    cut += 1
    return cut


def _new_file(folder: Path) -> tuple[IO[bytes], Path]:
    """A new file, locked, named after the time and this process."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path = folder / f"feedback-{stamp}-{os.getpid()}.jsonl"
    # unbuffered: a write is one call of the system, and nothing is left behind in this process
    file = path.open("xb", buffering=0)
    _lock(file)
    sync_path(folder)  # the name, too, has to be on the disk
    return file, path


def _reserve(file: IO[bytes], start: int, size: int) -> None:
    """Take space on the disk for a write, so that a full disk refuses it before a line is visible.

    An update that runs meanwhile would count a line which is cut off afterwards. A file system
    that cannot reserve is written to without.

    Raises:
        OSError: there is no space.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), start, size)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}:
            raise


def _lock(file: IO[bytes]) -> bool:
    """Hold a file until it is closed or the process ends; False where another does."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
