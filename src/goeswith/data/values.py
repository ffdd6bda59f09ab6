"""Parsing of table cells: identifiers, texts and lists."""

from __future__ import annotations

import ast
import json
from typing import Final

import polars as pl

from goeswith.core.errors import DataError

MISSING: Final = ("", "nan", "NaN", "None", "null", "NULL", "<NA>", "NaT")
"""Texts that other tools write for missing values. `NAN` is a brand."""

_ROUNDED: Final = r"^\d[.,]\d+[eE]\+?\d{2,}$|^\d[eE]\+\d{2}$"
_NO_INTEGER: Final = r"^\d+\.\d*[1-9]\d*$|^0\d+$|^0\d+\.0$"
_EXACT_FLOATS: Final = 2**53
"""Integers from here on are not exact in a float column."""

_MISSING_IDS: Final = (*MISSING, "NAN")

_MAX_LIST_CHARS: Final = 10_000
"""Characters of a list in text form; a longer text is one string."""

_SPACE: Final = (
    " \t\n\r\x0b\x0c\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
"""Space, also of zero width, which is never a part of a value's ends."""


def text(values: pl.Series, file: str) -> pl.Series:
    """Strings without surrounding space; null where there is no value, or one with a zero byte.

    Blocks of zero bytes are what a crash leaves of lines that were being written.

    Raises:
        DataError: the column holds lists, structures or bytes that are no text.
    """
    return _text(values, file, MISSING)


def _text(values: pl.Series, file: str, missing: tuple[str, ...]) -> pl.Series:
    if values.dtype.is_nested():
        raise DataError(
            f"{file}: the column {values.name!r} holds {values.dtype} where one value is expected; "
            "write a row a value, as text or numbers"
        )
    if values.dtype in (pl.Object, pl.Duration):
        raise DataError(f"{file}: the column {values.name!r} is {values.dtype}, which is not text")
    column = pl.col(values.name)
    try:
        stripped = values.to_frame().select(column.cast(pl.String).str.strip_chars(_SPACE))
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{file}: the column {values.name!r} is {values.dtype} with values that are not "
            f"UTF-8 text; write it as text ({error})"
        ) from error
    is_text = ~column.is_in(missing) & ~column.str.contains("\0", literal=True)
    return stripped.select(pl.when(is_text).then(column)).to_series()


def identifiers(values: pl.Series, file: str) -> pl.Series:
    """Identifiers as strings.

    Integers that another tool stored as floats lose their `.0`, also in text. Bytes become text, a
    UUID if there are 16, or hexadecimal digits.

    Raises:
        DataError: a spreadsheet has rounded the identifiers to the form 1.23E+12.
    """
    if values.dtype.is_float():
        column = pl.col(values.name)
        values = values.to_frame().select(pl.when(column.is_finite()).then(column)).to_series()
        largest = values.max()
        if isinstance(largest, float) and largest >= _EXACT_FLOATS:
            raise DataError(
                f"{file}: the column {values.name!r} holds {largest:.0f} as a float, which rounds "
                "ids of that size, so that different ids are one; write the column as text"
            )
        if (values.drop_nulls() % 1 == 0).all():
            values = values.cast(pl.Int64, strict=False)
    elif values.dtype == pl.Binary:
        values = _bytes_as_text(values)
    ids = _text(values, file, _MISSING_IDS)
    if values.dtype in (pl.Categorical, pl.Enum, pl.String):
        rounded = ids.filter(ids.str.contains(_ROUNDED))
        if len(rounded):
            raise DataError(
                f"{file}: the column {values.name!r} holds {rounded[0]!r}: a spreadsheet has "
                "rounded the numbers, so that different ids are one; export the column as text"
            )
        ids = _without_decimals(ids)
    return ids


def _without_decimals(ids: pl.Series) -> pl.Series:
    """Text without `.0` where most values are integers and none has decimals or leading zeros."""
    if not ids.str.ends_with(".0").any() or ids.str.contains(_NO_INTEGER).any():
        return ids
    integers = ids.str.contains(r"^\d+(?:\.0)?$")
    if integers.sum() <= 0.5 * ids.count():
        return ids
    return ids.str.replace(r"^(\d+)\.0$", "$1")


def _bytes_as_text(values: pl.Series) -> pl.Series:
    """Bytes as text, as UUIDs if there are 16 of them, or as hexadecimal digits."""
    try:
        texts = values.cast(pl.String)
    except pl.exceptions.PolarsError:
        texts = None
    if texts is not None and not texts.str.contains(r"[\x00-\x1f]").any():
        return texts
    digits = values.bin.encode("hex")
    if (digits.str.len_chars() == 32).all():
        return digits.str.replace(r"^(.{8})(.{4})(.{4})(.{4})(.{12})$", "$1-$2-$3-$4-$5")
    return digits


def lists(values: pl.Series, file: str) -> pl.Series:
    """Lists of strings, from lists or from text: a literal list, or parts between `|`, `;` or `>`.

    A comma does not separate, since it occurs in names ("Clothing, Shoes & Jewelry").
    """
    if isinstance(values.dtype, pl.List | pl.Array):
        texts_as_lists = values.cast(pl.List(pl.String))
    else:
        texts = text(values, file)
        texts_as_lists = pl.Series(
            values.name,
            [None if value is None else _parse_list(value) for value in texts],
            dtype=pl.List(pl.String),
        )
    parts = pl.element().str.strip_chars()
    non_missing = texts_as_lists.list.eval(parts.filter(~parts.is_in(MISSING)))
    return (
        non_missing.to_frame().select(pl.when(pl.all().list.len() > 0).then(pl.all())).to_series()
    )


def _parse_list(value: str) -> list[str]:
    if value.startswith("[") and len(value) <= _MAX_LIST_CHARS:
        for parse in (json.loads, ast.literal_eval):
            try:
                parsed = parse(value)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(parsed, list):
                return [str(part) for part in parsed if part is not None]
    for mark in ("|", ";", ">"):
        if mark in value:
            return value.split(mark)
    return [value]
