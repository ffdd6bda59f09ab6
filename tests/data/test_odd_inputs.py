"""A table of odd inputs with the outcome of each: right, or refused with a remedy."""

import gzip
import json
from datetime import UTC, datetime, time, timedelta

import polars as pl
import pytest

from goeswith.core.errors import DataError

# without a time, so that each process that runs tests gives the test the same name
PACKED_TWICE = gzip.compress(gzip.compress(b"a", mtime=0), mtime=0)
HEADER = "product_id,user_id,basket_id,event,timestamp\n"
EVENTS = HEADER + "".join(
    f"P{i % 4},U{i},O{i},purchase,2024-01-{1 + i % 28:02} 10:00:00\n" for i in range(40)
)
PRODUCTS = "product_id,title,brand\nP0,Café,B\nP1,x,NAN\nP2,y,nan\nP3,z,None\n"
BASE = datetime(2024, 1, 1, 9)


def timed(form, count=40):
    """Events a week and three minutes apart, with times as `form` writes them."""
    lines = ["user_id,product_id,timestamp"]
    for i in range(count):
        moment = BASE + timedelta(days=7 * i, minutes=3 * i)
        written = form(moment) if callable(form) else moment.strftime(form)
        lines.append(f'u{i % 5},P{i % 4},"{written}"')
    return {"events.csv": "\n".join(lines) + "\n"}


def epoch(factor):
    return lambda moment: int(moment.replace(tzinfo=UTC).timestamp()) * factor


def spread(origin):
    """Times in steps of 100 ns since `origin`, as Windows counts them."""
    return lambda moment: (moment - origin) // timedelta(microseconds=1) * 10


def in_a_spreadsheet(moment):
    return (moment - datetime(1899, 12, 30)) / timedelta(days=1)


def early_day(moment):
    return moment.replace(month=1, day=1 + moment.day % 12).strftime("%d/%m/%Y")


FIRST, LAST = "2024-01-01 09:00:00", "2024-09-30 10:57:00"


@pytest.mark.parametrize(
    "form",
    [
        *("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%dT%H%M%SZ", "%Y%m%d %H:%M:%S", "%Y%m%d-%H%M%S"),
        *(
            "%y-%m-%d %H:%M",
            "%y-%m-%d %H:%M:%S",
            "%y/%m/%d %H:%M:%S",
            "%d.%m.%y %H:%M",
            "%d.%m.%Y %H:%M:%S",
        ),
        *("%m/%d/%y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y %H:%M", "%d-%m-%Y %H:%M"),
        *("%Y-%m-%d %H:%M:%S+00", "%Y-%m-%dT%H:%M:%S+00", "%Y-%m-%d %H:%M:%S.%f+00"),
        *("%Y-%m-%d %H:%M:%S+00:00:00", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S +0000 UTC"),
        *("%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S,%f", "%Y-%m-%dT%H:%M:%SZ", "%Y/%m/%d %H:%M"),
        *("%b %d, %Y %I:%M:%S %p", "%d-%b-%Y %H:%M:%S", "%d %B %Y %H:%M", "%B %d %Y %H:%M"),
        *("%a %b %d %H:%M:%S UTC %Y", "%a, %d %b %Y %H:%M:%S GMT", "%Y-%m-%d %I:%M:%S %p"),
        "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)",
        *(epoch(1), epoch(10**3), epoch(10**6), epoch(10**9)),
        lambda moment: (moment + timedelta(hours=5, minutes=30)).isoformat() + "+05:30",
        lambda moment: (moment - timedelta(hours=4)).strftime("%Y-%m-%d %H:%M:%S -0400"),
        lambda moment: (moment + timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S+02"),
        lambda moment: moment.isoformat() + "+00:00[Europe/London]",
    ],
)
def test_times_are_read_as_other_tools_write_them(load, form):
    report = load(timed(form)).report
    assert (report.first, report.last) == (FIRST, LAST)


@pytest.mark.parametrize("form", ["%Y%m%d", "%Y-%m-%d", "%d.%m.%Y", "%y/%m/%d", "%d %b %Y"])
def test_dates_are_read_as_other_tools_write_them(load, form):
    report = load(timed(form)).report
    assert (report.first, report.last) == ("2024-01-01 00:00:00", "2024-09-30 00:00:00")


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("%y%m%d%H%M%S", "not unix times"),
        ("%y%m%d%H%M", "timestamp is in the future"),
        ("%y%m%d", "not unix times"),
        ("%d%m%Y", "not unix times"),
        ("%Y-%j", "missing or invalid"),
        ("%Y-W%W-%w", "missing or invalid"),
        ("%H:%M %d/%m/%Y", "missing or invalid"),
        ("%Y-%m-%d %H:%M:%S EST", "missing or invalid"),
        (in_a_spreadsheet, "days of a spreadsheet"),
        (spread(datetime(1, 1, 1)), "not unix"),
        (spread(datetime(1601, 1, 1)), "not unix"),
        (lambda moment: f"{moment.timestamp() * 1000:.5E}", "missing or invalid"),
        (lambda moment: moment.replace(year=2200), "timestamp is in the future"),
        (lambda moment: moment.replace(year=1970), "timestamp is before 1980"),
        (early_day, "ambiguous"),
        (lambda moment: f"24-01-0{1 + moment.day % 9}", "ambiguous"),
    ],
)  # fmt: skip
def test_times_that_could_be_read_otherwise_are_refused(load, form, message):
    with pytest.raises(DataError, match=message):
        load(timed(form))


