"""Parsing of timestamps to one Datetime column in UTC, microseconds, without a zone.

Supported are dates and times, ISO 8601 text with or without a zone, compact times such as
20241231180500, unix times in seconds, milliseconds, microseconds or nanoseconds (distinguished by
their size), and text such as 31/12/2024 18:05 or 31 Dec 2024, where the column itself must show the
order of day, month and year.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.parsing.date_text import (
    ISO,
    SLASHED,
    has_clock,
    has_zone,
    order_of,
    parse_compact,
    parse_iso,
    parse_named_month,
    parse_slashed,
)
from goeswith.data.values import text

_UTC: Final = pl.Datetime("us")
_COMMON_FORMATS: Final = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f")
"""Formats to try first: patterns are far slower."""
_UNITS: Final = ((1e11, 1), (1e14, 10**3), (1e17, 10**6), (float("inf"), 10**9))
"""Below the first number, a unix time counts in the second number of parts of a second."""
_EARLIEST: Final = 315_532_800
"""Unix seconds in 1980: a smaller number is a counter or a compact time, not a unix time."""
_EARLIEST_FINE: Final = 10**9
"""The same for micro- and nanoseconds: 2001."""
_LATEST: Final = 253_402_300_800
"""The end of the year 9999, the last that other libraries have."""
_MIDNIGHT_SHARE: Final = 0.1


def timestamps(
    values: pl.Series,
    file: str,
    date_order: str = "auto",
    zone: str | None = None,
    *,
    shown_order: str | None = None,
) -> pl.Series:
    """(n,) Datetime("us") of the same name, null where a value is missing or invalid.

    Args:
        values: a column of any type.
        file: name for messages.
        date_order: dmy, mdy or ymd; `auto` follows the column.
        zone: of times that have none; None reads them as UTC, and refuses a column in which other
            times have a zone.
        shown_order: the order that earlier data showed, for `auto`; None for unknown.

    Raises:
        DataError: the column holds no times, the order of day, month and year is ambiguous or has
            changed, or only some of the times have a zone.
    """
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is not None:
            return values.dt.convert_time_zone("UTC").dt.replace_time_zone(None).cast(_UTC)
        return _to_utc(values.cast(_UTC), zone)
    if dtype == pl.Date:
        return values.cast(_UTC)
    if dtype.is_numeric():
        times = _from_numbers(values)
        _refuse_counters(values.cast(pl.Float64), times, file)
        return times
    if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        orders = (date_order, shown_order)
        return _parse_text(text(values, file).str.to_uppercase(), file, orders, zone)
    raise DataError(f"{file}: the column {values.name!r} is {dtype}, which is not a time")


def shown_date_order(values: pl.Series) -> str | None:
    """The order of day, month and year that a column shows: dmy, mdy, ymd, or None."""
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return None
    upper = values.cast(pl.String).str.strip_chars().str.to_uppercase()
    dates = _slashed(upper).drop_nulls().str.replace(r"[T, ]+(?:UM )?\d{1,2}:.*$", "")
    return order_of(dates.unique())


def are_dates(values: pl.Series, times: pl.Series) -> pl.Series:
    """(n,) whether a value is a date without a time of day.

    Args:
        values: the column as read.
        times: the same, parsed. Where a typed column has many midnights, these are dates.
    """
    if values.dtype == pl.Date:
        return pl.Series(values.name, [True]).new_from_index(0, len(values))
    is_midnight = times.dt.truncate("1d") == times
    if values.dtype in (pl.String, pl.Categorical, pl.Enum):
        column = pl.col(values.name)
        written = (
            values.cast(pl.String)
            .to_frame()
            .select(~has_clock(column) & ~column.str.contains(r"^\s*\d{9,}"))
        )
        return (written.to_series() & is_midnight).fill_null(value=False)
    share = is_midnight.sum() / max(times.count(), 1)
    return is_midnight.fill_null(value=False) & (share >= _MIDNIGHT_SHARE)


def _from_numbers(values: pl.Series) -> pl.Series:
    """Times of numbers: compact ones where they are plausible, unix times elsewhere."""
    column = pl.col(values.name)
    whole = values.cast(pl.Int64, strict=False).cast(pl.String)
    compact = whole.to_frame().select(parse_compact(column).alias(values.name)).to_series()
    floats = values.cast(pl.Float64)
    has_fraction = (floats != floats.floor()).fill_null(value=False)
    compact = compact.to_frame().select(pl.when(~has_fraction).then(column)).to_series()
    return compact.zip_with(compact.is_not_null(), _from_unix(floats))


def _from_unix(values: pl.Series) -> pl.Series:
    column = pl.col(values.name)
    parts = pl.lit(1.0)
    for (limit, _), (_, unit) in pairwise(_UNITS):
        parts = pl.when(column >= limit).then(float(unit)).otherwise(parts)
    seconds = column / parts
    # ticks of .NET are read as nanoseconds of 1990
    earliest = pl.when(parts > 1000).then(_EARLIEST_FINE).otherwise(_EARLIEST)
    is_time = column.is_finite() & (seconds >= earliest) & (seconds < _LATEST)
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
            f"{file}: the column {values.name!r} holds numbers such as {counters[0]:.12g}, which "
            "are not unix times; if they only give an order, name the column 'position'; days of "
            "a spreadsheet and other forms have to be written as 2024-12-31 18:05"
        )


def _slashed(values: pl.Series) -> pl.Series:
    """(n,) the dates whose order is open, null elsewhere."""
    column = pl.col(values.name)
    is_slashed = column.str.contains(SLASHED) & ~column.str.contains(ISO)
    return values.to_frame().select(pl.when(is_slashed).then(column)).to_series()


def _parse_text(
    values: pl.Series, file: str, orders: tuple[str, str | None], zone: str | None
) -> pl.Series:
    column = pl.col(values.name)
    common = (column.str.strptime(_UTC, form, strict=False) for form in _COMMON_FORMATS)
    times = values.to_frame().select(pl.coalesce(*common).alias(values.name)).to_series()
    # 24-12-31 is no date of the year 24
    times = times.to_frame().select(pl.when(pl.all().dt.year() >= 100).then(pl.all())).to_series()
    rest = values.to_frame().select(pl.when(times.is_null()).then(column)).to_series()
    if not rest.count():
        return _to_utc(times, zone).alias(values.name)
    others, absolute = _parse_uncommon(rest, times, file, orders)
    times = times.zip_with(times.is_not_null(), others)
    if absolute.any():
        _check_zones(values, times, absolute, file, zone)
    local = times.to_frame().select(pl.when(~absolute).then(pl.col(times.name))).to_series()
    return times.zip_with(absolute, _to_utc(local, zone)).alias(values.name)


def _parse_uncommon(
    values: pl.Series, other_times: pl.Series, file: str, orders: tuple[str, str | None]
) -> tuple[pl.Series, pl.Series]:
    """Times of the texts without a common format, and whether these are in UTC already.

    Args:
        values: the texts, in upper case.
        other_times: times of the texts with a common format.
        file: name for messages.
        orders: `date_order` and `shown_order` of `timestamps`.
    """
    column = pl.col(values.name)
    frame = values.to_frame()
    parsed = frame.select(
        pl.coalesce(parse_iso(column), parse_compact(column)).alias(values.name)
    ).to_series()
    zoned = frame.select(has_zone(column) & parsed.is_not_null()).to_series()
    number = frame.select(
        # 1.70E+12 is a number that a spreadsheet has rounded
        pl.when(parsed.is_null() & ~column.str.contains("E", literal=True)).then(
            column.cast(pl.Float64, strict=False)
        )
    ).to_series()
    if number.count():
        unix = _from_unix(number)
        zoned = zoned.fill_null(value=False) | unix.is_not_null()
        parsed = parsed.zip_with(parsed.is_not_null(), unix)
        _refuse_counters(number, parsed.zip_with(parsed.is_not_null(), other_times), file)
    slashed = _slashed(values)
    if slashed.count():
        parsed = parsed.zip_with(parsed.is_not_null(), parse_slashed(slashed, file, *orders))
    rest = frame.select(pl.when(parsed.is_null()).then(column)).to_series()
    if rest.count():
        named = rest.to_frame().select(parse_named_month(column).alias(values.name)).to_series()
        zoned_names = rest.to_frame().select(has_zone(column) & named.is_not_null()).to_series()
        zoned = zoned.fill_null(value=False) | zoned_names.fill_null(value=False)
        parsed = parsed.zip_with(parsed.is_not_null(), named)
    return parsed, zoned.fill_null(value=False)


def _check_zones(
    values: pl.Series, times: pl.Series, absolute: pl.Series, file: str, zone: str | None
) -> None:
    """Refuse times of day with and without a zone in one column.

    Raises:
        DataError: the zone of those without is not given.
    """
    column = pl.col(values.name)
    local = values.to_frame().select(has_clock(column)).to_series() & times.is_not_null()
    local = local.fill_null(value=False) & ~absolute
    if zone is not None or not local.any():
        return
    raise DataError(
        f"{file}: the column {values.name!r} mixes times with a zone "
        f"({values.filter(absolute)[0]}) and without one ({values.filter(local)[0]}); set zone "
        "under [data] of goeswith.toml to the zone of those without, such as 'Europe/Berlin' or "
        "'UTC'"
    )


def _to_utc(times: pl.Series, zone: str | None) -> pl.Series:
    """Local times in UTC; of an hour that occurs twice, the first; dates stay."""
    if zone is None or zone == "UTC":
        return times
    column = pl.col(times.name)
    is_date = column.dt.truncate("1d") == column
    utc = (
        column.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
        .dt.replace_time_zone(None)
    )
    return times.to_frame().select(pl.when(is_date).then(column).otherwise(utc)).to_series()
