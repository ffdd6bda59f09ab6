"""Tables packed with zstd or in a zip archive: unpacked into a temporary file, within bounds.

gzip is unpacked while it is read (`text_encoding`).
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Final

from goeswith.core.errors import DataError
from goeswith.data.text_encoding import check_unpacked_size

PACKED_SUFFIXES: Final = (".zst", ".zip")
_BLOCK_BYTES: Final = 2**20
_ZSTD_BYTES: Final = 2**12
"""Packed bytes of a step, few enough that what they unpack to fits in memory."""


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The unpacked table of a `.zst` or `.zip` file, as a file that is removed afterwards.

    Raises:
        DataError: the file is damaged, encrypted or unpacks without bound, a zip archive does not
            hold one file, or zstandard is not installed.
    """
    with TemporaryDirectory(prefix="goeswith-") as folder:
        plain = Path(folder) / path.stem
        if path.suffix.lower() == ".zst":
            _unpack_zstd(path, plain)
        else:
            _unpack_zip(path, plain)
        yield plain


def _unpack_zstd(path: Path, plain: Path) -> None:
    try:
        import zstandard
    except ImportError as error:
        raise DataError(
            f"{path} is packed with zstd: pip install 'goeswith[files]', or pack it with gzip"
        ) from error
    try:
        with path.open("rb") as packed, plain.open("wb") as out:
            size, total = path.stat().st_size, 0
            frame = zstandard.ZstdDecompressor().decompressobj()
            while block := packed.read(_ZSTD_BYTES):
                while block:
                    if frame.eof:  # frames may follow each other
                        frame = zstandard.ZstdDecompressor().decompressobj()
                    total += out.write(frame.decompress(block))
                    check_unpacked_size(path, size, total)
                    block = frame.unused_data if frame.eof else b""
            complete = frame.eof
    except (OSError, zstandard.ZstdError) as error:
        raise DataError(f"{path} is not a complete zstd file ({error}); write it again") from error
    if not complete:
        raise DataError(f"{path} is not a complete zstd file: its end is missing; write it again")


def _unpack_zip(path: Path, plain: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            # macOS adds folders of its own
            members = [
                member
                for member in archive.infolist()
                if not member.is_dir()
                and not member.filename.startswith("__MACOSX/")
                and not PurePosixPath(member.filename).name.startswith(".")
            ]
            if len(members) != 1:
                names = ", ".join(member.filename for member in members[:10]) or "no file"
                raise DataError(f"{path} must hold one file, and holds {names}; unpack it")
            with archive.open(members[0]) as content:
                _copy(path, content, plain)
    except (OSError, EOFError, zlib.error, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is not a complete zip archive, or is encrypted ({error}); write it again"
        ) from error


def _copy(path: Path, content: IO[bytes], plain: Path) -> None:
    """Write the unpacked bytes.

    Raises:
        DataError: there are far more than the packed file can honestly hold.
    """
    size, total = path.stat().st_size, 0
    with plain.open("wb") as out:
        while block := content.read(_BLOCK_BYTES):
            total += len(block)
            check_unpacked_size(path, size, total)
            out.write(block)