@pytest.mark.parametrize(
    "time_", ["2099-01-01 10:00", "9999-12-31", "1970-01-01 00:00", "0001-01-01"]
)  # fmt: skip
def test_one_time_that_cannot_be_is_set_aside(load, time_):
    files = timed("%Y-%m-%d %H:%M:%S")
    data = load({"events.csv": files["events.csv"] + f"u1,P1,{time_}\n"})
    assert (data.report.first, data.report.last) == (FIRST, LAST)
    assert data.quarantine.counts()["rows"].to_list() == [1]


LOCAL = timed("%Y-%m-%d %H:%M")["events.csv"]
TYPED = pl.DataFrame({"user_id": ["u"], "product_id": ["P1"], "timestamp": [BASE]})


@pytest.mark.parametrize(
    "files",
    [
        {"events.csv": LOCAL + "u,P1,2024-05-05T10:00:00Z\n"},
        {"events.csv": LOCAL + "u,P1,2024-05-05 10:00 +0200\n"},
        {"events.csv": LOCAL + "u,P1,1714900000\n"},
        {"events_1.csv": LOCAL, "events_2.csv": timed(epoch(1), 5)["events.csv"]},
        {
            "events_1.parquet": TYPED,
            "events_2.parquet": TYPED.with_columns(
                pl.col("timestamp").dt.replace_time_zone("UTC"), product_id=pl.lit("P2")
            ),
        },
    ],
    ids=["zulu", "offset", "unix", "files", "types"],
)
def test_local_times_beside_utc_need_the_zone(load, files):
    with pytest.raises(DataError, match=r"mixes times with a zone .* and without one .*set zone"):
        load(files)
    data = load({}, zone="Europe/Berlin")
    assert data.report.first == "2024-01-01 08:00:00"


def test_local_times_are_moved_to_utc_by_the_zone(load):
    data = load(timed("%d.%m.%Y %H:%M"), zone="Europe/Berlin")
    assert (data.report.first, data.report.last) == ("2024-01-01 08:00:00", "2024-09-30 08:57:00")


def test_dates_beside_times_do_not_make_an_order(load):
    lines = [
        *("user_id,product_id,event,timestamp", "u,a,view,2024-01-01 10:00"),
        *("u,b,view,2024-01-01 11:00", "u,b,purchase,2024-01-01"),
        *("u,a,view,2024-01-02 10:00", "v,a,view,2024-01-01 10:00"),
    ]
    data = load({"events.csv": "\n".join(lines)})
    day = datetime(2024, 1, 1)
    assert data.events["timestamp"].to_list() == [
        *(day, day, day, datetime(2024, 1, 2, 10), datetime(2024, 1, 1, 10))
    ]
    assert "20.0% of the timestamps are dates without a time of day" in data.report.notes[0]


