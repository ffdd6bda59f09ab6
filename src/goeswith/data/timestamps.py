"""Parsing of timestamps to one Datetime column in UTC, microseconds, without a zone.

Supported are dates and times, ISO 8601 text with or without a zone, unix times in seconds,
milliseconds, microseconds or nanoseconds (distinguished by their size), and text such as 31/12/2024
18:05, where the column itself must show whether the day or the month comes first.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.values import text

_UTC: Final = pl.Datetime("us")
_COMMON_FORMATS: Final = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f")
"""Formats to try first: patterns are far slower."""
_CLOCK: Final = r"(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)"
_ISO: Final = (
    r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]+" + _CLOCK + r")?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$"
)
_SLASHED: Final = (
    r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?:[T, ]+" + _CLOCK + r"(?: ?([AP]M))?)?$"
)
_UNITS: Final = ((1e11, 1), (1e14, 10**3), (1e17, 10**6), (float("inf"), 10**9))
"""Below the first number, a unix time counts in the second number of parts of a second."""
_EARLIEST: Final = 1e8
"""Unix seconds in 1973: a smaller number is a counter, not a time."""


def timestamps(values: pl.Series, file: str, *, day_first: bool | None = None) -> pl.Series:
    """(n,) Datetime("us") of the same name, null where a value is missing or invalid.

    Args:
        values: a column of any type.
        file: name for messages.
        day_first: the order of day and month in earlier data; None for unknown.

    Raises:
        DataError: the column holds no times, or the order of day and month is ambiguous or has
            changed.
    """
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is not None:
            values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return values.cast(_UTC)
    if dtype == pl.Date:
        return values.cast(_UTC)
    if dtype.is_numeric():
        times = _from_unix(values.cast(pl.Float64))
        _refuse_counters(values, times, file)
        return times
    if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        return _parse_text(text(values, file).str.to_uppercase(), file, day_first)
    raise DataError(f"{file}: the column {values.name!r} is {dtype}, which is not a time")


def shows_day_first(values: pl.Series) -> bool | None:
    """Whether the day comes before the month in a column; None if no value decides it."""
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return None
    upper = values.cast(pl.String).str.strip_chars().str.to_uppercase()
    day, month = _first_above_twelve(upper.filter(upper.str.contains(_SLASHED)))
    return None if day.any() == month.any() else bool(day.any())


def _from_unix(values: pl.Series) -> pl.Series:
    column = pl.col(values.name)
    parts = pl.lit(1.0)
    for (limit, _), (_, unit) in pairwise(_UNITS):
        parts = pl.when(column >= limit).then(float(unit)).otherwise(parts)
    seconds = column / parts
    is_time = column.is_finite() & (seconds >= _EARLIEST)
    return (
        values.to_frame()
        .select(pl.when(is_time).then((seconds * 1e6).round()).cast(pl.Int64).cast(_UTC))
        .to_series()
        .alias(values.name)
    )


def _refuse_counters(values: pl.Series, times: pl.Series, file: str) -> None:
    """Refuse a column of numbers none of which is a unix time.

    Raises:
        DataError: the numbers are counters.
    """
    counters = values.filter(values.is_finite())
    if len(counters) and not times.count():
        raise DataError(
            f"{file}: the column {values.name!r} holds numbers such as {counters[0]:g}, which are "
            "not unix times; if they only give an order, name the column 'position'"
        )


def _parse_text(values: pl.Series, file: str, day_first: bool | None) -> pl.Series:
    column = pl.col(values.name)
    common = (column.str.strptime(_UTC, form, strict=False) for form in _COMMON_FORMATS)
    times = values.to_frame().select(pl.coalesce(*common)).to_series()
    rest = values.to_frame().select(pl.when(times.is_null()).then(column)).to_series()
    if rest.count():
        times = times.zip_with(times.is_not_null(), _parse_uncommon(rest, times, file, day_first))
    return times.alias(values.name)


def _parse_uncommon(
    values: pl.Series, other_times: pl.Series, file: str, day_first: bool | None
) -> pl.Series:
    """Times of the texts without a common format; `other_times` are those of the others."""
    column = pl.col(values.name)
    frame = values.to_frame()
    parsed = frame.select(_parse_iso(column)).to_series()
    number = values.cast(pl.Float64, strict=False)
    if number.count():
        parsed = parsed.zip_with(parsed.is_not_null(), _from_unix(number))
        _refuse_counters(number, parsed.zip_with(parsed.is_not_null(), other_times), file)
    slashed = frame.filter(column.str.contains(_SLASHED)).to_series()
    if len(slashed):
        day_first = _day_first(slashed, file, day_first)
        parsed = parsed.zip_with(
            parsed.is_not_null(),
            frame.select(_parse_slashed(column, day_first=day_first)).to_series(),
        )
    return parsed


def _parse_iso(column: pl.Expr) -> pl.Expr:
    group = column.str.extract_groups(_ISO).struct
    zone = group.field("5")
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    digits = zone.str.replace_all(r"[^\d]", "")
    minutes = digits.str.slice(0, 2).cast(pl.Int64, strict=False) * 60 + digits.str.slice(2).cast(
        pl.Int64, strict=False
    )
    local = _combine(group.field("1"), group.field("2"), group.field("3"), group.field("4"))
    return local - pl.duration(minutes=(sign * minutes).fill_null(0))


def _parse_slashed(column: pl.Expr, *, day_first: bool) -> pl.Expr:
    group = column.str.extract_groups(_SLASHED).struct
    day, month = ("1", "2") if day_first else ("2", "1")
    year = group.field("3")
    full_year = pl.when(year.str.len_chars() == 2).then("20" + year).otherwise(year)
    local = _combine(full_year, group.field(month), group.field(day), group.field("4"))
    half, hour = group.field("5"), local.dt.hour()
    shift = (
        pl.when((half == "PM") & (hour < 12))
        .then(12)
        .when((half == "AM") & (hour == 12))
        .then(-12)
        .otherwise(0)
    )
    return local + pl.duration(hours=shift)


def _combine(year: pl.Expr, month: pl.Expr, day: pl.Expr, clock: pl.Expr) -> pl.Expr:
    hours = clock.str.split(":")
    full = pl.when(hours.list.len() == 2).then(clock + ":00").otherwise(clock)
    padded = pl.format(
        "{}-{}-{} {}",
        year,
        month.str.zfill(2),
        day.str.zfill(2),
        full.fill_null("00:00:00"),
    )
    return padded.str.strptime(_UTC, "%Y-%m-%d %H:%M:%S%.f", strict=False)


def _first_above_twelve(slashed: pl.Series) -> tuple[pl.Series, pl.Series]:
    """(n,) where only the first number can be the day, and (n,) where only the second can."""
    parts = slashed.str.extract_groups(_SLASHED).struct
    first, second = (parts.field(name).cast(pl.Int64) for name in ("1", "2"))
    return (first > 12) & (second <= 12), (second > 12) & (first <= 12)


def _day_first(slashed: pl.Series, file: str, expected: bool | None) -> bool:
    """Whether the day comes before the month: as expected, else from the values of the column.

    Values that do not fit the expected order are left to be set aside, unless all contradict it.
    """
    parts = slashed.str.extract_groups(_SLASHED).struct
    first, second = (parts.field(name).cast(pl.Int64) for name in ("1", "2"))
    for_day, for_month = _first_above_twelve(slashed)
    day_first = bool(for_day.any())
    undecided = (first <= 12) & (second <= 12) & (first != second)
    order = f"{file}: the order of day and month in the column {slashed.name!r}"
    remedy = "write the times as 2024-12-31 18:05"
    if expected is not None:
        fitting, other = (for_day, for_month) if expected else (for_month, for_day)
        if other.any() and not fitting.any():
            names = ("day", "month") if expected else ("month", "day")
            raise DataError(
                f"{order} has changed: the earlier data have the {names[0]} first, and here "
                f"{slashed.filter(other)[0]} has the {names[1]} first; {remedy}"
            )
        return expected
    if day_first != for_month.any() or not (day_first or undecided.any()):
        return day_first
    if day_first:
        a, b = slashed.filter(for_day)[0], slashed.filter(for_month)[0]
        explanation = f"some have the day first ({a}) and some the month ({b})"
    else:
        explanation = f"no value decides it (for example {slashed.filter(undecided)[0]})"
    raise DataError(f"{order} is ambiguous: {explanation}; {remedy}")
