"""The log of live facts: appended under a lock, synced, compacted, and followed by every process.

One line a record: the CRC-32 of its JSON, a space, the JSON. A line that a killed writer left
unfinished gets its end from the next writer, fails its checksum, and is skipped; it was never
acknowledged. The first line is a header: after a compaction it holds how many bytes of the file
before are covered, so that a process that has read those goes on behind them.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from goeswith.core.atomic_files import sync_path
from goeswith.facts.fact_record import Record, is_header, is_record
from goeswith.store.build_files import MAX_LIVE_BYTES

COUNTER: Final = "facts.counter"
_COUNTER_BYTES: Final = 8
_LOCK: Final = ".lock"
_BLOCK: Final = 1 << 18
"""Bytes of a log that are read at once."""
_MAX_LINE: Final = 1 << 26
_sync_data: Final = getattr(os, "fdatasync", os.fsync)
"""Content and size reach the disk, without the time of the change: a third faster."""


def encode_line(record: Record) -> bytes:
    """A line of the log."""
    body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    return b"%08x %b\n" % (zlib.crc32(body), body)


def decode_line(line: bytes) -> Record | None:
    """The record of a line without its end; None where the line is not complete, or no writer's."""
    try:
        if len(line) < 10 or int(line[:8], 16) != zlib.crc32(line[9:]):
            return None
        record = json.loads(line[9:])
    except (ValueError, RecursionError):
        return None
    return record if is_record(record) else None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of those who write into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


_LOOK_SECONDS: Final = 0.001
"""Seconds between two looks for a counter that does not exist yet: a system call for each query
would slow the query down by more than its own time.
"""
_signals_here = 0
"""Changes that this process has signalled."""


def signal_change(folder: Path) -> None:
    """Have those who follow a log look at it before their next answer; the lock is held."""
    global _signals_here  # noqa: PLW0603
    _signals_here += 1
    counter = os.open(folder / COUNTER, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        before = int.from_bytes(os.pread(counter, _COUNTER_BYTES, 0), "little")
        after = (before + 1) % (1 << 8 * _COUNTER_BYTES)
        os.pwrite(counter, after.to_bytes(_COUNTER_BYTES, "little"), 0)
    finally:
        os.close(counter)


class ChangeCounter:
    """A number that grows with every change, in memory that all processes share.

    A look costs a tenth of a system call. Where there is no such file, `read` is -1.
    """

    def __init__(self, folder: Path) -> None:
        self._path, self._name = folder / COUNTER, str(folder / COUNTER)
        self._memory: mmap.mmap | None = None
        self._look_at, self._signals = 0.0, -1

    def is_due(self) -> bool:
        """Whether to look for what changed: always with the file, which costs nothing; without it
        once a millisecond, and after a change by this process.
        """
        if self._memory is not None:
            return True
        now = time.monotonic()
        if now < self._look_at and self._signals == _signals_here:
            return False
        self._look_at, self._signals = now + _LOOK_SECONDS, _signals_here
        return True

    def open(self) -> None:
        """Map the file, if there is one by now."""
        # the look first: an exception takes longer
        if self._memory is None and os.access(self._name, os.F_OK):
            try:
                with self._path.open("rb") as file:
                    self._memory = mmap.mmap(file.fileno(), _COUNTER_BYTES, access=mmap.ACCESS_READ)
            except (OSError, ValueError):
                return

    def read(self) -> bytes:
        """The number as bytes, to be compared with an earlier one; empty without a file."""
        return b"" if self._memory is None else self._memory[:]


def append(path: Path, records: Sequence[Record]) -> None:
    """Add records to a log, which is made where it is missing; returns when they are on the disk.

    Raises:
        OSError: the disk refuses; some of the records may be stored.
    """
    lines = b"".join(map(encode_line, records))
    with locked(path.parent):
        is_new = not path.exists()
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(file).st_size
            if size + len(lines) > MAX_LIVE_BYTES[path.name]:
                raise OSError(errno.EFBIG, f"{path} is full; fit the bundle with these values")
            if not size:
                lines = encode_line(_header(1, 0, 0, 0)) + lines
            elif os.pread(file, 1, size - 1) != b"\n":
                lines = b"\n" + lines
            write_all(file, lines)
            signal_change(path.parent)
        except BaseException:
            os.close(file)
            raise
    try:
        _sync_data(file)  # without the lock: writers that wait for the disk do so together
    finally:
        os.close(file)
    if is_new:
        sync_path(path.parent)


def _header(generation: int, previous: int, covers: int, base: int) -> Record:
    return {"generation": generation, "previous": previous, "covers": covers, "base": base}


def write_all(file: int, content: bytes) -> None:
    """Write to an open file, in as many calls as the system needs."""
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]