def test_the_order_of_dates_is_a_setting(load):
    files = {"events.csv": "user_id,product_id,timestamp\nu,a,01/02/24\nu,b,02/02/24\n"}
    with pytest.raises(DataError, match="set date_order under"):
        load(files)
    for order, first in (("dmy", "2024-02-01"), ("mdy", "2024-01-02"), ("ymd", "2001-02-24")):
        assert load({}, date_order=order).report.first == f"{first} 00:00:00"


JSON = "\n".join(
    json.dumps({"product_id": f"P{i}", "title": "Café" if i == 1 else "x"}, ensure_ascii=False)
    for i in range(40)
)


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        ({"products.csv": PRODUCTS.encode()}, {}),
        ({"products.csv": b"\xef\xbb\xbf" + PRODUCTS.encode()}, {}),
        ({"products.csv": PRODUCTS.encode("utf-16")}, {}),
        ({"products.csv": PRODUCTS.encode("utf-32")}, {}),
        ({"products.csv.gz": gzip.compress(PRODUCTS.encode("utf-16"))}, {}),
        ({"products.csv": gzip.compress(PRODUCTS.encode())}, {}),
        ({"products.csv": PRODUCTS.replace("\n", "\r\n").encode()}, {}),
        ({"products.csv": PRODUCTS.replace("\n", "\r").encode()}, {}),
        ({"products.tsv": PRODUCTS.replace(",", "\t").encode()}, {}),
        ({"products.jsonl": JSON.encode()}, {}),
        ({"products.jsonl": JSON.encode("utf-16")}, {}),
        ({"products.jsonl": b"\xef\xbb\xbf" + JSON.encode()}, {}),
        ({"products.ndjson.gz": gzip.compress(JSON.encode())}, {}),
    ],
)
def test_text_is_read_in_the_encoding_that_a_file_shows(load, files, settings):
    data = load({**files, "events.csv": EVENTS}, **settings)
    assert "Café" in data.catalog.text("title")
    assert data.report.events == {"purchase": 40}


@pytest.mark.parametrize("name", ["products.csv", "products.jsonl"])
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le"])
def test_text_in_another_encoding_is_refused_until_it_is_set(load, name, encoding):
    content = PRODUCTS if name.endswith("csv") else "\n".join(JSON.split("\n")[:4])
    with pytest.raises(DataError, match=r"(?s)UTF-8.*set encoding"):
        load({name: content.encode(encoding)})
    data = load({}, encoding=encoding)
    assert "Café" in data.catalog.text("title")


