# ruff: noqa: E501 - a table
"""Odd and hostile tables of a shop, with what a load should make of each.

`expected` is the number of purchases that count, or a part of the message that refuses the input.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

Content = bytes | pl.DataFrame | None


@dataclass
class TableInput:
    """Files of a folder (None for a folder), settings of reading, and the outcome.

    `expected` may be both: right with that number, or refused. `products` are the ids of the
    catalogue where they matter.
    """

    name: str
    files: dict[str, Content]
    expected: int | str | tuple[int, str]
    settings: dict[str, Any] = field(default_factory=dict)
    products: list[str] | None = None


HEADER: Final = "product_id,user_id,basket_id,event,timestamp\n"
ROWS: Final = [
    f"P{i % 4},U{i},O{i // 2},purchase,2024-01-{1 + i % 28:02} 10:00:00" for i in range(60)
]
TEXT: Final = HEADER + "\n".join(ROWS) + "\n"
COLUMNS: Final = HEADER.strip().split(",")
FRAME: Final = pl.DataFrame([row.split(",") for row in ROWS], schema=COLUMNS, orient="row")
PLAIN: Final = ["P0", "P1", "P2", "P3"]


def csv(text: str, **settings: Any) -> dict[str, Any]:
    return {"files": {"events.csv": text.encode()}, "settings": settings}


def extra(*lines: str) -> dict[str, Any]:
    """The plain events and further lines."""
    return csv(TEXT + "".join(line + "\n" for line in lines))


def encodings() -> Iterator[TableInput]:
    for name, encoding in (
        ("UTF-8 with a mark", "utf-8-sig"), ("UTF-16", "utf-16"), ("UTF-32", "utf-32"),
    ):  # fmt: skip
        yield TableInput(name, {"events.csv": TEXT.encode(encoding)}, 60, products=PLAIN)
    yield TableInput("UTF-16 without a mark", {"events.csv": TEXT.encode("utf-16-le")}, "UTF-16")
    yield TableInput(
        "UTF-16 without a mark, set", {"events.csv": TEXT.encode("utf-16-le")}, 60,
        {"encoding": "utf-16-le"}, PLAIN,
    )  # fmt: skip
    accents = TEXT.replace("P0", "Café")
    for code in ("latin-1", "cp1252", "cp850", "mac-roman"):
        content = {"events.csv": accents.encode(code)}
        yield TableInput(f"{code} undeclared", content, "not UTF-8")
        yield TableInput(
            f"{code} declared", content, 60, {"encoding": code}, ["Café", "P1", "P2", "P3"]
        )
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in FRAME.to_dicts())
    content = {"events.jsonl": lines.replace("P0", "Café").encode("cp1252")}
    yield TableInput("cp1252 in JSON lines", content, "set encoding")
    yield TableInput("gb18030 declared", {"events.csv": TEXT.replace("P0", "茶").encode("gb18030")},
                     60, {"encoding": "gb18030"}, ["P1", "P2", "P3", "茶"])  # fmt: skip
    yield TableInput("an encoding of bytes", **csv(TEXT, encoding="hex"), expected="encoding")
    yield TableInput("an encoding that is none", **csv(TEXT, encoding="utf-9"), expected="encoding")


def line_ends() -> Iterator[TableInput]:
    for name, end in (("CRLF", "\r\n"), ("CR only", "\r"), ("CRCRLF", "\r\r\n")):
        yield TableInput(
            name, **csv(TEXT.replace("\n", end)), expected=(60, "line"), products=PLAIN
        )
    yield TableInput("no last line end", **csv(TEXT.rstrip()), expected=60)
    yield TableInput("blank lines", **csv(TEXT.replace("\n", "\n\n")), expected=60)
    yield TableInput("blank lines at the end", **csv(TEXT + "\n" * 50), expected=60)
    yield TableInput("control-Z at the end", **csv(TEXT + "\x1a"), expected=(60, "row"))
    yield TableInput("zero bytes in a cell", **csv(TEXT.replace("U7,", "U\x007,")), expected="zero")
    late = TEXT + "".join(f"P{i % 4},V{i},Q{i},purchase,2024-02-01\n" for i in range(200))
    yield TableInput(
        "a zero byte after 4 KB", **csv(late + "P1,U\x00,O9,purchase,2024-01-01\n"),
        expected=261,
    )  # fmt: skip


def lines() -> Iterator[TableInput]:
    yield TableInput("header again in the middle", **csv(TEXT + TEXT), expected=(120, "row"))
    yield TableInput("header again at the end", **extra(HEADER.strip()), expected=60)
    yield TableInput("a total at the end", **extra("Total,,,,60"), expected=60, products=PLAIN)
    yield TableInput("a count at the end", **extra("(60 rows)"), expected=60, products=PLAIN)
    yield TableInput("-- at the end", **extra("--,--,--,--,--"), expected=60, products=PLAIN)
    yield TableInput("a dashed line", **csv(HEADER + "-----,----,----,----,----\n" + TEXT[44 + 1:]),
                     expected=(60, "row"), products=PLAIN)  # fmt: skip
    yield TableInput("a title above", **csv("Orders of January\n\n" + TEXT), expected="no column")
    yield TableInput("a comment above", **csv("# exported\n" + TEXT), expected="no column")
    yield TableInput("sep= above", **csv("sep=,\n" + TEXT), expected="sep=")
    yield TableInput("short rows", **extra("P1,U1", "P2"), expected=60)
    yield TableInput("long rows", **extra("P1,U1,O1,purchase,2024-01-01,x,y"), expected=60)
    many = csv(HEADER + "P1,U1\n" * 30 + TEXT[len(HEADER) :])
    yield TableInput("a third of the rows short", **many, expected="fields")
    yield TableInput(
        "a trailing comma each line", **csv(TEXT.replace("\n", ",\n")), expected="name"
    )
    yield TableInput("an open quotation mark", **extra('"P1,U1,O1,purchase,2024-01-01'),
                     expected=(60, "quotation"))  # fmt: skip
    yield TableInput("an open quotation mark first", **csv(HEADER + '"' + TEXT[len(HEADER) :]),
                     expected="quotation")  # fmt: skip
    yield TableInput("a mark inside a field", **csv(TEXT.replace("P0", '5" pipe')),
                     expected=(60, "quotation"))  # fmt: skip
    yield TableInput("a line end in a field", **csv(TEXT.replace("P0", '"P\n0"')), expected=60)
    yield TableInput("single marks", **csv(TEXT.replace("P0", "'P0'")), expected=60)
    yield TableInput("a doubled column", **csv(TEXT.replace("user_id", "product_id")),
                     expected="twice")  # fmt: skip
    yield TableInput("names with space", **csv(TEXT.replace(",", " , ")), expected=60,
                     products=PLAIN)  # fmt: skip
    yield TableInput("names in capitals", **csv(TEXT.replace(HEADER, HEADER.upper())), expected=60)
    yield TableInput("no header", **csv(TEXT[len(HEADER) :]), expected="header")
    yield TableInput("header only", **csv(HEADER), expected="no rows")
    yield TableInput("semicolons", **csv(TEXT.replace(",", ";")), expected="delimiter")
    yield TableInput(
        "semicolons, set", **csv(TEXT.replace(",", ";"), delimiter=";"), expected=60, products=PLAIN
    )
    yield TableInput("bars", **csv(TEXT.replace(",", "|")), expected="delimiter")
    yield TableInput(
        "a delimiter of two", **csv(TEXT.replace(",", "||"), delimiter="||"), expected="delimiter"
    )
    yield TableInput("a wide header", **csv(",".join(f"c{i}" for i in range(100_000)) + "\n"),
                     expected="columns")  # fmt: skip
    yield TableInput("a column _row", **csv(TEXT.replace("event,", "_row,")), expected="reserved")
    yield TableInput("a long line", **extra("P1,U1," + "x" * 17_000_000), expected=(60, "longer"))
    yield TableInput("a long id", **extra(f"{'x' * 1_000_000},U1,O1,purchase,2024-01-01"),
                     expected=(61, "long"))  # fmt: skip
    yield TableInput("every row twice", **csv(TEXT + TEXT[len(HEADER) :]), expected=120)


def ids() -> Iterator[TableInput]:
    numbers = TEXT.replace("P", "1000")
    yield TableInput("ids with .0 in part", **csv(numbers.replace("\n10001,", "\n10001.0,")),
                     expected=60, products=["10000", "10001", "10002", "10003"])  # fmt: skip
    yield TableInput("leading zeros", **csv(TEXT.replace("\nP", "\n00")), expected=60,
                     products=["000", "001", "002", "003"])  # fmt: skip
    yield TableInput("spaces around", **csv(TEXT.replace("P1,", " P1\u00a0,")), expected=60,
                     products=PLAIN)  # fmt: skip
    yield TableInput("zero-width space", **csv(TEXT.replace("P1,", "\u200bP1\ufeff,")), expected=60,
                     products=PLAIN)  # fmt: skip
    yield TableInput("rounded by a spreadsheet", **csv(TEXT.replace("P1,", "4.00638E+12,")),
                     expected="rounded")  # fmt: skip
    yield TableInput("big floats", {"events.parquet": FRAME.with_columns(
        product_id=pl.Series([2.0**60] * 60))}, "float")  # fmt: skip
    yield TableInput("negative ids", **csv(TEXT.replace("P1,", "-5,")), expected=60,
                     products=["-5", "P0", "P2", "P3"])  # fmt: skip
    yield TableInput("NUL in an id", {"events.parquet": FRAME.with_columns(
        product_id=pl.lit("a\x00b"))}, "missing")  # fmt: skip
    yield TableInput("ids of bytes", {"events.parquet": FRAME.with_columns(
        product_id=pl.Series([bytes([255, i % 4]) * 8 for i in range(60)]))}, 60)  # fmt: skip
    yield TableInput("ids in lists", {"events.parquet": FRAME.with_columns(
        product_id=pl.Series([["a", "b"]] * 60))}, "List")  # fmt: skip
    yield TableInput("ids of dates", {"events.parquet": FRAME.with_columns(
        product_id=pl.date(2024, 1, 1))}, (60, "Date"))  # fmt: skip
    yield TableInput("NaN ids", {"events.parquet": FRAME.with_columns(
        product_id=pl.lit(float("nan")))}, "missing")  # fmt: skip
    yield TableInput("placeholders", **extra("(not set),U1,O1,purchase,2024-01-01"), expected=60,
                     products=PLAIN)  # fmt: skip
    yield TableInput("no ids", **csv(TEXT.replace("P", "").replace("\n0,", "\n,")
                                     .replace("\n1,", "\n,").replace("\n2,", "\n,")
                                     .replace("\n3,", "\n,")), expected="missing")  # fmt: skip
    yield TableInput("categories", {"events.parquet": FRAME.with_columns(
        pl.all().cast(pl.Categorical))}, 60, products=PLAIN)  # fmt: skip
    yield TableInput("a formula", **csv(TEXT.replace("P1,", "=1+1,")), expected=60)
    yield TableInput("escape characters", **csv(TEXT.replace("P1,", "\x1b[31mP1,")), expected=60)
    yield TableInput("direction marks", **csv(TEXT.replace("P1,", "\u202eP1,")), expected=60)


def times() -> Iterator[TableInput]:
    def stamped(value: object, share: int = 1) -> dict[str, Any]:
        rows = [row.rsplit(",", 1)[0] + f",{value}" if not i % share else row
                for i, row in enumerate(ROWS)]  # fmt: skip
        return csv(HEADER + "\n".join(rows) + "\n")

    for value, expected in (
        ("1900-01-01", "before 1980"), ("1970-01-01", "before 1980"), ("0", "unix"),
        ("9999-12-31", "future"), ("2050-01-01", "future"), ("32/01/2024", "invalid"),
        ("2024-02-30", "invalid"), ("soon", "invalid"), ("", "missing"), ("-1", "unix"),
        ("01/02/2024", "ambiguous"), ("99999999999999999999", "future"), ("1e400", "invalid"),
        ("45292.5", "unix"), ("12:30", "invalid"), ("NaT", "missing"), ("2024-W05-1", "invalid"),
        ("0000-00-00 00:00:00", "invalid"), ("20241332", "unix"), ("1.7e18", "invalid"),
    ):  # fmt: skip
        yield TableInput(f"all times {value!r}", **stamped(value), expected=expected)
    for value in ("2099-01-01", "1970-01-01", "0000-00-00", "soon", "", "253402300799"):
        yield TableInput(f"one time {value!r}", **stamped(value, 60), expected=59)
    for value, good in (("2024-03-10 02:30:00", 60), ("2024-03-10 02:30:00Z", "zone")):
        yield TableInput(f"some times {value!r}", **stamped(value, 7), expected=good)
    yield TableInput("epoch seconds and milliseconds", **csv(HEADER + "\n".join(
        row.rsplit(",", 1)[0] + f",{1704067200 * (1000 if i % 2 else 1)}"
        for i, row in enumerate(ROWS))), expected=60)  # fmt: skip
    yield TableInput("an unknown zone", **csv(TEXT, zone="Mars/Olympus"), expected="zone")


def values() -> Iterator[TableInput]:
    def with_quantity(value: object, share: int = 1) -> dict[str, Any]:
        rows = [f"{row},{value if not i % share else 1}" for i, row in enumerate(ROWS)]
        return csv(HEADER.replace("\n", ",quantity\n") + "\n".join(rows) + "\n")

    for value, expected in (
        ("1", 60), ("1.0", 60), ("0,5", 60), ("1e3", 60), ("inf", "quantity"),
        ("-1", "quantity"), ("0", "quantity"), ("many", "quantity"), ("1" * 400, "quantity"),
    ):  # fmt: skip
        text = f'"{value}"' if "," in value else value
        yield TableInput(f"quantities {value[:9]!r}", **with_quantity(text), expected=expected)
    yield TableInput("one return", **with_quantity(-1, 60), expected=59)
    for words, expected in (
        (("Kauf",), 60), (("PURCHASE",), 60), (("buy",), 60), (("glance",), "unknown name"),
        (("",), "missing"), (("1",), "unknown name"), (("remove_from_cart",), "no"),
    ):  # fmt: skip
        word = words[0]
        yield TableInput(
            f"events {word!r}", **csv(TEXT.replace("purchase", word)), expected=expected
        )
    for guest in ("0", "-1", "guest", "NULL", "nan"):
        rows = [row.replace(f"U{i}", guest) if i % 2 else row for i, row in enumerate(ROWS)]
        yield TableInput(f"guests {guest}", **csv(HEADER + "\n".join(rows)), expected=60)


def files() -> Iterator[TableInput]:
    data = TEXT.encode()
    book = io.BytesIO()
    FRAME.write_parquet(book)
    parquet = book.getvalue()
    packed = gzip.compress(data)
    yield TableInput("gz", {"events.csv.gz": packed}, 60)
    yield TableInput("gz, cut", {"events.csv.gz": packed[:-20]}, "gzip")
    yield TableInput("gz, two members", {"events.csv.gz": packed + gzip.compress(
        TEXT[len(HEADER):].encode())}, 120)  # fmt: skip
    yield TableInput("gz that is none", {"events.csv.gz": data}, "gzip")
    yield TableInput("gz in gz", {"events.csv.gz": gzip.compress(packed)}, "packed")
    yield TableInput("parquet, cut", {"events.parquet": parquet[:-9]}, "damaged")
    yield TableInput("parquet, a byte", {"events.parquet": parquet[:60] + b"\xff" + parquet[61:]},
                     (60, "damaged"))  # fmt: skip
    yield TableInput("parquet without rows", {"events.parquet": FRAME.head(0)}, "no rows")
    yield TableInput("xlsx that is none", {"events.xlsx": data}, "spreadsheet")
    for name, member in (("../../x.csv", 60), ("a/b/events.csv", 60), ("events.txt", 60)):
        yield TableInput(f"zip of {name}", {"events.csv.zip": _zip({name: data})}, (60, "zip")
                         if member == 60 else member)  # fmt: skip
    yield TableInput("zip of two", {"events.csv.zip": _zip({"a.csv": data, "b.csv": data})}, "zip")
    yield TableInput("zip of none", {"events.csv.zip": _zip({})}, "zip")
    yield TableInput("zst that is none", {"events.csv.zst": data}, "zst")
    yield TableInput("a folder events.csv", {"events.csv/part-1.csv": data}, 60)
    yield TableInput("an empty folder events.csv", {"events.csv/": None}, "events.csv")
    yield TableInput("folders", {"events/a/x.csv": data, "events/b/y.csv": data + b"\n"}, 60)
    yield TableInput("hidden files", {"events.csv": data, ".events.csv.swp": b"x", "_tmp": b""}, 60)
    yield TableInput("an empty part", {"events.csv": data, "events_2.csv": b""}, (60, "empty"))
    yield TableInput("an empty file", {"events.csv": b""}, "empty")
    yield TableInput("two formats", {"events.csv": data, "events.parquet": FRAME}, "remove one")
    yield TableInput("two cases", {"events.csv": data, "EVENTS.csv": data}, "remove one")
    yield TableInput("a copy", {"events.csv": data, "events_2.csv": data}, "twice")
    yield TableInput("an unclear part", {"events.csv": data, "events_old.csv": data}, "part")
    yield TableInput("no table", {"readme.txt": b"x"}, "none of the tables")
    yield TableInput("orders.csv alone", {"orders.csv": data}, "events")
    yield TableInput("events.json", {"events.json": b"[]"}, "json")
    yield TableInput("events without a suffix", {"events": data}, "suffix")
    for start in (b"%PDF-1.4", b"\xd0\xcf\x11\xe0", b"SQLite format 3\0", b"BZh9", b"\x7fELF"):
        content = {"events.csv": start + b"\0" * 100}
        yield TableInput(f"starts with {start[:4]!r}", content, "not text")
    for text in ("[]", "{}", "null", "1", '"x"', "[" * 100_000, '{"a":' * 50_000, "{]", "NaN"):
        yield TableInput(f"JSON lines {text[:5]}", {"events.jsonl": text.encode()},
                         ("JSON" if text != "{}" else "column"))  # fmt: skip
    deep = json.dumps({**FRAME.row(0, named=True), "product_id": {"a": [1]}})
    yield TableInput("JSON lines with an object as id", {"events.jsonl": deep.encode()}, "column")
    huge = json.dumps({**FRAME.row(0, named=True), "quantity": 10**400}) + "\n"
    yield TableInput("JSON lines with a huge number", {"events.jsonl": huge.encode()}, "quantity")
    yield TableInput("JSON lines with NaN", {"events.jsonl": (json.dumps(
        {**FRAME.row(0, named=True), "quantity": float("nan")}) + "\n").encode()}, (1, "quantity"))  # fmt: skip


def bombs() -> Iterator[TableInput]:
    """Small files that unpack to large ones; making them takes seconds."""
    zeros = b"0" * 200_000_000
    yield TableInput("gz of zeros", {"events.csv.gz": gzip.compress(zeros)}, "longer")
    yield TableInput("zip bomb", {"events.csv.zip": _zip({"events.csv": zeros})}, "times")


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def catalogues() -> Iterator[TableInput]:
    def with_products(content: bytes, name: str = "products.csv") -> dict[str, Content]:
        return {"events.csv": TEXT.encode(), name: content}

    head = "product_id,title,brand,type,price\n"
    rows = [f"P{i},Thing {i},B,t,{i}.50" for i in range(4)]
    for name, changes, expected in (
        ("a price of text", (",0.50", ",free"), 60),
        ("a negative price", (",0.50", ",-3"), 60),
        ("a price of infinity", (",0.50", ",inf"), 60),
        ("a huge price", (",0.50", "," + "9" * 400), 60),
        ("a title of markup", ("Thing 0", "<script>alert(1)</script>"), 60),
        ("a title of a formula", ("Thing 0", "=cmd|' /C calc'!A0"), 60),
        ("a title of 100 KB", ("Thing 0", "x" * 100_000), 60),
        ("a title of marks", ("Thing 0", "Z" + "\u0301" * 5000), 60),
        ("the brand NAN", (",B,", ",NAN,"), 60),
        ("the brand nan", (",B,", ",nan,"), 60),
        ("a repeated product", ("P3,", "P2,"), "row"),
        ("ids in other case", ("P", "p"), "not in the catalogue"),
        ("no id", ("P3,", ","), "row"),
        ("no title", ("Thing", ""), 60),
    ):
        text = head + "\n".join(rows).replace(*changes) + "\n"
        yield TableInput(f"products with {name}", with_products(text.encode()), expected)
    text = head + "\n".join(rows) + "\n"
    yield TableInput("products in cp1252", with_products(
        text.replace("Thing", "Café").encode("cp1252")), "encoding")  # fmt: skip
    yield TableInput("products without the column", with_products(
        text.replace("product_id", "foo").encode()), "product_id")  # fmt: skip
    yield TableInput("products, header only", with_products(head.encode()), "no rows")
    yield TableInput("products, empty", with_products(b""), "empty")
    yield TableInput("products that are none of the events", with_products(
        text.replace("P", "Q").encode()), "not in the catalogue")  # fmt: skip
    yield TableInput("decomposed ids", with_products(
        text.replace("P0", "Cafe\u0301").encode()), "not in the catalogue")  # fmt: skip
    yield TableInput("product.csv", with_products(text.encode(), "product.csv"), "products")
    yield TableInput("catalog.csv", with_products(text.encode(), "catalog.csv"), "products")


def small_tables() -> list[TableInput]:
    """Every input but `bombs`."""
    parts = (encodings, line_ends, lines, ids, times, values, files, catalogues)
    return [entry for part in parts for entry in part()]


def all_tables() -> list[TableInput]:
    """Every input."""
    return [*small_tables(), *bombs()]
