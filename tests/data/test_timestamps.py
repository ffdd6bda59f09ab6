from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.data.parsing.timestamps import timestamps


def read(values, **options):
    found = timestamps(pl.Series("timestamp", values), "events.csv", **options)
    assert (found.name, found.dtype) == ("timestamp", pl.Datetime("us"))
    return found.to_list()


MOMENT = datetime(2024, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    "value",
    [
        MOMENT,
        MOMENT.replace(tzinfo=UTC),
        datetime(2024, 1, 2, 5, 4, 5, tzinfo=timezone(timedelta(hours=2))),
        1704164645,
        1704164645.0,
        1704164645000,
        1704164645000000,
        1704164645000000000,
        "1704164645",
        "1704164645000",
        "2024-01-02 03:04:05",
        "2024-01-02T03:04:05.000Z",
        "2024-01-02T05:04:05+02:00",
        "2024-01-01 22:34:05 -0430",
        "2024-01-02 03:04:05 UTC",
        "2024/1/2 3:04:05",
        " 2024-01-02 03:04:05 ",
    ],
)
def test_one_moment_written_in_many_ways_is_one_moment(value):
    assert read([value]) == [MOMENT]


def test_one_column_may_mix_iso_text_and_unix_times():
    values = ["2024-01-02", "1704164645", "1704164645000", "2024-01-02 03:04"]
    midnight = datetime(2024, 1, 2)
    assert read(values, zone="UTC") == [midnight, MOMENT, MOMENT, datetime(2024, 1, 2, 3, 4)]
    with pytest.raises(DataError, match=r"mixes times with a zone .* and without one"):
        read(values)


def test_dates_are_their_midnight():
    assert read([date(2024, 1, 2), None]) == [datetime(2024, 1, 2), None]


@pytest.mark.parametrize("wrong", ["yesterday", "2024-02-31", "2024-13-01", "25:00", "12/40/2024"])
def test_a_text_that_is_no_time_is_null_and_the_others_are_read(wrong):
    assert read(["2024-01-02 03:04:05", wrong, None, ""]) == [MOMENT, None, None, None]


def test_numbers_that_are_no_time_are_null_and_the_others_are_read():
    assert read([1704164645, 0, -1, None]) == [MOMENT, None, None, None]
    assert read([1704164645.0, float("nan"), float("inf")]) == [MOMENT, None, None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["31/12/2024 18:05", "01/02/2024"], [(2024, 12, 31, 18, 5), (2024, 2, 1)]),
        (["12/31/2024 6:05 PM", "1/2/2024"], [(2024, 12, 31, 18, 5), (2024, 1, 2)]),
        (
            ["12/31/2010 12:05 am", "12/31/10 12:05 PM"],
            [(2010, 12, 31, 0, 5), (2010, 12, 31, 12, 5)],
        ),
        (["31.12.2024", "5-6-2024"], [(2024, 12, 31), (2024, 6, 5)]),
        (["05/05/2024"], [(2024, 5, 5)]),
    ],
)
def test_the_column_shows_whether_the_day_or_the_month_stands_first(values, expected):
    assert read(values) == [datetime(*parts) for parts in expected]


def test_a_column_where_day_and_month_cannot_be_distinguished_is_refused():
    with pytest.raises(DataError, match=r"events\.csv: .*'timestamp'.*no value decides it"):
        read(["1/2/2024", "3/4/2024"])


def test_a_column_that_mixes_day_first_and_month_first_is_refused():
    with pytest.raises(DataError, match=r"31/1/2024.*1/31/2024.*write the times as"):
        read(["31/1/2024", "1/31/2024"])


def test_small_numbers_are_a_position_and_not_a_time():
    with pytest.raises(DataError, match="name the column 'position'"):
        read([1, 2, 3])


@pytest.mark.parametrize("values", [[True], [[1]], [timedelta(1)]])
def test_a_column_of_another_kind_is_refused(values):
    with pytest.raises(DataError, match="which is not a time"):
        read(values)


def test_impossible_dates_do_not_decide_which_stands_first():
    assert read(["2/1/2024", "40/40/2024", "13/1/2024"])[0] == datetime(2024, 1, 2)
    assert read(["40/40/2024"]) == [None]


def test_one_stray_number_among_dates_is_null():
    assert read(["2024-01-02 03:04:05", "25"]) == [MOMENT, None]


@pytest.mark.parametrize("value", [1.6e109, 1e21, -1e300, 1e18 * 400])
def test_a_number_beyond_every_time_is_null(value):
    assert read([value, 1704164645.0]) == [None, MOMENT]


def test_a_column_without_any_value_is_null():
    assert read([None, None]) == [None, None]


MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1))


@settings(max_examples=50, deadline=None)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=5))
def test_iso_text_is_read_back_to_the_microsecond(moments):
    assert read([moment.isoformat() for moment in moments]) == moments


@settings(max_examples=50, deadline=None)
@given(moments=st.lists(MOMENTS, max_size=5), day_first=st.booleans())
def test_slashed_dates_are_read_back_once_one_value_decides(moments, day_first):
    form = "%d/%m/%Y %H:%M:%S" if day_first else "%m/%d/%Y %H:%M:%S"
    moments = [moment.replace(microsecond=0) for moment in [*moments, datetime(2001, 2, 28)]]
    assert read([moment.strftime(form) for moment in moments]) == moments


@settings(max_examples=50, deadline=None)
@given(seconds=st.lists(st.integers(315532800, 1980000000), min_size=1, max_size=5))
def test_unix_times_agree_in_seconds_and_milliseconds(seconds):
    assert read(seconds) == read([second * 1000 for second in seconds])


@settings(max_examples=80, deadline=None)
@given(values=st.lists(st.text("0123456789-/:. TZ+apm", max_size=20), min_size=1, max_size=4))
def test_any_text_is_a_time_or_null_or_a_clear_error(values):
    try:
        found = read(values)
    except DataError:
        return
    assert len(found) == len(values)
