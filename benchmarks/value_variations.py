"""Variations of prices, statuses, placeholders and non-tables; see `fault_variations.py`."""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import polars as pl

import goeswith
from goeswith.core.errors import GoesWithError
from shop_exports import Layout, Result, any_layout, changed, compare, orders, write

PRICE_FORMS: Final[tuple[Callable[[float], str], ...]] = (
    lambda p: f"{p:,.2f} €".replace(",", "_").replace(".", ",").replace("_", "."),
    lambda p: f"€{p:.2f}".replace(".", ","),
    lambda p: f"CHF {p:,.2f}".replace(",", "'"),
    lambda p: f"{p:,.2f} kr".replace(",", "\u00a0").replace(".", ","),
    lambda p: f"US$ {p:,.2f}",
    lambda p: f"{p:,.0f} €".replace(",", ".") if p >= 1000 else f"{p:.0f} €",
    lambda p: f"{p:,.0f},- €".replace(",", ".", 1) if p >= 1000 else f"{p:.0f},- €",
    lambda p: f"{p:.2f}".replace(".", ",") + " EUR",
    lambda p: f"Rp {p * 1000:,.0f}".replace(",", "."),
    lambda p: f"¥{p:,.0f}",
    lambda p: f"{p:,.3f} KD",
    lambda p: f"₹{p:,.2f}",
    lambda p: f"{p:.2f}",
    lambda p: f"R$ {p:,.2f}".replace(",", "_").replace(".", ",").replace("_", "."),
)


def european_prices(folder: Path, rng: random.Random, number: int) -> Result:
    """Prices in one form of any country: right or empty, never another amount."""
    form = PRICE_FORMS[(number * 3) % len(PRICE_FORMS)]
    whole = number % 3 == 0
    amounts = [
        round(rng.choice((1, 20, 300, 5000)) * (1 + rng.random()), 0 if whole else 2)
        for _ in range(30)
    ]
    factor = 1000 if form(1.0).startswith("Rp") else 1
    lines = [
        {"product_id": f"P-{i:02d}", "title": f"Thing {i}", "price": form(p)}
        for i, p in enumerate(amounts)
    ]
    write(folder, orders(rng, 60, 30), Layout(), rng)
    layout = any_layout(rng, plain_names=True)
    layout.form = rng.choice(("csv", "tsv", "jsonl", "parquet", "quoted"))
    write(folder, lines, layout, rng, "products")
    data = goeswith.load_data(folder)
    read = dict(data.catalog.frame.select("product_id", "price").iter_rows())
    wrong = {}
    for i, amount in enumerate(amounts):
        price = read[f"P-{i:02d}"]
        shown = round(amount * factor)
        if price is not None and abs(price - amount * factor) > 0.51 and price != shown:
            wrong[form(amount)] = price
    empty = sum(price is None for price in read.values())
    return not wrong, {"wrong": wrong, "empty": empty, "example": form(amounts[0])}


STATUSES: Final = (
    ("paid", "voided"), ("completed", "cancelled"), ("Complete", "Canceled"),
    ("Abgeschlossen", "Storniert"), ("completado", "cancelado"), ("terminée", "annulée"),
    ("processing", "failed"), ("shipped", "refunded"), ("wc-completed", "wc-refunded"),
    ("DELIVERED", "RETURNED"), ("livré", "remboursé"), ("5", "-1"), ("bezahlt", "erstattet"),
    ("enviado", "reembolsado"), ("shipped", "on hold"),
)  # fmt: skip


def uncounted_orders(folder: Path, rng: random.Random, number: int) -> Result:
    """Cancelled orders, by a status, a date, a mark, a prefix or a negative quantity."""
    lines = orders(rng, 100)
    dropped = {f"O{10000 + n}" for n in range(100) if rng.random() < 0.3}
    layout = any_layout(rng)
    keep = [line for line in lines if line["basket_id"] not in dropped]
    way = number % 5
    if way < 2:
        good, bad = STATUSES[(number * 3 + rng.randrange(3)) % len(STATUSES)]
        written = [
            changed(line, status=bad if line["basket_id"] in dropped else good) for line in lines
        ]
    elif way == 2:
        name = rng.choice(("Cancelled at", "cancelled", "is_refunded", "Storniert am", "voided"))
        mark = "2024-06-01 10:00:00" if " a" in name else rng.choice(("1", "true", "yes", "x"))
        written = [
            changed(line, **{name: mark if line["basket_id"] in dropped else None})
            for line in lines
        ]
    elif way == 3:
        written = [
            changed(line, quantity=-1 if line["basket_id"] in dropped else 1) for line in lines
        ]
    else:
        written = [
            changed(line, **{"is_test": str(line["basket_id"] in dropped).lower()})
            for line in lines
        ]
    write(folder, written, layout, rng)
    settings = layout.settings | ({"max_bad_share": 0.6} if way == 3 else {})
    return compare(folder, keep, **settings)


LABELS: Final = (
    "(not set)", "undefined", "NONE", "null", "N/A", "Shipping", "Versand", "Gift wrap", "POST",
    "Total", "Summe", "Gesamt:", "Discount", "Gutschein", "Frais de port", "Gastos de envío",
    "Tip", "Trinkgeld", "#N/A", "?", "SHIPPING", "Carrier Bag", "Amazon Fee", "Rounding",
    "unknown", "Envío", "Livraison", "Rabatt", "-",
)  # fmt: skip


