"""Dates and times in text, by pattern. All expressions take text in upper case."""

from __future__ import annotations

from typing import Final

import polars as pl

from goeswith.core.errors import DataError

_UTC: Final = pl.Datetime("us")
_CLOCK: Final = r"(\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)"
_HALF: Final = r"(?: ?([AP])\.?M\.?)?"
_ZONE: Final = r"(Z|UTC|GMT|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2}(?::\d{2})?)?)"
_AFTER_ZONE: Final = r"(?: ?(?:\[[A-Z_/+-]+\]|\([A-Z ]+\)|[A-Z]{3,5}))?"
ISO: Final = (
    r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T, ]+"
    + _CLOCK
    + _HALF
    + r")?(?:\s*"
    + _ZONE
    + _AFTER_ZONE
    + r")?$"
)
"""2024-12-31 18:05:00+01, in groups: year, month, day, time, half of the day, zone."""
SLASHED: Final = (
    r"^(\d{1,2}|\d{4})[-/. ]{1,2}(\d{1,2})[-/. ]{1,2}(\d{4}|\d{2})\.?(?:[T, ]+(?:UM )?"
    + _CLOCK
    + _HALF
    + r")?(?:\s*(?:UHR)?)?$"
)
"""31.12.24 18:05, in groups: three parts of the date, time, half of the day."""
_COMPACT: Final = (
    r"^((?:19[89]|20\d)\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
    r"(?:[T _-]?([01]\d|2[0-3])(?::?([0-5]\d)(?::?([0-5]\d)(?:[.,]?(\d{3,6}))?)?)?)?"
    r"(?:\.0)?" + _ZONE + r"?$"
)
"""20241231180500, in groups: year, month, day, hour, minute, second, fraction, zone."""
_WEEKDAY: Final = r"^(?:(?:MON|TUE|WED|THU|FRI|SAT|SUN)[A-Z]*\.?,?\s+)?"
_DAY_MONTH: Final = (
    _WEEKDAY
    + r"(\d{1,2})(?:ST|ND|RD|TH|\.)?[\s/-]+([A-Z]{3,9})\.?[\s/,-]+(\d{4}|\d{2})(?:[,\sT:]+"
    + _CLOCK
    + _HALF
    + r")?(?:\s*"
    + _ZONE
    + _AFTER_ZONE
    + r")?$"
)
_MONTH_DAY: Final = (
    _WEEKDAY
    + r"([A-Z]{3,9})\.?[\s-]+(\d{1,2})(?:ST|ND|RD|TH)?,?[\s-]+(\d{4})(?:,?(?:\s+AT)?\s+"
    + _CLOCK
    + _HALF
    + r")?(?:\s*"
    + _ZONE
    + _AFTER_ZONE
    + r")?$"
)
_MONTHS: Final = (
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
)
_ORDERS: Final = {"dmy": (3, 2, 1), "mdy": (3, 1, 2), "ymd": (1, 2, 3)}
"""Order -> groups of year, month and day."""
_FIRST: Final = {"dmy": "the day", "mdy": "the month", "ymd": "the year"}
_LEAST_DATES: Final = 10
_SHORT_DAYS: Final = 1100
_LONG_DAYS: Final = 3650


def has_clock(column: pl.Expr) -> pl.Expr:
    """Whether a text holds a time of day."""
    return column.str.contains(r"\d:\d{2}|^\d{10,}|\d{8}T\d{2}")


def has_zone(column: pl.Expr) -> pl.Expr:
    """Whether a text holds a time of day and ends in a zone."""
    return (
        has_clock(column)
        & column.str.contains(
            r"(?:(?:\d|[AP]M)\s*(?:Z|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2}(?::\d{2})?)?)|UTC|GMT)"
            + _AFTER_ZONE
            + "$"
        )
        & ~column.str.contains(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}$")
    )


def parse_iso(column: pl.Expr) -> pl.Expr:
    """Times of ISO 8601, in UTC where they have a zone."""
    group = column.str.extract_groups(ISO).struct
    local = _combine(group.field("1"), group.field("2"), group.field("3"), group.field("4"))
    return _shifted(local, group.field("5")) - _offset(group.field("6"))


