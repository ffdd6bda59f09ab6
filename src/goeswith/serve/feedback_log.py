"""Feedback on disk before it is acknowledged: JSON lines, one file a process.

Events that come at once are written together and share one fsync. A process holds a lock on its
file; a file without one was left by a process that has ended, and where that was in the middle of
a line, the line, which nobody was told is kept, is cut off when the next process starts.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import orjson

from goeswith.core.errors import ConfigError
from goeswith.data.feedback import PATTERN

_MOST_WAITING: Final = 64_000_000
"""Bytes that may wait for the disk; more is refused, and may be sent again."""


class FeedbackFull(Exception):  # noqa: N818
    """More waits for the disk than memory should hold."""


class FeedbackLog:
    """Keeps events in a folder.

    Raises:
        ConfigError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            repair(self.folder)
            self._file, self.path = _new_file(self.folder)
        except OSError as error:
            raise ConfigError(
                f"serve.feedback = {str(folder)!r} cannot be written: {error}; name a folder that "
                "the service may write"
            ) from error
        self._whole = 0
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._bytes = 0
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, events: list[dict[str, Any]]) -> None:
        """Write events; returns when they are on the disk.

        Raises:
            FeedbackFull: too much waits; nothing of these was kept.
            OSError: the disk refuses; some of these may have been kept.
        """
        stamp = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
        lines = b"".join(
            orjson.dumps({"timestamp": stamp, **event}, option=orjson.OPT_APPEND_NEWLINE)
            for event in events
        )
        if self._bytes + len(lines) > _MOST_WAITING:
            raise FeedbackFull
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((lines, kept))
        self._bytes += len(lines)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await kept

    async def _write(self) -> None:
        """Write what waits, and what comes meanwhile, until nothing does."""
        while self._waiting:
            batch, self._waiting, self._bytes = self._waiting, [], 0
            outcome: Exception | None = None
            try:
                await asyncio.to_thread(self._append, b"".join(lines for lines, _ in batch))
            except Exception as error:  # whatever it is, those who wait are told
                outcome = error
            for _, kept in batch:
                if kept.done():  # whoever waited has gone
                    continue
                if outcome is None:
                    kept.set_result(None)
                else:
                    kept.set_exception(outcome)
        self._writing = None

    def _append(self, lines: bytes) -> None:
        if self._file.tell() != self._whole:
            self._trim()
        try:
            left = memoryview(lines)
            while left:  # a disk that is almost full takes a part
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError:
            with suppress(OSError):
                self._trim()
            raise
        self._whole += len(lines)

    def _trim(self) -> None:
        """Cut off what was not acknowledged: the next line must not be glued to it."""
        self._file.truncate(self._whole)
        self._file.seek(self._whole)

    async def close(self) -> None:
        """Wait for what is being written, and let go of the file; an empty one is removed."""
        if self._writing is not None:
            await self._writing
        if not self._whole:
            self.path.unlink(missing_ok=True)
        self._file.close()


def repair(folder: Path) -> int:
    """Cut off the last lines that processes which have ended left unfinished; how many there were.

    Files of running processes are left alone.
    """
    cut = 0
    for path in sorted(folder.glob(PATTERN)):
        with path.open("rb+") as file:
            if _lock(file):
                size = file.seek(0, os.SEEK_END)
                whole = _end_of_lines(file, size)
                if whole < size:
                    file.truncate(whole)
                    os.fsync(file.fileno())
                    cut += 1
    return cut


def _end_of_lines(file: IO[bytes], size: int) -> int:
    """Where the last whole line ends."""
    end = size
    while end:
        start = max(end - 65_536, 0)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _new_file(folder: Path) -> tuple[IO[bytes], Path]:
    """A new file, locked, named after the time and this process."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path = folder / f"feedback-{stamp}-{os.getpid()}.jsonl"
    # unbuffered: a write is one call of the system, and nothing is left behind in this process
    file = path.open("xb", buffering=0)
    _lock(file)
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)  # the name, too, has to be on the disk
        finally:
            os.close(handle)
    return file, path


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
