"""What in a folder is a table: several files, folders and other names are read, or named."""

import gzip
import os
from pathlib import Path

import polars as pl
import pytest

from goeswith.core.errors import DataError
from goeswith.data.folder import load_data

HEADER = "product_id,user_id,basket_id,event,timestamp\n"


def month(number):
    lines = [
        f"P{i % 4},U{i},{number}-{i // 2},purchase,2024-0{number}-0{1 + i % 9} 10:00"
        for i in range(20)
    ]
    return HEADER + "\n".join(lines) + "\n"


JANUARY, FEBRUARY = month(1), month(2)
PRODUCTS = "product_id,type,title\n" + "".join(f"P{i},t,Title {i}\n" for i in range(4))
OTHER_NAMES = FEBRUARY.replace("timestamp", "event_time")
FRAME = pl.read_csv(JANUARY.encode())


@pytest.mark.parametrize(
    "name",
    [
        *("events_2024-02.csv", "events-02.csv", "events_2.csv", "events2.csv", "events_feb.csv"),
        *("events.2024-02.csv", "events_part2.csv", "EVENTS_2.CSV", "events_2.csv.gz"),
        *("events_2024Q1.csv", "events_2024W05.csv", "events_2024-02-01T00.csv", "Events 2.csv"),
    ],
)
def test_files_of_a_table_with_numbers_and_dates_are_read_together(load, name):
    content = gzip.compress(FEBRUARY.encode()) if name.endswith("gz") else FEBRUARY
    data = load({"events.csv": JANUARY, name: content, "products.csv": PRODUCTS})
    assert data.report.events == {"purchase": 40}
    assert data.report.tables[1].files == ["events.csv", name]


@pytest.mark.parametrize(
    ("files", "events"),
    [
        ({"events_1.csv": JANUARY, "events_2.csv": FEBRUARY}, 40),
        ({"events.parquet/part-0.snappy.parquet": FRAME, "events.parquet/_SUCCESS": ""}, 20),
        ({"events.csv/part-0.csv": JANUARY, "events.csv/part-1.csv": FEBRUARY}, 40),
        ({"events/jan.csv": JANUARY, "events/feb.csv": FEBRUARY, "events/.jan.csv.crc": "x"}, 40),
        ({"events/month=1/a.csv": JANUARY, "events/month=2/a.csv": FEBRUARY}, 40),
        ({"EVENTS.CSV": JANUARY}, 20),
        ({"events.csv.gz": gzip.compress(JANUARY.encode())}, 20),
        ({"Events.parquet": FRAME}, 20),
        ({"events_1.parquet": FRAME, "events_2.csv": FEBRUARY}, 40),
        (
            {"events_1.csv": JANUARY, "events_2.csv": FEBRUARY.replace("timestamp", "event_time")},
            40,
        ),
        ({"events.csv": gzip.compress(JANUARY.encode())}, 20),
        ({"events.csv": JANUARY, "events.csv.bak": FEBRUARY}, 20),
        ({"events.csv": JANUARY, "_events_old.csv": FEBRUARY}, 20),
    ],
)
@pytest.mark.parametrize(
    "products",
    [
        {"products.csv": PRODUCTS},
        {"products.CSV": PRODUCTS},
        {"products.parquet/part-00000.parquet": pl.read_csv(PRODUCTS.encode())},
        {"Products.CSV.GZ": gzip.compress(PRODUCTS.encode())},
    ],
    ids=["csv", "upper", "folder", "packed"],
)
def test_a_table_is_read_however_its_files_are_laid_out(load, files, events, products):
    data = load({**files, **products})
    assert data.report.events == {"purchase": events}
    assert data.catalog.text("title") == ["Title 0", "Title 1", "Title 2", "Title 3"]


def test_columns_in_names_of_folders_are_columns(load):
    without = FRAME.drop("event")
    files = {"events/event=view/a.parquet": without, "events/event=purchase/a.parquet": without}
    assert load(files).report.events == {"purchase": 20, "view": 20}


def test_lines_of_overlapping_exports_count_once(load):
    both = JANUARY + FEBRUARY.split("\n", 1)[1]
    data = load({"events_1.csv": JANUARY, "events_2.csv": both})
    assert data.report.events == {"purchase": 40}
    aside = data.quarantine.counts().row(0, named=True)
    assert (aside["file"], aside["rows"], aside["expected"]) == ("events_2.csv", 20, True)
    assert aside["reason"] == "the same line is in another file of the table"


