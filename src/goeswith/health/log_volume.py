"""Events by day, and days without any."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from goeswith.health.health_report import LogDay, LogVolume

if TYPE_CHECKING:
    import polars as pl

_DAYS: Final = 400
_MISSING: Final = 50
_WEEK: Final = 7


def log_volume(events: pl.DataFrame | None, *, count_new: bool = True) -> LogVolume | None:
    """The volume of a table of events; None without events that have a time.

    Args:
        events: as `Dataset.events`.
        count_new: whether the first event of a product here is its first of all.
    """
    import polars as pl

    if events is None or "timestamp" not in events.columns:
        return None
    dated = events.select(
        "product", "event", pl.col("timestamp").dt.date().alias("day")
    ).drop_nulls("day")
    if not dated.height:
        return None
    days = dated.group_by("day").agg(
        events=pl.len(),
        purchases=(pl.col("event") == "purchase").sum(),
        views=(pl.col("event") == "view").sum(),
    )
    if count_new:
        first = dated.group_by("product").agg(pl.col("day").min())
        new = first.group_by("day").agg(new_products=pl.len())
        days = days.join(new, on="day", how="left").with_columns(
            pl.col("new_products").fill_null(0)
        )
    else:
        days = days.with_columns(new_products=pl.lit(None, dtype=pl.Int64))
    records = days.sort("day").to_dicts()
    return _volume(
        [LogDay(**{**record, "day": record["day"].isoformat()}) for record in records],
        records[0]["day"],
    )


def add_volumes(stored: LogVolume | None, new: LogVolume | None) -> LogVolume | None:
    """The volume of two logs without a common event."""
    if stored is None or new is None:
        return stored or new
    days = {day.day: day for day in stored.days}
    for day in new.days:
        there = days.get(day.day)
        days[day.day] = (
            day
            if there is None
            else LogDay(
                day=day.day,
                events=there.events + day.events,
                purchases=there.purchases + day.purchases,
                views=there.views + day.views,
                new_products=there.new_products,
            )
        )
    first = min(date.fromisoformat(stored.first), date.fromisoformat(new.first))
    return _volume([days[name] for name in sorted(days)], first)


def _volume(days: list[LogDay], first: date) -> LogVolume:
    days = days[-_DAYS:]
    present = {date.fromisoformat(day.day) for day in days}
    start, last = min(present), max(present)
    weekdays = {day.weekday() for day in present}
    if (last - start).days < 2 * _WEEK:  # too short to show on which weekdays a shop is closed
        weekdays = set(range(_WEEK))
    span = (start + timedelta(n) for n in range((last - start).days + 1))
    missing = [day for day in span if day not in present and day.weekday() in weekdays]
    return LogVolume(
        first=first.isoformat(),
        last=last.isoformat(),
        days=days,
        missing=len(missing),
        missing_days=[day.isoformat() for day in missing[-_MISSING:]],
    )
