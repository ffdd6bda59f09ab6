"""Filters over product attributes: a small language, of one comparison each.

    price<=20      in_stock=true      brand!=Mu      brand in Mu|Nu      title contains steel

A filter is a column, an operator and a value. Nothing is evaluated but these comparisons, on the
columns of the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goeswith.core.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from goeswith.facts.live_facts import LiveFacts

Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "in", "contains"]
MAX_FILTER_LENGTH: Final = 500
"""Characters of a filter written as text, and of a value."""

_ORDER_OPERATORS: Final = ("<", "<=", ">", ">=")
_OPERATOR: Final = re.compile(r"<=|>=|!=|=|<|>|\s(?:in|contains)\s")
_NEXT_COMPARISON: Final = re.compile(r"\s(?:and|&&)\s+[^\s<>=!]+\s*(?:[<>=]|!=)", re.IGNORECASE)
_Scalar: TypeAlias = bool | int | float | Annotated[str, Field(max_length=MAX_FILTER_LENGTH)]


class Filter(BaseModel):
    """One condition that a product must meet.

    A product without a value meets `!=` and nothing else. Text is compared without upper and lower
    case; of a list, as of categories, one entry has to meet `=`, `in` and `contains`, and none may
    be what `!=` names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    column: str = Field(min_length=1, max_length=200, examples=["price"])
    op: Operator = Field(examples=["<="])
    value: _Scalar | Annotated[tuple[_Scalar, ...], Field(max_length=100)] = Field(examples=[20])

    @property
    def values(self) -> list[str]:
        """The value, or the values of `in`, as text."""
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return [str(v).lower() if isinstance(v, bool) else str(v) for v in values]

    def __str__(self) -> str:
        between = f" {self.op} " if self.op.isalpha() else self.op
        return f"{self.column}{between}{'|'.join(self.values)}"


def parse_filter(text: str) -> Filter:
    """A filter from text, as in the examples of this module; `in` has its values between `|`.

    Raises:
        ConfigError: there is no operator, no column, more than one comparison, or the text is
            longer than 500 characters.

    >>> parse_filter("price <= 20")
    Filter(column='price', op='<=', value='20')
    >>> parse_filter("brand in Mu|Nu").value
    ('Mu', 'Nu')
    """
    match = _OPERATOR.search(text) if len(text) <= MAX_FILTER_LENGTH else None
    column = text[: match.start()].strip() if match else ""
    if match is None or not column:
        raise ConfigError(
            f"the filter {text[:60]!r} is not written as COLUMN OPERATOR VALUE in at most "
            f"{MAX_FILTER_LENGTH} characters; operators are = != < <= > >= in contains, "
            "for example price<=20 or 'brand in Mu|Nu'"
        )
    op, value = match[0].strip(), text[match.end() :].strip()
    if op == "=" and value.startswith("="):
        raise ConfigError(f"the filter {text[:60]!r} has two =; use one: {column}={value[1:]}")
    if _NEXT_COMPARISON.search(value):
        raise ConfigError(
            f"the filter {text[:60]!r} has several comparisons; write each as a filter of its own "
            "(repeat --where, or `where` over HTTP)"
        )
    values = [part.strip() for part in value.split("|")] if op == "in" else value
    try:
        return Filter.model_validate({"column": column, "op": op, "value": values})
    except ValidationError as error:
        raise ConfigError(
            f"the filter {text[:60]!r} has a column longer than 200 characters or more than 100 "
            "values; write several filters"
        ) from error


def match_products(live: LiveFacts, where: Sequence[Filter]) -> npt.NDArray[np.bool_]:
    """(n,) which products of a bundle meet every filter now; not to be changed.

    Raises:
        ConfigError: a filter does not suit the catalogue.
    """
    key = " and ".join(sorted(repr((f.column, f.op, f.values)) for f in where))
    columns = [condition.column for condition in where]
    return live.mask(key, columns, lambda frame: match_rows(frame, where))


def match_market(live: LiveFacts, market: str) -> npt.NDArray[np.bool_]:
    """(n,) which products are for a market: those whose `markets` hold it, or that have none."""
    import polars as pl

    def test(frame: pl.DataFrame) -> npt.NDArray[np.bool_]:
        kind = frame.schema["markets"]
        column = pl.col("markets")
        if not isinstance(kind, pl.List | pl.Array):
            column = column.cast(pl.String).str.split("|")
        names = column.cast(pl.List(pl.String)).list.eval(
            pl.element().str.strip_chars().str.to_lowercase()
        )
        is_for = names.list.contains(market.strip().lower()) | (names.list.len() == 0)
        mask: npt.NDArray[np.bool_] = frame.select(mask=is_for.fill_null(value=True))[
            "mask"
        ].to_numpy()
        return mask

    return live.mask(("market", market.strip().lower()), ["markets"], test)


