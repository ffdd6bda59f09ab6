"""Values of live facts: which attributes can change, and how a value is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import DataError
from goeswith.facts.availability import FALSE_WORDS, TRUE_WORDS, plain_word

if TYPE_CHECKING:
    import polars as pl

LIVE_COLUMNS: Final = {
    "price": "number",
    "stock": "number",
    "in_stock": "boolean",
    "visible": "boolean",
    "markets": "list",
}
"""Attributes that may change although the catalogue has no such column, and their kinds."""
FIXED_COLUMNS: Final = ("product_id", "title", "type", "variant_group")
"""Attributes that search, models and evidence were built from."""
_MAX_CHARACTERS: Final = 10_000


def column_kind(dtype: Any) -> str | None:
    """The kind of a column in filters; None if it cannot be filtered."""
    import polars as pl

    if isinstance(dtype, pl.Array) and dtype.inner.is_float():
        return None  # a vector
    if isinstance(dtype, pl.List | pl.Array):
        return "list"
    if dtype.is_nested():
        return None
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    return "time" if dtype.is_temporal() else "text"


def live_kinds(frame: pl.DataFrame) -> dict[str, str]:
    """The attributes of a catalogue that can change without a fit, and their kinds."""
    kinds = {name: column_kind(dtype) for name, dtype in frame.schema.items()}
    stored = {name: kind for name, kind in kinds.items() if kind and name not in FIXED_COLUMNS}
    return {**LIVE_COLUMNS, **stored}


def has_kind(value: Any, kind: str | None) -> bool:
    """Whether a stored value is of a kind: a later catalogue may have a column of another one."""
    if kind == "number":
        return isinstance(value, int | float)
    expected = {"boolean": bool, "list": list, "text": str, "time": str}.get(kind or "")
    return expected is not None and isinstance(value, expected)


def read_values(
    attributes: Mapping[str, Any], kinds: Mapping[str, str], subject: str
) -> dict[str, Any]:
    """Values as they are stored, by column; None returns to the catalogue's value.

    A stock without `in_stock` also sets that: whether there is any.

    Args:
        attributes: as a client sends them.
        kinds: of `live_kinds`.
        subject: what the attributes are of, for messages.

    Raises:
        DataError: an attribute cannot change, or a value is not of the column's kind.
    """
    values: dict[str, Any] = {}
    for name, value in attributes.items():
        if name in FIXED_COLUMNS:
            raise DataError(
                f"{subject}: {name} cannot change without a fit, since models and search are made "
                "from it; fit the bundle again"
            )
        if name not in kinds:
            near = get_close_matches(name, kinds, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"these can change: {', '.join(kinds)}"
            raise DataError(f"{subject}: the catalogue has no attribute {name!r}; {hint}")
        try:
            values[name] = None if value is None else _read_value(value, kinds[name])
            if name in ("in_stock", "visible") and value is not None:
                as_boolean(value)
        except (TypeError, ValueError) as error:
            noun = _NOUNS["boolean" if name in ("in_stock", "visible") else kinds[name]]
            raise DataError(f"{subject}: {name} = {str(value)[:60]!r} is not {noun}") from error
        if name == "price" and isinstance(values[name], float) and values[name] < 0:
            raise DataError(f"{subject}: price = {value!r} is negative; send 0 or more, or null")
    if "stock" in values and "in_stock" not in values:
        stock = values["stock"]
        in_stock = None if stock is None else _as_number(stock) > 0
        is_text = kinds["in_stock"] == "text"
        values["in_stock"] = str(in_stock).lower() if is_text and in_stock is not None else in_stock
    return values


_NOUNS: Final = {
    "number": "a number",
    "boolean": "true or false",
    "list": "a list of texts",
    "time": "a time, such as 2024-01-31T12:00",
    "text": "a text of at most 10,000 characters",
}


def _read_value(value: Any, kind: str) -> Any:
    if kind == "number":
        return _as_number(value)
    if kind == "boolean":
        return as_boolean(value)
    if kind == "list":
        parts = value.split("|") if isinstance(value, str) else list(value)
        return [_as_text(part) for part in parts]
    text = _as_text(value)
    return datetime.fromisoformat(text).replace(tzinfo=None).isoformat() if kind == "time" else text


def _as_number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def as_boolean(value: Any) -> bool:
    """True or false, also from the words and numbers that tables hold for them.

    Raises:
        ValueError: something else.
    """
    if isinstance(value, bool):
        return value
    word = plain_word(value).removesuffix(".0")
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ValueError
    return word in TRUE_WORDS


def _as_text(value: Any) -> str:
    if not isinstance(value, bool | int | float | str):
        raise TypeError
    text = str(value).lower() if isinstance(value, bool) else str(value).strip()
    if len(text) > _MAX_CHARACTERS:
        raise ValueError
    return text


def catalog_values(frame: pl.DataFrame, rows: list[int], column: str) -> list[Any]:
    """Values of the catalogue, as `read_values` stores them; None where there is none."""
    if column not in frame.columns:
        return [None] * len(rows)
    kind = column_kind(frame.schema[column])
    values = frame[column].gather(rows).to_list()
    if kind == "time":
        return [None if v is None else _iso_time(str(v)) for v in values]
    if kind == "number":
        return [None if v is None else float(v) for v in values]
    return values


def _iso_time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:  # a time of day, or a duration
        return text