def non_products(folder: Path, rng: random.Random, number: int) -> Result:
    """Placeholders, shipping, discounts and totals among the lines."""
    lines = orders(rng, 100)
    labels = [LABELS[(number * 3 + i) % len(LABELS)] for i in range(3)]
    odd = [
        changed(line, product_id=rng.choice(labels), title=None) for line in rng.sample(lines, 12)
    ]
    written = lines + odd
    rng.shuffle(written)
    layout = any_layout(rng)
    if number % 3 == 0:
        written.append(dict.fromkeys(lines[0], None) | {"product_id": "Total", "quantity": 312})
    if number % 3 == 1 and layout.form in ("csv", "tsv", "semicolon", "crlf", "bom", "quoted"):
        written.insert(50, {key: layout.names.get(key, key) for key in lines[0]})
    write(folder, written, layout, rng)
    return compare(folder, lines, **layout.settings)


ZONES: Final = (
    "+00", "+00:00", "-05", "+05:30", "+0530", " +00", "Z", " UTC", "+02", "-03:30",
)  # fmt: skip


def timestamptz(folder: Path, rng: random.Random, number: int) -> Result:
    """Times with a zone, as databases write them, with and without parts of a second."""
    zone = ZONES[number % len(ZONES)]
    digits = ("", ".000000", ".25", ".123456", ".5")[(number // 2) % 5]
    sign = -1 if zone.strip().startswith("-") else 1
    parts = zone.strip(" +-Z").replace(":", "").replace("UTC", "").ljust(4, "0")
    offset = timezone(sign * timedelta(hours=int(parts[:2]), minutes=int(parts[2:])))
    lines = orders(rng)
    layout = any_layout(rng)
    between = "T" if number % 4 == 3 and not zone.startswith(" ") else " "

    def form(moment: datetime) -> str:
        return f"{moment.astimezone(offset):%Y-%m-%d{between}%H:%M:%S}{digits}{zone}"

    layout.time = form
    write(folder, lines, layout, rng)
    return compare(folder, lines, **layout.settings)


def parquet(**columns: list[object]) -> bytes:
    """A parquet file of columns."""
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


READ: Final = "two purchases"
NOT_TABLES: Final[tuple[tuple[str, bytes, str], ...]] = (
    ("events.csv", b"1,2014-04-07T10:51:09Z,2145,0\n2,2014-04-07T10:54:09Z,2146,0\n", "header"),
    ("events.csv", b"PAR1\x15\x04\x15\x00PAR1", "parquet"),
    ("events.csv", b"PK\x03\x04" + b"\0" * 40, "zip"),
    ("events.jsonl", b'[{"product_id": "a", "user_id": "u"}]\n', "array"),
    ("events.jsonl", b'{\n "product_id": "a",\n "user_id": "u"\n}\n', "several lines"),
    ("events.jsonl", b"product_id,user_id\na,u\n", "one object a line"),
    ("events.csv", b'{"product_id": "a", "user_id": "u"}\n', "JSON"),
    ("events.csv", b"product_id;user_id\na;u\n", "semicolon"),
    ("events.csv", b"product_id\tuser_id\na\tu\n", "tab"),
    ("events.csv", b"<html><body>Sign in</body></html>\n", "HTML"),
    ("events.parquet", b"product_id,user_id\na,u\n", "parquet"),
    ("events.xlsx", b"product_id,user_id\na,u\n", "spreadsheet"),
    ("events.csv", b"product_id,user_id\n", "no rows"),
    ("events.csv", b"", "empty"),
    ("events.csv", b"\n\n\n", "empty"),
    ("events.csv", "product_id,user_id\na,u\n".encode("utf-16-le"), "UTF-16"),
    ("events.csv", b'product_id,user_id\n"a,u\nb,u\n', "quot"),
    ("events.csv", b"product_id,user_id\na,u\x00\nb,u\n", "zero byte"),
    ("events.csv", b"product_id,product_id,user_id\na,b,u\n", "product_id"),
    ("events.csv.gz", b"product_id,user_id\na,u\n", "gzip"),
    ("events.csv", ("a" * 9 + ",").encode() * 20_000 + b"\n1\n", "columns"),
    ("events.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "LFS"),
    ("events.csv", b"Report of January\n\nproduct_id,user_id\na,u\nb,u\n", "lines above"),
    ("events.csv", gzip.compress(b"product_id,user_id\na,u\nb,u\n"), READ),
    ("events.jsonl", ('{"product_id": "a", "user_id": "u"}\n' * 2).encode("utf-16"), READ),
    ("events.parquet", parquet(product_id=[b"\xff\x01", b"\x80"], user_id=["u", "u"]), READ),
    ("orders.xlsx", b"PK\x03\x04", "events"),
    ("events.csv", b"Transaction,Item,period_day\n1,Bread,morning\n1,Jam,morning\n", READ),
    ("events.csv", b"product_id,seller_id\na,s\nb,s\n", "basket_id"),
    ("events.csv", b"customer,total\n1,20.5\n2,30\n", "product_id"),
)
"""Name, content, and a word of the message, or `READ` where two purchases are read."""


def no_table(folder: Path, rng: random.Random, number: int) -> Result:
    """Files that are no table, or not the one that their name says: the message has the reason."""
    name, content, word = NOT_TABLES[number % len(NOT_TABLES)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    try:
        data = goeswith.load_data(folder)
    except GoesWithError as error:
        return word.lower() in str(error).lower(), f"refused: {error}"
    return word == READ and data.report.events == {"purchase": 2}, (name, content[:40])