def test_a_bad_row_of_one_of_several_files_is_reported_with_its_file(load):
    data = load({"events_1.csv": JANUARY, "events_2.csv": FEBRUARY + "P1,,,purchase,2024-02-01\n"})
    row = data.quarantine.rows.row(0, named=True)
    assert (row["file"], row["row"]) == ("events_2.csv", 21)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"events_old.csv": FEBRUARY}, r"events_old\.csv looks like the table events"),
        ({"events (1).csv": FEBRUARY}, r"events \(1\)\.csv looks like the table events"),
        ({"events - Copy.csv": FEBRUARY}, "Give it a number or a date"),
        ({"events_web.csv": FEBRUARY}, r"events_web\.csv looks like"),
        ({"event_2.csv": FEBRUARY}, "in the plural"),
        ({"events_2.csv": JANUARY}, "have the same content, which would count twice"),
        ({"events.tsv": JANUARY.replace(",", "\t")}, r"has events\.csv and events\.tsv"),
        ({"Events.CSV": JANUARY}, r"has Events\.CSV and events\.csv; remove one"),
        ({"catalog.csv": PRODUCTS}, r"may be the table products.*Name it products\.csv"),
        ({"items.parquet": FRAME}, r"may be the table products.*Name it products\.parquet"),
        ({"product.csv": PRODUCTS}, "product.csv may be the table products|in the plural"),
        ({"products.ods": b"PK\x03\x04"}, r"products\.ods .*save it as \.csv or \.parquet"),
        ({"products.json": "[]"}, "one JSON object a line"),
        ({"products.txt": PRODUCTS}, r"name it \.csv or \.tsv"),
        ({"products": PRODUCTS}, "it has no suffix"),
        ({"products.zip": b"PK\x03\x04"}, r"name it \.csv\.zip or as what is in it"),
        ({"products.zst": b"x"}, r"name it \.csv\.zst or as what is in it"),
        ({"products.csv": os.mkfifo}, "it is not a regular file"),
        ({"products.csv": lambda path: path.symlink_to("gone.csv")}, "a link to a missing file"),
        ({"products/readme.md": "x"}, "the folder has no readable file"),
        ({"data/products.csv": PRODUCTS}, "in a folder that is not read"),
    ],
)  # fmt: skip
def test_what_seems_to_be_a_table_and_is_not_read_stops_the_load(load, files, message):
    with pytest.raises(DataError, match=message):
        load({"events.csv": JANUARY, **files})


def test_files_that_are_not_read_are_listed_with_the_reason(load):
    data = load(
        {
            "events.csv": JANUARY,
            "products.csv": PRODUCTS,
            "products.ods": b"PK\x03\x04",
            "orders.csv": FEBRUARY,
            "old/x.csv": "a",
            "README.md": "x",
        }
    )
    reasons = data.report.not_read
    assert set(reasons) == {"products.ods", "orders.csv", "old", "README.md"}
    assert "not named after a table" in reasons["orders.csv"]
    printed = "\n".join(data.report.lines())
    assert "not read: orders.csv" in printed
    assert "README" not in printed


def test_given_pairs_replace_counting_and_the_load_says_so(load):
    pairs = "source,target,relation\nP0,P1,also_bought\n"
    data = load({"events.csv": JANUARY, "relations.csv": pairs})
    assert "not counted from events.csv" in data.report.notes[-1]


@pytest.mark.parametrize("path", ["events.parquet", "events.csv", "events_2024.csv"])
def test_a_table_may_be_given_instead_of_its_folder(tmp_path, path):
    target = tmp_path / path
    if path.endswith("parquet"):
        target.mkdir()
        FRAME.write_parquet(target / "part-0.parquet")
    else:
        target.write_text(JANUARY)
    assert load_data(target).report.events == {"purchase": 20}


def test_the_ends_of_lines_do_not_change_the_fingerprint(tmp_path):
    prints = []
    for number, text in enumerate((JANUARY, JANUARY.replace("\n", "\r\n"), FEBRUARY)):
        folder = tmp_path / str(number)
        folder.mkdir()
        Path(folder, "events.csv").write_bytes(text.encode())
        prints.append(load_data(folder).fingerprint)
    assert prints[0] == prints[1] != prints[2]
