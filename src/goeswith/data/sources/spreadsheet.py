"""Spreadsheets (.xlsx) as tables of text, as CSV is read."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.delimited import MAX_COLUMNS
from goeswith.data.quarantine import FILE, ROW
from goeswith.data.text_encoding import check_unpacked_size

_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, struct.error, ValueError)
_LENGTHS_AT: Final = 26
"""Where the header of a member has the lengths of its name and of its extra field."""
_BLOCK: Final = 2**20


def read_spreadsheet(path: Path) -> pl.DataFrame:
    """The rows of the only sheet that has any, and `_row`, from 1 below the header.

    Raises:
        DataError: several sheets have rows, the file is damaged, the header is not one of names,
            or fastexcel is not installed.
    """
    try:
        import fastexcel
    except ImportError as error:
        raise DataError(
            f"{path} is a spreadsheet: pip install 'goeswith[files]', or save its sheet as CSV"
        ) from error
    try:
        _check_unpacked_size(path)
        reader = fastexcel.read_excel(path)
        sheets = []
        for name in reader.sheet_names:
            sheet = reader.load_sheet(name, dtypes="string", header_row=0)
            if sheet.width and sheet.height:
                sheets.append((name, sheet.to_polars()))
    except (OSError, RuntimeError, *_DAMAGED, fastexcel.FastExcelError) as error:
        raise DataError(f"{path} is not a complete spreadsheet ({error}); save it again") from error
    if len(sheets) != 1:
        names = ", ".join(repr(name) for name, _ in sheets)
        what = f"the sheets {names} have rows" if sheets else "no sheet has rows"
        raise DataError(f"{path}: {what}; leave one sheet with one table, with a header")
    frame = sheets[0][1]
    if frame.width > MAX_COLUMNS:
        raise DataError(f"{path} has {frame.width:,} columns, more than {MAX_COLUMNS:,}")
    frame = frame.rename({name: name.strip() for name in frame.columns})
    unnamed = next((name for name in frame.columns if name.startswith("__UNNAMED__")), None)
    reserved = next((name for name in (ROW, FILE) if name in frame.columns), None)
    if unnamed is not None and frame[unnamed].null_count() == frame.height:
        frame = frame.drop(unnamed)
    elif unnamed is not None or reserved is not None:
        what = f"{reserved!r}, which is reserved" if reserved else "without a name"
        raise DataError(f"{path}: the header has a column {what}; rename it")
    frame = frame.with_columns(pl.all().replace("", None))
    return frame.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))


def _check_unpacked_size(path: Path) -> None:
    """Check what the members unpack to, whatever sizes the archive states.

    Raises:
        DataError: the file unpacks without bound.
        BadZipFile, zlib.error, struct.error: it is damaged.
    """
    packed, unpacked = path.stat().st_size, 0
    with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_DEFLATED:
                unpacked += member.file_size
                continue
            raw.seek(member.header_offset + _LENGTHS_AT)
            raw.seek(sum(struct.unpack("<HH", raw.read(4))), os.SEEK_CUR)
            stream, left = zlib.decompressobj(-zlib.MAX_WBITS), member.compress_size
            while not stream.eof and (block := raw.read(min(left, _BLOCK))):
                left -= len(block)
                while block and not stream.eof:
                    unpacked += len(stream.decompress(block, _BLOCK))
                    check_unpacked_size(path, packed, unpacked)
                    block = stream.unconsumed_tail
    check_unpacked_size(path, packed, unpacked)
