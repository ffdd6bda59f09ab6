"""Tables in .zst, .zip and .xlsx files, and in the folders of Hive and Spark."""

import io
import re
import struct
import zipfile
from datetime import datetime

import openpyxl
import polars as pl
import pytest
import zstandard

from goeswith.core.errors import DataError
from goeswith.data import text_encoding

EVENTS = "basket_id,product_id\n1,a\n1,b\n2,a\n"


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__dot__", "."), content)
    return out.getvalue()


def sheet(*rows, more=()):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for title, cells in more:
        book.create_sheet(title).append(cells)
        book[title].append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parquet():
    out = io.BytesIO()
    pl.DataFrame({"basket_id": [1, 1, 2], "product_id": ["a", "b", "a"]}).write_parquet(out)
    return out.getvalue()


OTHER_ZIP = re.sub(rb"(PK\x01\x02..).", b"\\1\xda", sheet(["a"]), flags=re.DOTALL)
"""A spreadsheet that needs a later version of zip."""
UNDERSTATED = zipped(sheet__dot__xml=b" " * 2**22).replace(struct.pack("<L", 2**22), b"\x10\0\0\0")
"""A spreadsheet with a member that unpacks to more than the archive states."""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("events.csv.zst", zstandard.compress(EVENTS.encode())),
        ("EVENTS.CSV.ZST", zstandard.compress(EVENTS.encode())),
        ("events.parquet.zst", zstandard.compress(parquet())),
        ("events.csv.zip", zipped(events__dot__csv=EVENTS)),
        ("events.parquet.zip", zipped(events__dot__parquet=parquet())),
        ("events.xlsx", sheet(["basket_id", "product_id"], [1, "a"], [1, "b"], [2, "a"])),
    ],
)
def test_packed_tables_are_read_as_plain_ones(load, name, content):
    data = load({name: content})
    assert data.events["basket_id"].to_list() == ["1", "1", "2"]
    assert data.quarantine.files == [name]


def test_parts_may_be_packed_differently(load):
    data = load(
        {
            "events_1.csv.zst": zstandard.compress(EVENTS.encode()),
            "events_3.csv.zst": zstandard.compress(b"basket_id,product_id\n")
            + zstandard.compress(b"4,a\n"),
            "events_2.csv": "basket_id,product_id\n3,a\n3,b\n",
        }
    )
    assert data.events.height == 6


def test_zip_with_the_folder_that_macos_adds(load):
    members = {"x/events.csv": EVENTS, "__MACOSX/x/._events.csv": "x", "x/.DS_Store": "x"}
    assert load({"events.csv.zip": zipped(**members)}).events.height == 3


def test_errors_of_the_content_name_the_packed_file(load):
    with pytest.raises(DataError, match=r"shop/events\.csv\.zip: the header has the column 'a'"):
        load({"events.csv.zip": zipped(orders__dot__csv="a,a\n1,2\n")})


def test_spreadsheet_values_are_those_that_a_reader_sees(load):
    rows = (["order_id", "sku", "order_date", "qty"], [17850, "A", datetime(2024, 5, 1, 10), 2])
    data = load({"events.xlsx": sheet(*rows, [17850, 123, datetime(2024, 5, 1, 10), 1])})
    assert data.events["timestamp"][0] == datetime(2024, 5, 1, 10)
    assert data.catalog.ids.to_list() == ["123", "A"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("events.csv.zst", b"\x28\xb5\x2f\xfdjunk", "is not a complete zstd file"),
        ("events.csv.zst", zstandard.compress(EVENTS.encode())[:-4], "its end is missing"),
        ("events.csv.zip", b"PK\x03\x04junk", "is not a complete zip archive"),
        ("events.csv.zip", zipped(a="1", b="2"), "must hold one file, and holds a, b; unpack it"),
        ("events.xlsx", b"junk", "is not a complete spreadsheet"),
        ("events.xlsx", OTHER_ZIP, "is not a complete spreadsheet"),
        ("events.xlsx", sheet(["basket_id"], more=[("x", [1]), ("y", [2])]), "the sheets 'x', 'y'"),
        ("events.csv.zst", zstandard.compress(b"0" * 2**22), "more than 200 times as many"),
        ("events.csv.zip", zipped(e=b"0" * 2**22), "more than 200 times as many"),
        ("events.xlsx", UNDERSTATED, "more than 200 times as many"),
    ],
    ids=[
        "zst",
        "short zst",
        "zip",
        "two",
        "xlsx",
        "xlsx of a later zip",
        "sheets",
        "zst bomb",
        "zip bomb",
        "xlsx bomb",
    ],
)
def test_packed_files_that_cannot_be_read_are_refused(load, monkeypatch, name, content, message):
    monkeypatch.setattr(text_encoding, "_ALWAYS_UNPACKED", 2**20)
    with pytest.raises(DataError, match=message) as error:
        load({name: content})
    assert "goeswith-" not in str(error.value)


def test_values_of_hive_folders_are_unescaped(load):
    data = load(
        {
            "events/user_id=a%3Ab/part-0.csv": EVENTS,
            "events/user_id=__HIVE_DEFAULT_PARTITION__/part-0.csv": "basket_id,product_id\n3,a\n",
            "events/_SUCCESS": "",
        }
    )
    assert sorted(data.events["user_id"].to_list(), key=str) == [None, "a:b", "a:b", "a:b"]


def test_a_zipped_export_of_a_shop(imported):
    lines = "order_number,status,item_sku,item_name,item_quantity\n1,completed,A,Cap,1\n"
    book = sheet(
        ["order_number", "status", "item_sku", "item_name", "item_quantity"],
        [2, "completed", "B", "Hat", 1],
    )
    done = imported("woocommerce", {"o.csv.zip": zipped(o__dot__csv=lines), "o.xlsx": book})
    events = pl.read_parquet(done.folder / "events.parquet")
    assert events["basket_id"].to_list() == ["1", "2"]
