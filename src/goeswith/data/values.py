"""Cells as tables hold them -> identifiers, texts, numbers and lists."""

from __future__ import annotations

import ast
import json
from typing import Final

import polars as pl

from goeswith.core.errors import DataError

MISSING: Final = ("", "nan", "NaN", "NAN", "None", "null", "NULL", "<NA>", "NaT")
"""Texts that other tools write where there is no value."""

_LONGEST_LIST: Final = 10_000
"""Characters of a list written as text; a longer one is taken as one string."""


def text(values: pl.Series, file: str) -> pl.Series:
    """Strings without space around them; null where there is no value.

    Raises:
        DataError: the column holds lists or structures.
    """
    if values.dtype.is_nested():
        raise DataError(
            f"{file}: the column {values.name!r} holds {values.dtype} where one value is expected"
        )
    column = pl.col(values.name)
    stripped = values.to_frame().select(column.cast(pl.String).str.strip_chars())
    return stripped.select(pl.when(~column.is_in(MISSING)).then(column)).to_series()


def identifiers(values: pl.Series, file: str) -> pl.Series:
    """Identifiers as strings; whole numbers that were read as floats lose their `.0`."""
    if values.dtype.is_float():
        column = pl.col(values.name)
        values = values.to_frame().select(pl.when(column.is_finite()).then(column)).to_series()
        if (values.drop_nulls() % 1 == 0).all():
            values = values.cast(pl.Int64, strict=False)
    return text(values, file)


def numbers(values: pl.Series, file: str) -> pl.Series:
    """Float64, null where there is no number. Texts may have a currency sign: `$1,299.00`, `2,50`.

    Raises:
        DataError: the column holds lists or structures.
    """
    column = pl.col(values.name)
    if not values.dtype.is_numeric():
        bare = text(values, file).to_frame().select(column.str.replace_all(r"[\s$£€¥]", ""))
        decimal_comma = column.str.contains(r"^-?\d+,\d{1,2}$")
        values = bare.select(
            pl.when(decimal_comma)
            .then(column.str.replace(",", ".", literal=True))
            .when(column.str.contains(r"^-?\d{1,3}(,\d{3})+(\.\d*)?$"))
            .then(column.str.replace_all(",", "", literal=True))
            .otherwise(column)
        ).to_series()
    numbers = values.cast(pl.Float64, strict=False)
    return numbers.to_frame().select(pl.when(column.is_finite()).then(column)).to_series()


def lists(values: pl.Series, file: str) -> pl.Series:
    """Lists of strings, from lists or from text: a written list, or parts between `|`, `;` or `>`.

    A comma does not separate, since it stands in names ("Clothing, Shoes & Jewelry").
    """
    if isinstance(values.dtype, pl.List | pl.Array):
        given = values.cast(pl.List(pl.String))
    else:
        texts = text(values, file)
        given = pl.Series(
            values.name,
            [None if value is None else _parts(value) for value in texts],
            dtype=pl.List(pl.String),
        )
    parts = pl.element().str.strip_chars()
    kept = given.list.eval(parts.filter(~parts.is_in(MISSING)))
    return kept.to_frame().select(pl.when(pl.all().list.len() > 0).then(pl.all())).to_series()


def _parts(value: str) -> list[str]:
    if value.startswith("[") and len(value) <= _LONGEST_LIST:
        for parse in (json.loads, ast.literal_eval):
            try:
                found = parse(value)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(found, list):
                return [str(part) for part in found if part is not None]
    for mark in ("|", ";", ">"):
        if mark in value:
            return value.split(mark)
    return [value]