def parse_compact(column: pl.Expr) -> pl.Expr:
    """Times such as 20241231, 202412311805 and 20241231T180500Z."""
    group = column.str.extract_groups(_COMPACT).struct
    fraction = group.field("7")
    clock = pl.format(
        "{}:{}:{}.{}",
        group.field("4").fill_null("00"),
        group.field("5").fill_null("00"),
        group.field("6").fill_null("00"),
        fraction.fill_null("0"),
    )
    local = _combine(group.field("1"), group.field("2"), group.field("3"), clock)
    return local - _offset(group.field("8"))


def parse_named_month(column: pl.Expr) -> pl.Expr:
    """Times with an English month: 31 Dec 2024 18:05, Dec 31, 2024, of mails and of `date`."""
    # Tue Dec 31 18:05:00 UTC 2024 and Tue Dec 31 2024 18:05:00 GMT+0100
    column = column.str.replace(
        r"^([A-Z]{3},? [A-Z]{3}\.? +\d{1,2}) (\d{1,2}:\d{2}:\d{2})(?: ([A-Z]{1,4}|[+-]\d{4}))? "
        r"(\d{4})$",
        "$1 $4 $2 $3",
    ).str.strip_chars()
    first = column.str.extract_groups(_DAY_MONTH).struct
    second = column.str.extract_groups(_MONTH_DAY).struct
    times = [
        _shifted(
            _combine(_full_year(group.field("3")), _month(group.field(m)), group.field(d),
                     group.field("4")),
            group.field("5"),
        ) - _offset(group.field("6"))
        for group, d, m in ((first, "1", "2"), (second, "2", "1"))
    ]  # fmt: skip
    return pl.coalesce(*times)


def parse_slashed(
    values: pl.Series, file: str, date_order: str, shown_order: str | None = None
) -> pl.Series:
    """Times such as 31/12/2024 18:05 and 24-12-31, in the order that the column shows.

    Args:
        values: texts of `SLASHED`, or null.
        file: name for messages.
        date_order: dmy, mdy or ymd; `auto` follows `shown_order`, and without it the column.
        shown_order: the order that earlier data showed.

    Raises:
        DataError: no order fits all values, several do and differ, or the values contradict the
            earlier data.
    """
    if date_order != "auto":
        return _in_order(values, date_order)
    by_order = {order: _in_order(values, order) for order in _ORDERS}
    if shown_order is not None:
        _refuse_other_order(values, by_order, file, shown_order)
        return by_order[shown_order]
    fitting = _fitting(by_order)
    if not fitting:
        raise _mixed_error(values, by_order, file)
    fitting = _within_years(fitting)
    first = next(iter(fitting.values()))
    if all(times.equals(first) for times in fitting.values()):
        return first
    frame = pl.DataFrame({"value": values, **fitting})
    differing = frame.filter(pl.concat_list(list(fitting)).list.n_unique() > 1)
    readings = ", ".join(f"{order}" for order in fitting)
    raise DataError(
        f"{file}: the order of day and month in the column {values.name!r} is ambiguous: "
        f"no value decides it (for example {differing['value'][0]}, which fits {readings}); write "
        "the times as 2024-12-31 18:05, or set date_order under [data] of goeswith.toml"
    )


def order_of(values: pl.Series) -> str | None:
    """The order that texts of `SLASHED` show; None if none or several fit, or differ in nothing."""
    by_order = {order: _in_order(values, order) for order in _ORDERS}
    fitting = _fitting(by_order)
    if len(fitting) > 1:
        fitting = _within_years(fitting)
    return next(iter(fitting)) if len(fitting) == 1 and len(values) else None


def _fitting(by_order: dict[str, pl.Series]) -> dict[str, pl.Series]:
    """The orders that fit every value which fits one."""
    possible = pl.DataFrame(by_order).select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    needed = int(possible.sum())
    return {order: times for order, times in by_order.items() if times.count() == needed}


