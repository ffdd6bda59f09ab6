"""Random tables and damaged files: every row is used or set aside, or the table is refused."""

from datetime import date, datetime, time, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data

NAMES = [
    *("product_id", "sku", "user_id", "Customer", "order_id", "basket_id", "session_id", "event"),
    *("type", "timestamp", "date", "time", "created_at", "quantity", "qty", "price", "title"),
    *("status", "state", "cancelled", "is_test", "position", "foo", "store", "is_purchase", "Name"),
    *("Lineitem name", "categories", "locale", "event_id", "", "_x", "parent_id", "brand"),
]
POOLS = [
    *(["a", "b", "c"], ["1", "2", "1.0"], ["0", "guest", "u1"], ["(not set)", "Total", "x", None]),
    *(["view", "purchase", "cart", "refund", "zzz"], ["view", "purchase"], ["10:00", "11:30"]),
    *(["2024-01-01", "2024-01-02 10:00", "2024-01-01T10:00:00Z"], ["01/02/24", "13/02/24"]),
    *(["20240101090000", "202401010900", "1704100000"], [1704100000, 1704200000, 5]),
    *([1.5, float("nan"), float("inf"), 2.0], ["1.299 €", "12,50", "$5", "n/a", ""]),
    *(["cancelled", "paid", "partially_refunded", None], ["true", "false", "", None]),
    *([True, False, None], [None], [b"\xff\x00", b"ab"], [["a"], ["b", "c"], None]),
    *([{"a": 1}, {"a": 2}], [date(2024, 1, 1), date(2099, 1, 1)], [time(10)], [timedelta(1)]),
    *([datetime(2024, 1, 1, 10), datetime(1970, 1, 1)], ["4.05E+12", "2"], ["", " ", "\u200b"]),
    *(["é", "NAN", "nan", "None"], [10**18, 2**62, -1], ["9" * 400, "x" * 5000]),
]


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 8))
    columns = draw(st.lists(st.sampled_from(NAMES), max_size=7, unique=True))
    columns = list(
        dict.fromkeys([*columns, *draw(st.sampled_from([[], ["product_id", "user_id"]]))])
    )
    values = st.sampled_from(POOLS).flatmap(
        lambda pool: st.lists(st.sampled_from(pool), min_size=rows, max_size=rows)
    )
    return pl.DataFrame({name: draw(values) for name in columns}, strict=False)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables(), as_products=st.booleans())
def test_every_row_of_a_random_table_is_used_or_set_aside_or_the_table_is_refused(
    table, as_products
):
    frames = {"products" if as_products else "events": table}
    if as_products:
        frames["events"] = pl.DataFrame({"product_id": ["a", "b"], "user_id": ["u", "v"]})
    try:
        data = Dataset.from_frames(**frames, max_bad_share=1.0)
    except DataError:
        return
    assert data.events.height + data.quarantine.rows_removed("events") == frames["events"].height
    assert data.events["product"].max() is None or data.events["product"].max() < len(data.catalog)
    assert data.report.lines()


EVENTS = "product_id,user_id,event_type,event_time\n" + "".join(
    f"P{i % 3},U{i},view,2024-01-01 10:0{i}:00\n" for i in range(9)
)
JSON = "".join(f'{{"sku": "P{i % 3}", "customer": "U{i}", "ts": 17041000{i}0}}\n' for i in range(9))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("events.csv", EVENTS.encode()),
        ("events.csv", EVENTS.encode("utf-16")),
        ("events.jsonl", JSON.encode()),
    ],
)
@settings(max_examples=25, deadline=None)
@given(flips=st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), min_size=1))
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, name, content, flips):
    damaged = bytearray(content)
    for place, byte in flips:
        damaged[place % len(damaged)] = byte
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / name).write_bytes(bytes(damaged))
    try:
        data = load_data(folder, max_bad_share=1.0)
    except DataError:
        return
    read = data.quarantine.rows_read(name)
    assert data.events.height + data.quarantine.rows_removed(name) == read