def match_rows(frame: pl.DataFrame, filters: Sequence[Filter]) -> npt.NDArray[np.bool_]:
    """(n,) which rows of a catalogue meet every filter.

    Raises:
        ConfigError: a column does not exist (the nearest is named), or a value cannot be compared
            with what the column holds.
    """
    import polars as pl

    matches = pl.repeat(value=True, n=pl.len())
    for condition in filters:
        matches &= _expression(frame, condition).fill_null(value=False)
    mask: npt.NDArray[np.bool_] = frame.select(matches=matches)["matches"].to_numpy()
    return mask


def _expression(frame: pl.DataFrame, condition: Filter) -> pl.Expr:
    import polars as pl

    name, op = condition.column, condition.op
    if name not in frame.columns:
        near = get_close_matches(name, frame.columns, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(frame.columns)}"
        raise ConfigError(f"filter {str(condition)!r}: no product has a {name!r}; {hint}")
    if name == "*" or (name.startswith("^") and name.endswith("$")):
        raise ConfigError(
            f"filter {str(condition)!r}: polars reads {name!r} as a pattern; rename it"
        )
    if op != "in" and len(condition.values) != 1:
        raise ConfigError(f"filter {str(condition)!r}: {op} takes one value; several go with 'in'")
    kind = frame.schema[name]
    if isinstance(kind, pl.List | pl.Array):
        return _list_expression(condition)
    if kind.is_nested():
        raise ConfigError(
            f"filter {str(condition)!r}: {name} holds {kind}, which cannot be filtered"
        )
    if op == "contains":
        return _text_expression(pl.col(name).cast(pl.String), op, condition.values)
    if kind.is_temporal():
        times = [_parse_time(value, condition) for value in condition.values]
        return _comparison(pl.col(name).cast(pl.Datetime("us")), op, times)
    if kind.is_numeric():
        return _comparison(pl.col(name).cast(pl.Float64), op, parse_numbers(condition))
    if op in _ORDER_OPERATORS:
        return _numeric_text_expression(frame, condition)
    values = condition.values
    if kind == pl.Boolean:
        words = {"1": "true", "yes": "true", "0": "false", "no": "false"}
        values = [words.get(value.lower(), value) for value in values]
    return _text_expression(pl.col(name).cast(pl.String), op, values)


def _list_expression(condition: Filter) -> pl.Expr:
    """Of a list."""
    import polars as pl

    name, op = condition.column, condition.op
    if op in _ORDER_OPERATORS:
        raise ConfigError(
            f"filter {str(condition)!r}: {name} holds lists, which have no order; use =, !=, in or "
            "contains"
        )
    meets = _text_expression(pl.element(), "=" if op == "!=" else op, condition.values)
    some = pl.col(name).cast(pl.List(pl.String)).list.eval(meets).list.any()
    return ~some.fill_null(value=False) if op == "!=" else some


def _numeric_text_expression(frame: pl.DataFrame, condition: Filter) -> pl.Expr:
    """Texts that are numbers, as CSV files leave them."""
    import polars as pl

    numbers = pl.col(condition.column).cast(pl.String).cast(pl.Float64, strict=False)
    if frame.select(numbers.is_not_null().any()).item():
        return _comparison(numbers, condition.op, parse_numbers(condition))
    raise ConfigError(
        f"filter {str(condition)!r}: {condition.column} has no numbers, so nothing is "
        f"{condition.op} another; use =, !=, in or contains"
    )


def _comparison(column: pl.Expr, op: str, values: Sequence[float] | Sequence[datetime]) -> pl.Expr:
    value = values[0] if values else None
    if op == "in":
        return column.is_in(list(values))
    if op == "!=":
        return (column != value).fill_null(value=True)
    compared: pl.Expr = {
        "=": column.__eq__,
        "<": column.__lt__,
        "<=": column.__le__,
        ">": column.__gt__,
        ">=": column.__ge__,
    }[op](value)
    return compared


def _text_expression(column: pl.Expr, op: str, values: list[str]) -> pl.Expr:
    text = column.str.to_lowercase().str.strip_chars()
    lowered = [value.lower().strip() for value in values]
    if op == "contains":
        return text.str.contains(lowered[0], literal=True)
    if op == "!=":
        return (text != lowered[0]).fill_null(value=True)
    return text.is_in(lowered)


def parse_numbers(condition: Filter) -> list[float]:
    """The values of a filter on a column of numbers.

    Raises:
        ConfigError: one is no finite number.
    """
    try:
        numbers = [float(value) for value in condition.values]
        if not all(np.isfinite(numbers)):
            raise ValueError
    except ValueError as error:
        raise ConfigError(
            f"filter {str(condition)!r}: {condition.column} contains numbers, and "
            f"{'|'.join(condition.values)!r} is not a number"
        ) from error
    return numbers


def _parse_time(value: str, condition: Filter) -> datetime:
    try:
        return datetime.fromisoformat(value).replace(tzinfo=None)
    except ValueError as error:
        raise ConfigError(
            f"filter {str(condition)!r}: {condition.column} holds times; write one as 2024-01-31 "
            "or 2024-01-31T12:00"
        ) from error
