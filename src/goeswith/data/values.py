"""Parsing of table cells: identifiers, texts, numbers and lists."""

from __future__ import annotations

import ast
import json
from typing import Final

import polars as pl

from goeswith.core.errors import DataError

MISSING: Final = ("", "nan", "NaN", "NAN", "None", "null", "NULL", "<NA>", "NaT")
"""Texts that other tools write for missing values."""

_MAX_LIST_CHARS: Final = 10_000
"""Characters of a list in text form; a longer text is one string."""


def text(values: pl.Series, file: str) -> pl.Series:
    """Strings without surrounding space; null where there is no value.

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
    """Identifiers as strings; integers in a float column lose their `.0`."""
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
