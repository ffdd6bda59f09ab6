"""Basket and session ids that are used again: till receipts, visit numbers.

A receipt number starts anew every day in every shop, and a visit number counts the visits of one
user. Such an id is made unique with the user, the shop and the time: `number␟user or shop␟part`. An
update may see fewer repeats than the fit; it compares ids by their parts (`key_of`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from goeswith.data.mapping.column_names import normalize
from goeswith.data.mapping.event_names import PLACES

_GAP_HOURS: Final = 12
_RECEIPT_MINUTES: Final = 30
_REPEATED_SHARE: Final = 0.5
_LEAST_DAYS: Final = 3
_SAME_TIME_SHARE: Final = 0.8
_LOGIN_SHARE: Final = 0.2


SEPARATOR: Final = "\u241f"
"""Between the parts of an id that was made unique."""
_USER, _PLACE, _TIME = "user", "place", "time"


def key_of(ids: pl.Expr) -> pl.Expr:
    """An id without its last part, which depends on the other times of the file."""
    parts = ids.str.split(SEPARATOR)
    owner = parts.list.get(1, null_on_oob=True)
    return pl.when(owner != "").then(number_of(ids) + SEPARATOR + owner).otherwise(number_of(ids))


def number_of(ids: pl.Expr) -> pl.Expr:
    """An id as it was in the file."""
    return ids.str.split(SEPARATOR).list.first()


def unique_contexts(
    frame: pl.DataFrame, name: str, *, time: str | None = None, earlier: Sequence[str] = ()
) -> tuple[pl.DataFrame, list[str], list[str]]:
    """Make the values of an id column unique to one user, or to one place and time.

    Args:
        frame: events with the ids as text, and `user_id` where they have users.
        name: `basket_id` or `session_id`.
        time: column of the time; None without one.
        earlier: what makes the ids of earlier events of the shop unique.

    Returns:
        The events, notes on what was done, and what makes the ids unique: `user`, `place`, `time`.
    """
    notes: list[str] = []
    parts: list[str] = []
    has_users = "user_id" in frame.columns and name != "user_id"
    by_users = False
    if has_users:
        users = frame.lazy().group_by(name).agg(pl.col("user_id").drop_nulls().n_unique())
        users = users.filter(pl.col(name).is_not_null())
        counts = users.collect()
        repeated = counts.filter(pl.col("user_id") > 1)
        if name == "session_id" and repeated.height < _LOGIN_SHARE * counts.height:
            # two users in a few sessions are one person before and after logging in
            repeated = counts.filter(pl.col("user_id") > 2)
        if repeated.height:
            by_users = repeated.height >= _REPEATED_SHARE * counts.height
            keyed = pl.col(name).is_in(repeated[name].implode()) & pl.col("user_id").is_not_null()
            unique = pl.when(keyed).then(pl.format(f"{{}}{SEPARATOR}{{}}", name, "user_id"))
            parts.append(_USER)
            frame = frame.with_columns(unique.otherwise(pl.col(name)).alias(name))
            notes.append(
                f"{name} {str(repeated[name].sort()[0])!r} belongs to several users: "
                f"{repeated.height:,} of {counts.height:,} values of {name} have several users and "
                f"are read as one {name.removesuffix('_id')} for each user"
            )
    surely = by_users or _TIME in earlier
    if name != "basket_id":
        splits = not has_users and time is not None
        surely = splits and (surely or _is_counter(frame, name, str(time)))
        if time is None or not surely:
            return frame, notes, parts
    else:
        if not has_users:
            frame = _keyed_by_place(frame, name, notes, parts, surely=_PLACE in earlier)
        some_users = has_users and frame["user_id"].null_count() < frame.height
        if time is None or (some_users and not surely):
            return frame, notes, parts
    frame = _split_by_time(frame, name, time, notes, parts, surely=surely)
    return frame, notes, parts


def _is_counter(frame: pl.DataFrame, name: str, time: str) -> bool:
    """Whether ids are whole numbers that most days have, as a number that starts anew has."""
    rows = frame.filter(pl.col(name).is_not_null()).select(
        name, pl.col(time).dt.date().alias("day")
    )
    days = rows["day"].n_unique()
    if days < _LEAST_DAYS or not rows[name].str.contains(r"^\d+$").all():
        return False
    of_id = rows.group_by(name).agg(pl.col("day").n_unique())["day"].median()
    return isinstance(of_id, float) and of_id >= _REPEATED_SHARE * days


def _place(frame: pl.DataFrame) -> str | None:
    return next((column for column in frame.columns if normalize(column) in PLACES), None)


def _keyed_by_place(
    frame: pl.DataFrame, name: str, notes: list[str], made_by: list[str], *, surely: bool
) -> pl.DataFrame:
    """Make ids unique to a place where most of them occur in several."""
    place = _place(frame)
    if place is None:
        return frame
    places = frame.filter(pl.col(name).is_not_null()).group_by(name).agg(pl.col(place).n_unique())
    several = int((places[place] > 1).sum())
    if not surely and several < _REPEATED_SHARE * max(places.height, 1):
        return frame
    made_by.append(_PLACE)
    notes.append(
        f"{several:,} of {places.height:,} values of {name} occur in several values of {place}: "
        "they are read as one basket for each"
    )
    written = pl.col(place).cast(pl.String).fill_null("")
    unique = pl.format(f"{{}}{SEPARATOR}{{}}", name, written)
    return frame.with_columns(unique.alias(name))


def _split_by_time(
    frame: pl.DataFrame,
    name: str,
    time: str,
    notes: list[str],
    made_by: list[str],
    *,
    surely: bool,
) -> pl.DataFrame:
    """Split contexts whose id comes again after hours."""
    rows = frame.filter(pl.col(name).is_not_null())
    if not rows.height:
        return frame
    span = pl.col(time).max() - pl.col(time).min()
    spans = rows.group_by(name).agg(long=span > pl.duration(hours=_GAP_HOURS), rows=pl.len())
    several = spans.filter(pl.col("rows") > 1)
    long = int(several["long"].sum())
    if not long or (not surely and long < _REPEATED_SHARE * several.height):
        return frame
    made_by.append(_TIME)
    place = _place(frame)
    keys = [name] if place is None else [name, place]
    order = frame.with_row_index("_order").filter(pl.col(name).is_not_null())
    # where all lines of a receipt have one time, another time is another receipt
    together = order.select((pl.len().over(*keys, time) > 1).mean()).item()
    minutes = 0 if together >= _SAME_TIME_SHARE else _RECEIPT_MINUTES
    gap = pl.col(time) - pl.col(time).shift(1).over(keys)
    order = (
        order.sort(*keys, time)
        .with_columns(_part=(gap > pl.duration(minutes=minutes)).fill_null(value=False))
        .with_columns(pl.col("_part").cast(pl.Int32).cum_sum().over(keys))
    )
    has_owner = pl.col(name).str.contains(SEPARATOR, literal=True)
    owner = pl.when(has_owner).then(name).otherwise(pl.col(name) + SEPARATOR)
    part = pl.col("_part").cast(pl.String)
    if place is not None:
        part = pl.format("{} {}", pl.col(place).cast(pl.String).fill_null(""), part)
    unique = owner + SEPARATOR + part
    renamed = order.select("_order", unique.alias("_unique"))
    frame = (
        frame.with_row_index("_order")
        .join(renamed, on="_order", how="left", maintain_order="left")
        .with_columns(pl.coalesce("_unique", name).alias(name))
        .drop("_order", "_unique")
    )
    where = "" if place is None else f", each {place} apart"
    what = name.removesuffix("_id")
    notes.append(
        f"{long:,} of {several.height:,} values of {name} come again after more than "
        f"{_GAP_HOURS} hours, as receipt numbers do: they are read as one {what} each time{where}"
    )
    return frame