def test_one_undecodable_line_of_many_is_set_aside_with_the_remedy(load):
    data = load({"products.jsonl": JSON.encode("latin-1")})
    row = data.quarantine.rows.row(0, named=True)
    assert (row["row"], len(data.catalog)) == (2, 39)
    assert "set encoding" in row["reason"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("events.jsonl", json.dumps([{"product_id": "a", "user_id": "u"}]), "is a JSON array"),
        ("events.jsonl", json.dumps({"product_id": "a"}, indent=1), "span several lines"),
        ("events.jsonl", "product_id,user_id\na,u\n", "no line is a JSON object"),
        ("events.jsonl", "{}\n{}\n", "it has no column"),
        ("events.jsonl", '{"product_id": {"id": 1}, "user_id": "u"}', "one value is expected"),
        ("events.csv", "1,2014-04-07T10:51:09.277Z,214536502,0,0\n" * 3, "seems to have no header"),
        ("events.csv", "2268318,2520377,pv,1511544070\n" * 3, "seems to have no header"),
        ("events.csv", "u1,P1,2024-01-01\nu2,P2,2024-01-02\n", "seems to have no header"),
        ("events.csv", b"PK\x03\x04rest", "a zip archive or a spreadsheet"),
        ("events.csv", b"PAR1rest", "a parquet file; name it .parquet"),
        ("events.csv", b"SQLite format 3\x00", "an SQLite database"),
        ("events.csv", b"\x28\xb5\x2f\xfdxx", "packed with zstd"),
        ("events.csv", b"BZh91AY", "packed with bzip2"),
        ("events.csv.gz", EVENTS, "is not a complete gzip file"),
        ("events.csv.gz", PACKED_TWICE, "packed with gzip twice"),
        ("events.csv", f'{HEADER}"{EVENTS[len(HEADER) :]}', "a quotation mark is opened and not"),
        ("events.parquet", EVENTS, "is not a complete parquet file"),
        ("events.csv", EVENTS.replace(",", ";"), "set delimiter = ';'"),
        ("events.csv", EVENTS.replace(",", "|"), "separated by a vertical bar"),
        ("events.csv", EVENTS.replace(",", "\t"), "save it as .tsv"),
        ("events.csv", ",".join(f"c{i}" for i in range(100_000)), "a column for each product"),
        ("events.jsonl", json.dumps({f"c{i}": i for i in range(20_000)}), "a key for each product"),
        ("events.csv", "product_id,user_id,_file\na,u,x\n", "reserved"),
        ("events.csv", "product_id,user_id\n4.05E+12,u\n4.05E+12,v\n", "a spreadsheet has rounded"),
        ("events.csv", "product_id,user_id\na,2.05301E+18\nb,2\n", "a spreadsheet has rounded"),
        ("events.csv", "product_id,name\na,x\n", "'user_id', 'session_id' or 'basket_id'"),
        ("events.csv", "order_id,seller_id\n1,s\n", "no column 'product_id'"),
        ("events.csv", "sep=;\nproduct_id;user_id\na;u\n", "a hint for spreadsheets"),
        ("events.csv", "'product_id','user_id'\n'a','u'\n", "in single quotation marks"),
        ("events.csv", '{"product_id": "a", "user_id": "u"}\n' * 3, "is JSON, not the names of"),
        ("events.csv", '[\n {"product_id": "a"}\n]\n', "is JSON, not the names of"),
        ("events.csv", "<!DOCTYPE html>\n<p>Sign in</p>\n", "a page of HTML or XML"),
        ("events.csv", "version https://git-lfs.github.com/spec/v1\nsize 1\n", "git lfs pull"),
        ("events.csv", "Orders of 2024\n\nproduct_id,user_id\na,u\n", "no column 'product_id'"),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else_is_refused_with_a_remedy(load, name, content, message):
    with pytest.raises(DataError, match=message):
        load({name: content})


def frame(**columns):
    return pl.DataFrame({"product_id": ["a", "b"], "user_id": ["u", "u"], **columns}, strict=False)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (frame(product_id=[{"a": 1}, {"a": 2}]), "where one value is expected"),
        (frame(product_id=[["a"], ["b"]]), "where one value is expected"),
        (frame(product_id=[2.0530135556318828e18, 1.0]), "rounds ids of that size"),
        (frame(timestamp=[timedelta(1), None]), "which is not a time"),
        (frame(timestamp=[time(10), None]), "which is not a time"),
        (frame(timestamp=[True, False]), "which is not a time"),
        (frame(timestamp=[1, 2]), "name the column 'position'"),
        (frame(event=[True, False]), "unknown name"),
        (frame(event=["view", None]), "event is missing"),
        (frame(quantity=["one", "two"]), "quantity is not a positive number"),
        (frame(title=[b"\xff\xfe", b"a"]), "not UTF-8 text"),
    ],
)
def test_columns_of_odd_types_are_refused(load, table, message):
    with pytest.raises(DataError, match=message):
        load({"events.parquet": table})


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([1.0, 2.0], ["1", "2"]),
        (["1.0", "2.0"], ["1", "2"]),
        (["1.0", "2"], ["1", "2"]),
        (["1.0", "1.5"], ["1.0", "1.5"]),
        (["1.0", "2", "3.0", "guest"], ["1", "2", "3", "guest"]),
        (["01.0", "2.0"], ["01.0", "2.0"]),
        (["00123", "12.0"], ["00123", "12.0"]),
        (["A1.0", "2.0"], ["2.0", "A1.0"]),
        ([" a\u00a0", "b\u200b"], ["a", "b"]),
        ([b"a", b"b"], ["a", "b"]),
        ([b"\xff\x01", b"\xfe"], ["fe", "ff01"]),
        (
            [bytes(range(16)), bytes(range(1, 17))],
            ["00010203-0405-0607-0809-0a0b0c0d0e0f", "01020304-0506-0708-090a-0b0c0d0e0f10"],
        ),
    ],
)
def test_ids_are_the_same_however_a_tool_has_stored_them(load, ids, expected):
    table = pl.DataFrame({"product_id": ids, "user_id": ["u"] * len(ids)})
    assert load({"events.parquet": table}).catalog.ids.to_list() == expected


