import gzip
import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.data.quarantine import Quarantine
from goeswith.data.tables import read_table


@pytest.fixture
def read(tmp_path):
    """A function: file name and bytes -> the table and its quarantine."""

    def call(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        quarantine = Quarantine()
        return read_table(path, quarantine), quarantine

    return call


def parquet(frame, tmp_path):
    frame.write_parquet(tmp_path / "whole.parquet")
    return (tmp_path / "whole.parquet").read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "a,b\n1,x\n2,y\n"),
        ("t.tsv", "a\tb\n1\tx\n2\ty\n"),
        ("t.jsonl", '{"a": "1", "b": "x"}\n{"a": "2", "b": "y"}\n'),
        ("t.ndjson", '{"a": "1", "b": "x"}\n\n{"b": "y", "a": "2"}'),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_text_formats_read_the_same_rows_plain_or_packed(read, name, content, packed):
    data = gzip.compress(content.encode()) if packed else content
    frame, quarantine = read(name + ".gz" if packed else name, data)
    assert frame.select("a", "b").rows() == [("1", "x"), ("2", "y")]
    assert frame["_row"][0] == 1
    assert quarantine.counts().is_empty()


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_reads_with_row_numbers_plain_or_packed(read, tmp_path, packed):
    data = parquet(pl.DataFrame({"a": [7, 8]}), tmp_path)
    name, data = ("t.parquet.gz", gzip.compress(data)) if packed else ("t.parquet", data)
    assert read(name, data)[0].rows() == [(1, 7), (2, 8)]


def test_ragged_lines_are_set_aside_with_their_row_number_and_text(read):
    frame, quarantine = read("t.csv", "a,b\n1,x\n2\n3,y,z\n\n4,w\n")
    assert frame.rows() == [(1, "1", "x"), (4, "4", "w")]
    aside = quarantine.rows.sort("row").select("file", "row", "reason", "value").rows()
    assert aside == [
        ("t.csv", 2, "the line has 1 fields and the header 2", "2"),
        ("t.csv", 3, "the line has 3 fields and the header 2", "3,y,z"),
    ]


def test_row_numbers_hold_across_blocks_of_a_large_file(read, monkeypatch):
    monkeypatch.setattr("goeswith.data.delimited._BLOCK_BYTES", 1000)
    lines = [f"{i},x" if i % 7 else f"{i}" for i in range(1, 2001)]
    frame, quarantine = read("t.csv", "a,b\n" + "\n".join(lines))
    assert frame["_row"].cast(pl.String).to_list() == frame["a"].to_list()
    aside = quarantine.rows
    assert aside["row"].cast(pl.String).to_list() == aside["value"].to_list()
    assert frame.height + aside.height == quarantine.rows_read("t.csv") == 2000


def test_a_quoted_field_may_hold_delimiters_quotes_and_line_breaks(read):
    frame, _ = read("t.csv", 'a,b\n1,"x, ""y""\nz"\n2,12" pan\n')
    assert frame["b"].to_list() == ['x, "y"\nz', '12" pan']


@pytest.mark.parametrize(
    "content",
    ['a,b\n1,x\n2,"open\n3,y\n4,z\n', 'a,b\n1,x\n2,"open\n3,"y"\n4,z\n'],
    ids=["to the end", "to the next mark"],
)
def test_an_unclosed_quotation_mark_is_an_error_and_swallows_no_lines(read, content):
    with pytest.raises(DataError, match="line 3: a quotation mark is opened and not closed"):
        read("t.csv", content)


def test_an_unclosed_quotation_mark_in_a_large_file_is_found_too(read, monkeypatch):
    monkeypatch.setattr("goeswith.data.delimited._BLOCK_BYTES", 1000)
    with pytest.raises(DataError, match="line 2: a quotation mark"):
        read("t.csv", 'a,b\n1,"open\n' + "2,x\n" * 1000)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "a;b;c\n1;2;3\n", "separated by a semicolon where a comma is expected"),
        ("t.csv", "a\tb\n1\t2\n", "separated by a tab .*: save it as .tsv"),
        ("t.csv", "a|b\n1|2\n", "separated by a vertical bar"),
        ("t.tsv", "a,b\n1,2\n", "separated by a comma where a tab is expected"),
        ("t.csv", "", "is empty"),
        ("t.csv", "\n\n", "is empty"),
        ("t.csv", "a,b\n", "has no rows"),
        ("t.csv", "a,a\n1,2\n", "column 'a' twice"),
        ("t.csv", "a,,b\n1,2,3\n", "a column without a name"),
        ("t.csv", b"a,b\n1,caf\xe9\n", "line 2: the byte 0xe9 is not UTF-8"),
        ("t.csv", "a,b\n1,2\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        ("t.csv.gz", b"a,b\n1,2\n", "is not a complete gzip file"),
        (
            "t.csv.gz",
            gzip.compress(b"a,b\n" + b"1,2\n" * 9999, mtime=0)[:-9],
            "is not a complete gzip file",
        ),
        ("t.csv", "_row,b\n1,2\n", "reserved"),
        ("t.jsonl", '{"_row": 1}', "reserved"),
        ("t.jsonl", "", "is empty"),
        (
            "t.jsonl.gz",
            gzip.compress(b'{"a": 1}\n' * 9999, mtime=0)[:-9],
            "is not a complete gzip file",
        ),
        ("t.parquet", b"", "is empty"),
        ("t.parquet", b"PAR1 and then nothing", "truncated or damaged"),
        ("t.parquet.gz", b"PAR1", "truncated or damaged"),
        ("t.ods", b"PK", "supported formats are .parquet, .csv"),
        ("t.xlsx", b"PK", "is not a complete spreadsheet"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_what_to_do(read, name, content, message):
    with pytest.raises(DataError, match=message) as raised:
        read(name, content)
    assert name in str(raised.value)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.999])
