"""Which events an update recognises, at the level of frames."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.store.counted_contexts import CountedContexts

START = datetime(2024, 3, 1, 9)


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Events as `clean_events` returns them."""
    schema = {
        "product": pl.Int32,
        "event": pl.String,
        "user_id": pl.String,
        "session_id": pl.String,
        "basket_id": pl.String,
        "timestamp": pl.Datetime("us"),
    }
    used = [name for name in schema if any(row.get(name) is not None for row in rows)]
    return pl.DataFrame(
        [{"event": "purchase", **row} for row in rows],
        schema={name: schema[name] for name in [*used, "event"]},
    )


def basket(number: int, products: str = "ab", *, hours: float = 0, **more: Any) -> list[dict]:
    when = START + timedelta(hours=number + hours)
    return [
        {"basket_id": f"b{number}", "product": ord(p) - 97, "timestamp": when, **more}
        for p in products
    ]


def days(*numbers: int, hours: float = 0) -> list[dict[str, Any]]:
    """One user's purchases without baskets, two products a day."""
    return [
        {
            "user_id": "u1",
            "product": (2 * day + i) % 7,
            "timestamp": START + timedelta(days=day, hours=hours),
        }
        for day in numbers
        for i in range(2)
    ]


def untimed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "timestamp"} for row in rows]


def shifted(rows: list[dict[str, Any]], **by: float) -> list[dict[str, Any]]:
    return [{**row, "timestamp": row["timestamp"] + timedelta(**by)} for row in rows]


def only_dates(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**row, "timestamp": row["timestamp"].replace(hour=0, minute=0, second=0)} for row in rows
    ]


def as_views(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "event": "view"} for row in rows]


def of_session(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "basket_id": None, "session_id": row["basket_id"]} for row in rows]


OLD = [*basket(1), *basket(2, "bcd"), *basket(3, "ae")]
NEW = [*basket(4, "ce"), *basket(5, "abd")]

KNOWN_AND_NEW = {
    "the same rows": (OLD, OLD, []),
    "a rolling export": (OLD, [*OLD[2:], *NEW], NEW),
    "rows in another order": (OLD, [*NEW, *reversed(OLD)], NEW),
    "baskets later by a zone": (OLD, [*shifted(OLD, hours=9), *NEW], NEW),
    "baskets earlier by a zone": (OLD, [*shifted(OLD, hours=-8), *NEW], NEW),
    "dates without a time of day": (OLD, [*only_dates(OLD), *NEW], NEW),
    "counted as dates, exported with times": (only_dates(OLD), [*OLD, *basket(40)], basket(40)),
    "no times in the file": (OLD, [*untimed(OLD), *untimed(NEW)], NEW),
    "no times in the counts": (untimed(OLD), [*OLD, *NEW], NEW),
    "no times at all": (untimed(OLD), untimed([*OLD, *NEW]), NEW),
    "a line added to a basket": (OLD, [*OLD, *basket(3, "g"), *NEW], NEW),
    "a line taken from a basket": (OLD, [*OLD[:-1], *NEW], NEW),
    "a basket cut by the export": ([*OLD, *basket(4, "c")], [*OLD[2:], *NEW], basket(5, "abd")),
    "a receipt number that returns": (OLD, basket(1, "cd", hours=30), basket(1, "cd", hours=30)),
    "the same receipt a week later": (OLD, basket(1, hours=168), basket(1, hours=168)),
    "a session that goes on": (
        of_session(OLD),
        of_session([*OLD, *basket(3, "bf", hours=1)]),
        basket(3, "bf", hours=1),
    ),
    "purchases after the views of a session": (
        of_session(as_views(OLD)),
        of_session([*as_views(OLD), *OLD]),
        OLD,
    ),
    "a user's rolling export": (days(1, 2, 3), days(2, 3, 4, 5), days(4, 5)),
    "a user's day that arrives late": (days(1, 2, 3), days(0, 2), days(0)),
    "a user's export as dates": (days(1, 2, 3), [*only_dates(days(1, 2, 3)), *days(4)], days(4)),
    "another user at the same time": (
        days(1, 2),
        [{**row, "user_id": "u2"} for row in days(1, 2)],
        days(1, 2),
    ),
}


@pytest.mark.parametrize("case", KNOWN_AND_NEW)
def test_only_events_of_counted_contexts_are_recognised(case: str, tmp_path: Path) -> None:
    old, file, new = KNOWN_AND_NEW[case]
    CountedContexts.of(frame(old)).save(tmp_path / "counted.safetensors")
    counted = CountedContexts.load(tmp_path / "counted.safetensors")
    overlap = counted.compare(frame(file))
    assert int((~overlap.is_counted).sum()) == len(new)
    assert overlap.undecided == 0
    products = frame(file).filter(~overlap.is_counted)["product"].sort().to_list()
    assert products == sorted(row["product"] for row in new)


def test_users_without_times_cannot_be_decided() -> None:
    counted = CountedContexts.of(frame(untimed(days(1, 2))))
    assert counted.compare(frame(untimed(days(1, 2)))).undecided == 0
    assert counted.compare(frame(untimed(days(1, 2, 3)))).undecided == 1


def test_baskets_under_other_ids_are_twins() -> None:
    counted = CountedContexts.of(frame(OLD))
    renamed = [{**row, "basket_id": f"x{row['basket_id']}"} for row in [*OLD, *NEW]]
    overlap = counted.compare(frame(renamed))
    assert (overlap.unmatched, overlap.twins) == (5, 3)
    assert overlap.within_times
    assert not counted.compare(frame(basket(900))).within_times


def test_what_two_updates_counted_is_recognised_in_the_third() -> None:
    counted = CountedContexts.of(frame(OLD)).merge(CountedContexts.of(frame(NEW)))
    assert counted.compare(frame([*OLD, *NEW])).is_counted.all()
    assert counted.merge(counted).contexts.height == counted.contexts.height


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6)), min_size=1, max_size=60),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_a_rolling_export_counts_every_basket_once(
    rows: list[tuple[int, int]], first: int, end: int
) -> None:
    """Baskets up to `end` are counted; the file has those from `first` on."""
    log = [row for number, product in rows for row in basket(number, chr(97 + product))]
    old = [row for row in log if int(row["basket_id"][1:]) <= end]
    file = [row for row in log if int(row["basket_id"][1:]) >= first]
    if not old or not file:
        return
    overlap = CountedContexts.of(frame(old)).compare(frame(file))
    expected = [int(row["basket_id"][1:]) <= end for row in file]
    assert overlap.is_counted.to_list() == expected
