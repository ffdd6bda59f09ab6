"""Bytes of files: what they are packed with, and text in UTF-8 whatever the encoding."""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, AnyStr, Final, cast

from goeswith.core.errors import DataError

AUTO: Final = "auto"
UTF8: Final = ("utf-8", "utf_8", "ascii")
_GZIP: Final = b"\x1f\x8b"
_FOREIGN: Final = (
    (b"PAR1", "a parquet file; name it .parquet"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet (.xlsx); unpack it, or save its sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet (.xls); save its sheet as CSV"),
    (_GZIP, "packed with gzip twice; unpack it once"),
    (b"BZh9", "packed with bzip2; unpack it, or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd; unpack it, or pack it with gzip"),
    (b"\xfd7zXZ", "packed with xz; unpack it, or pack it with gzip"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it"),
    (b"SQLite format 3", "an SQLite database; export its tables as CSV"),
    (b"ARROW1", "an Arrow file; write it as parquet"),
    (b"Obj\x01", "an Avro file; write it as parquet"),
    (b"%PDF", "a PDF document; export the data as CSV"),
    (b"\x89HDF", "an HDF5 file; write it as parquet"),
    (b"version https://git-lfs", "a pointer of Git LFS; fetch it with `git lfs pull`"),
)
"""How files of other formats start."""
MAX_LINE: Final = 16 * 2**20
"""Bytes of the longest line."""
_MAX_RATIO: Final = 200
_ALWAYS_UNPACKED: Final = 128 * 2**20
"""Bytes that any file may unpack to."""
_UTF32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_gzip(path: Path) -> bool:
    """Whether a file is packed with gzip, whatever its name."""
    with path.open("rb") as raw:
        return raw.read(2) == _GZIP


def check_unpacked_size(path: Path, packed: int, unpacked: int) -> None:
    """Check that a file does not unpack without bound.

    Args:
        path: the file, for the message.
        packed: its bytes.
        unpacked: bytes of what is read of it.

    Raises:
        DataError: it unpacks to more than 200 times its size, and to more than 128 MiB.
    """
    if unpacked > max(_ALWAYS_UNPACKED, _MAX_RATIO * packed):
        raise DataError(
            f"{path} has {packed:,} bytes and unpacks to more than {_MAX_RATIO} times as many, "
            "like a decompression bomb. If its content is right, unpack it, or write it as CSV"
        )


class _Gzip(gzip.GzipFile):
    """A file packed with gzip that does not unpack without bound."""

    def __init__(self, raw: IO[bytes], path: Path) -> None:
        super().__init__(fileobj=raw, mode="rb")
        self._raw, self._path, self._packed = raw, path, path.stat().st_size

    def read(self, size: int | None = -1) -> bytes:
        return self._checked(super().read(size))

    def read1(self, size: int = -1) -> bytes:
        return self._checked(super().read1(size))

    def readline(self, size: int | None = -1) -> bytes:
        return self._checked(super().readline(size))

    def _checked(self, block: bytes) -> bytes:
        check_unpacked_size(self._path, self._packed, self.tell())
        return block

    def close(self) -> None:
        super().close()
        self._raw.close()


def bounded_lines(content: IO[AnyStr], path: Path) -> Iterator[AnyStr]:
    """The lines of an open file.

    Raises:
        DataError: a line is longer than `MAX_LINE`.
    """
    while line := content.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise DataError(
                f"{path} has a line longer than {MAX_LINE >> 20} MiB; write a line a row, or "
                "parquet"
            )
        yield line


def decompress(raw: IO[bytes], path: Path) -> IO[bytes]:
    """The bytes of the open file `raw`, decompressed if it is packed with gzip."""
    start = raw.read(2)
    raw.seek(0)
    packed = start == _GZIP or path.suffix.lower() == ".gz"
    return cast(IO[bytes], _Gzip(raw, path)) if packed else raw


def text_encoding(path: Path, encoding: str = AUTO) -> str:
    """The encoding of a text file: as set, UTF-16 or UTF-32 by its byte order mark, else UTF-8.

    Raises:
        DataError: the file is no text, or has zero bytes as UTF-16 without a mark has.
        OSError: it cannot be read; EOFError, zlib.error: it is not a complete gzip file.
    """
    with path.open("rb") as raw, decompress(raw, path) as content:
        start = content.read(4096)
    for magic, what in _FOREIGN:
        if start.startswith(magic):
            raise DataError(f"{path} is not text but {what}")
    if encoding != AUTO:
        return codecs.lookup(encoding).name
    if start.startswith(_UTF32):
        return "utf-32"
    if start.startswith(_UTF16):
        return "utf-16"
    if b"\x00" in start:
        raise DataError(
            f"{path} has zero bytes: it is not text, or it is UTF-16 without a byte order mark; "
            "save it as UTF-8, or set encoding = 'utf-16-le' under [data] of goeswith.toml"
        )
    return "utf-8"


def utf8_content(path: Path, encoding: str) -> IO[bytes]:
    """An open file, unpacked and in UTF-8 without a byte order mark, line ends as they are.

    Args:
        path: plain or packed with gzip.
        encoding: as `text_encoding` returns it.
    """
    content = decompress(path.open("rb"), path)
    try:
        if encoding not in UTF8:
            return cast(IO[bytes], io.BufferedReader(_Transcoder(content, encoding), 2**20))
        if content.read(3) != codecs.BOM_UTF8:
            content.seek(0)
    except BaseException:
        content.close()
        raise
    return content


class _Transcoder(io.RawIOBase):
    """Bytes of a file in another encoding, as UTF-8."""

    def __init__(self, content: IO[bytes], encoding: str) -> None:
        self._content = content
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        while not self._rest:
            block = self._content.read(2**20)
            self._rest = self._decoder.decode(block, final=not block).encode()
            if not block:
                break
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        self._content.close()
        super().close()