def test_a_truncated_parquet_file_is_a_clear_error(read, tmp_path, share):
    data = parquet(pl.DataFrame({"a": list(range(5000))}), tmp_path)
    with pytest.raises(DataError, match="truncated or damaged"):
        read("cut.parquet", data[: int(len(data) * share)])


@pytest.mark.parametrize("name", ["t.csv.gz", "t.jsonl.gz", "t.parquet.gz"])
def test_a_packed_file_that_unpacks_without_bound_is_refused(read, monkeypatch, name):
    monkeypatch.setattr("goeswith.data.text_encoding._ALWAYS_UNPACKED", 2**16)
    row = b'{"a": "1", "b": "2"}\n' if "json" in name else b"1,2\n"
    head = b"" if "json" in name else b"a,b\n"
    with pytest.raises(DataError, match="more than 200 times as many"):
        read(name, gzip.compress(head + row * 50_000, mtime=0))


def test_a_parquet_file_that_unpacks_without_bound_is_refused(read, monkeypatch, tmp_path):
    monkeypatch.setattr("goeswith.data.text_encoding._ALWAYS_UNPACKED", 2**20)
    data = parquet(pl.DataFrame({"a": ["one text of many letters"] * 10**5}), tmp_path)
    with pytest.raises(DataError, match="more than 200 times as many"):
        read("t.parquet", data)


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_a_line_without_end_is_refused(read, monkeypatch, name):
    monkeypatch.setattr("goeswith.data.text_encoding.MAX_LINE", 2**16)
    with pytest.raises(DataError, match="has a line longer than"):
        read(name, b"a" * 2**18)


def test_a_parquet_column_of_a_type_that_is_not_read_is_named(read, tmp_path):
    import pyarrow as pa
    from pyarrow import parquet as writer

    column = pa.array([1, 2], pa.decimal256(50, 2))
    writer.write_table(pa.table({"price": column}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="column 'price' has the type decimal256"):
        read("t.parquet", (tmp_path / "t.parquet").read_bytes())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*gone\.csv"):
        read_table(tmp_path / "gone.csv", Quarantine())


def test_lines_that_are_no_json_object_are_set_aside(read):
    frame, quarantine = read("t.jsonl", '{"a": 1}\nnot json\n[1, 2]\n{"a": null, "b": true}\n')
    assert frame.rows() == [(1, 1, None), (4, None, True)]
    assert quarantine.rows["row"].to_list() == [2, 3]


def test_a_json_column_of_several_kinds_becomes_text(read):
    frame, _ = read("t.jsonl", '{"a": 1}\n{"a": "x"}\n{"a": [1, 2]}\n')
    assert frame["a"].to_list() == ["1", "x", "[1, 2]"]


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(
        st.one_of(
            st.lists(st.text("ab0 \"'é€", max_size=4), min_size=1, max_size=4).map(",".join),
            st.text('a,"\n\r;', max_size=12),
        ),
        max_size=12,
    )
)
def test_a_csv_file_loses_no_row_and_raises_nothing_but_a_clear_error(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("fuzz") / "t.csv"
    path.write_text("a,b\n" + "\n".join(lines), encoding="utf-8")
    quarantine = Quarantine()
    try:
        frame = read_table(path, quarantine)
    except DataError:
        return
    numbers = sorted([*frame["_row"], *quarantine.rows["row"]])
    assert numbers == list(range(1, quarantine.rows_read("t.csv") + 1))
    if not any('"' in line for line in lines):
        written = [part for line in lines for part in line.replace("\r", "\n").split("\n") if part]
        assert len(numbers) == len(written)


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(
        st.one_of(
            st.dictionaries(
                st.sampled_from("ab"),
                st.one_of(
                    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)
                ),
            ).map(json.dumps),
            st.text('{}[]"a1:,', min_size=1, max_size=8),
        ),
        min_size=1,
        max_size=10,
    )
)
def test_a_json_lines_file_loses_no_line(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("fuzz") / "t.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    quarantine = Quarantine()
    try:
        frame = read_table(path, quarantine)
    except DataError as error:
        assert "no line is a JSON object" in str(error)
        return
    assert sorted([*frame["_row"], *quarantine.rows["row"]]) == list(range(1, len(lines) + 1))


@settings(max_examples=60, deadline=None)
@given(flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1))
def test_a_damaged_parquet_file_is_never_a_traceback(tmp_path_factory, flips):
    folder = tmp_path_factory.mktemp("fuzz")
    data = bytearray(parquet(pl.DataFrame({"a": ["x", "y"] * 50, "b": range(100)}), folder))
    for place, byte in flips:
        data[place % len(data)] = byte
    (folder / "t.parquet").write_bytes(bytes(data))
    try:
        read_table(folder / "t.parquet", Quarantine())
    except DataError as error:
        assert "t.parquet" in str(error)