class LogFollower:
    """Reads what was added to a log since it was last read."""

    def __init__(self, path: Path) -> None:
        self.path, self._name = path, str(path)
        self._file: int | None = None
        self._inode = self._seen = -1
        self.offset = self.generation = 0
        self.header: Record = {}
        self.unreadable = 0
        """Lines that failed their checksum: unfinished ones of killed writers, or damage."""

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def has_changed(self) -> bool:
        """Whether there may be something new; costs one system call."""
        if self._file is None:
            return os.access(self._name, os.F_OK)  # no exception, which takes longer
        try:
            stat = os.stat(self._name)  # noqa: PTH116  half the time of Path.stat
        except OSError:
            return False
        return stat.st_size != self._seen or stat.st_ino != self._inode

    def read_header(self) -> Record:
        """The header of the log as it is now."""
        if self._file is None:
            self._open()
        return self.header

    def read(self) -> Iterator[Record | None]:
        """New records, block by block; None where everything before is void."""
        while True:
            try:
                inode = self.path.stat().st_ino
            except OSError:
                return
            if inode != self._inode:
                if self._file is not None:
                    yield from self._read_on()  # a replaced log is complete
                if self._open():
                    yield None
                continue
            yield from self._read_on()
            if self.path.stat().st_ino == self._inode:
                return

    def _open(self) -> bool:
        """Open the file that the path names now; whether reading starts from nothing."""
        file = os.open(self.path, os.O_RDONLY)
        line = os.pread(file, 1000, 0)
        end = line.find(b"\n") + 1
        header = decode_line(line[: max(end - 1, 0)])
        if header is None or not is_header(header):
            header, end = _header(0, -1, 0, 0), 0
        is_next = self._file is not None and header["previous"] == self.generation
        behind = self.offset - header["covers"]
        continues = is_next and behind >= 0
        if self._file is not None:
            os.close(self._file)
        was_read = self.generation > 0 or self.offset > 0
        self._file, self._inode, self._seen = file, os.fstat(file).st_ino, -1
        self.header, self.generation = header, header["generation"]
        self.offset = end + header["base"] + behind if continues else end
        return was_read and not continues

    def _read_on(self) -> Iterator[Record]:
        assert self._file is not None
        size, at, rest = os.fstat(self._file).st_size, self.offset, bytearray()
        while at < size:
            block = os.pread(self._file, min(_BLOCK, size - at), at)
            if not block:
                break
            at += len(block)
            rest += block
            if b"\n" not in block and len(rest) <= _MAX_LINE:
                continue
            *lines, rest = rest.split(b"\n")
            if len(rest) > _MAX_LINE:
                lines, rest = [*lines, rest], bytearray()
            for line in map(bytes, lines):
                record = decode_line(line)
                if record is not None and not is_header(record):
                    yield record
                elif record is not None and not self.generation:  # the log was empty until now
                    self.header, self.generation = record, record["generation"]
                elif line:
                    self.unreadable += 1
            self.offset = at - len(rest)
        self._seen = size


def compact(path: Path, lines: Sequence[bytes], follower: LogFollower) -> bool:
    """Replace a log by one that starts with `lines`; False where another process was faster.

    Args:
        path: the log.
        lines: everything that `follower` has read, in as few lines as possible.
        follower: has read the log up to its `offset`.
    """
    base = b"".join(lines)
    header = encode_line(
        _header(follower.generation + 1, follower.generation, follower.offset, len(base))
    )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        write_all(file, header + base)
        os.fsync(file)
        with locked(path.parent):
            old = os.open(path, os.O_RDONLY)
            try:
                stat = os.fstat(old)
                if stat.st_ino != follower._inode:
                    return False
                tail = os.pread(old, stat.st_size - follower.offset, follower.offset)
            finally:
                os.close(old)
            write_all(file, tail)
            os.fsync(file)
            temporary.replace(path)
            signal_change(path.parent)
        sync_path(path.parent)
    finally:
        os.close(file)
        temporary.unlink(missing_ok=True)
    return True