def _refuse_other_order(
    values: pl.Series, by_order: dict[str, pl.Series], file: str, shown: str
) -> None:
    """Refuse values of which some fit another order alone, and none the order shown alone.

    Single values that do not fit are left to be set aside.

    Raises:
        DataError: the order has changed.
    """
    for order, times in by_order.items():
        other = times.is_not_null() & by_order[shown].is_null()
        fitting = times.is_null() & by_order[shown].is_not_null()
        if other.any() and not fitting.any():
            raise DataError(
                f"{file}: the order of day and month in the column {values.name!r} has changed: "
                f"the earlier data have {_FIRST[shown]} first, and here {values.filter(other)[0]} "
                f"has {_FIRST[order]} first; write the times as 2024-12-31 18:05"
            )


def _within_years(fitting: dict[str, pl.Series]) -> dict[str, pl.Series]:
    """Without orders that spread many dates over decades, where another one keeps them together."""
    spans = {}
    for order, times in fitting.items():
        days = times.dt.date().unique().drop_nulls()
        if len(days) < _LEAST_DATES:
            return fitting
        spans[order] = (days.max() - days.min()).days  # type: ignore[operator, union-attr]
    if min(spans.values()) > _SHORT_DAYS:
        return fitting
    return {order: times for order, times in fitting.items() if spans[order] < _LONG_DAYS}


def _mixed_error(values: pl.Series, by_order: dict[str, pl.Series], file: str) -> DataError:
    """The error of a column in which no order fits all values."""
    best = sorted(by_order, key=lambda order: -by_order[order].count())[:2]
    examples = []
    for order, other in (best, best[::-1]):
        only = by_order[order].is_not_null() & by_order[other].is_null()
        examples.append(values.filter(only)[0] if only.any() else "")
    return DataError(
        f"{file}: the order of day and month in the column {values.name!r} is ambiguous: some have "
        f"{_FIRST[best[0]]} first ({examples[0]}) and some {_FIRST[best[1]]} ({examples[1]}); "
        "write the times as 2024-12-31 18:05, or set date_order under [data] of goeswith.toml"
    )


def _in_order(values: pl.Series, order: str) -> pl.Series:
    """Times in one order of day, month and year; a year of two digits is not in the future."""
    column = pl.col(values.name)
    group = column.str.extract_groups(SLASHED).struct
    year, month, day = (group.field(str(place)) for place in _ORDERS[order])
    is_year = year.str.len_chars().is_in([2, 4])
    is_day = (day.str.len_chars() <= 2) & (month.str.len_chars() <= 2)
    local = _combine(pl.when(is_year & is_day).then(_full_year(year)), month, day, group.field("4"))
    times = _shifted(local, group.field("5"))
    latest = _now() + pl.duration(days=2)
    two_digits = year.str.len_chars() == 2
    return values.to_frame().select(
        pl.when(~two_digits | (times <= latest)).then(times).alias(values.name)
    ).to_series()  # fmt: skip


def _now() -> pl.Expr:
    from datetime import UTC, datetime

    return pl.lit(datetime.now(UTC).replace(tzinfo=None)).cast(_UTC)


def _full_year(year: pl.Expr) -> pl.Expr:
    return pl.when(year.str.len_chars() == 2).then("20" + year).otherwise(year)


def _month(name: pl.Expr) -> pl.Expr:
    numbers = {month: str(number) for number, month in enumerate(_MONTHS, start=1)}
    return name.str.slice(0, 3).replace_strict(numbers, default=None, return_dtype=pl.String)


def _offset(zone: pl.Expr) -> pl.Expr:
    sign = pl.when(zone.str.contains("-", literal=True)).then(-1).otherwise(1)
    digits = zone.str.replace_all(r"[^\d]", "")
    minutes = digits.str.slice(0, 2).cast(pl.Int64, strict=False) * 60 + digits.str.slice(
        2, 2
    ).cast(pl.Int64, strict=False).fill_null(0)
    return pl.duration(minutes=(sign * minutes).fill_null(0))


def _shifted(local: pl.Expr, half: pl.Expr) -> pl.Expr:
    """A time moved to its half of the day; null where an hour does not fit it."""
    hour = local.dt.hour()
    shift = (
        pl.when((half == "P") & (hour < 12))
        .then(12)
        .when((half == "A") & (hour == 12))
        .then(-12)
        .otherwise(0)
    )
    return local + pl.duration(hours=shift)


def _combine(year: pl.Expr, month: pl.Expr, day: pl.Expr, clock: pl.Expr) -> pl.Expr:
    clock = clock.str.replace(",", ".", literal=True)
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