def test_ids_with_a_decimal_in_text_meet_those_without(load):
    events = "product_id,user_id,basket_id\n1.0,17850.0,5.0\n2.0,,5.0\n"
    data = load({"events.csv": events, "products.csv": "product_id\n1\n2\n"})
    assert data.events.select("product", "user_id", "basket_id").rows() == [
        (0, "17850", "5"),
        (1, None, "5"),
    ]


def test_nan_is_a_brand_in_capitals_and_a_missing_value_in_pandas(load):
    data = load({"products.csv": PRODUCTS})
    assert data.catalog.text("brand") == ["B", "NAN", None, None]


def test_a_lone_surrogate_in_json_is_set_aside(load):
    lines = [json.dumps({"product_id": f"P{i}", "title": "x"}) for i in range(30)]
    data = load({"products.jsonl": "\n".join([*lines, '{"product_id": "Q", "title": "\\ud800"}'])})
    assert len(data.catalog) == 30
    assert data.quarantine.rows["row"].to_list() == [31]


def test_zero_bytes_that_a_crash_leaves_are_no_part_of_an_id(load):
    late = "".join(f"P{i % 4},V{i},Q{i},purchase,2024-02-01 10:00:00\n" for i in range(200))
    data = load({"events.csv": EVENTS + late + "\0" * 60 + "P1,U1,O1,purchase,2024-01-01\n"})
    assert data.catalog.ids.to_list() == ["P0", "P1", "P2", "P3"]
    assert data.quarantine.counts()["reason"].to_list() == ["product_id is missing or unreadable"]


def test_a_wide_table_is_read(load):
    wide = ",".join(f"c{i}" for i in range(1000))
    data = load({"events.csv": f"product_id,user_id,{wide}\na,u,{wide}\n"})
    assert data.report.events == {"purchase": 1}
    assert "and 988 more" in data.report.lines()[0]


def test_prices_in_several_currencies_are_a_note(load):
    products = "product_id,title,price\nP0,A,$10\nP1,B,10 EUR\nP2,C,€ 5\nP3,D,7\n"
    notes = load({"events.csv": EVENTS, "products.csv": products}).report.notes
    assert [note for note in notes if "in several currencies (€, $)" in note]
    same = products.replace("$10", "EUR 10")
    assert not load({"events.csv": EVENTS, "products.csv": same}).report.notes


def test_one_time_for_all_events_is_a_note_where_it_makes_the_contexts(load):
    rows = [f"p{i % 7},u{i % 3},2024-05-01 10:00:00" for i in range(30)]
    table = "product_id,user_id,timestamp\n" + "\n".join(rows) + "\n"
    assert "every event has the time 2024-05-01" in load({"events.csv": table}).report.notes[0]
    orders = table.replace("user_id", "basket_id")
    assert not load({"events.csv": orders}).report.notes
