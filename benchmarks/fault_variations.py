"""Variations of each case of `fault_cases.py`: other names, formats, magnitudes and dirt.

    python benchmarks/fault_variations.py [--seed 0] [--each 10] [--only guests]

The exports are synthetic and seeded (`shop_exports.py`). Each is `right` where the load has exactly
the events, baskets, sessions, users and times that count, `refused` where an error of goeswith
names the fault, and `wrong` otherwise, also after a traceback.
"""

from __future__ import annotations

import argparse
import platform
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import goeswith
from fault_cases import outcome_of
from goeswith.core.atomic_files import write_json
from goeswith.data.config import DataConfig
from goeswith.relations.build_graph import build_graph
from shop_exports import (
    NAMES,
    START,
    TIMES,
    Layout,
    Line,
    any_layout,
    changed,
    orders,
    read_as,
    renamed,
    truth,
    visits,
    write,
)

RESULT: Final = Path(__file__).parent / "results" / "fault-variations.json"
Result = tuple[bool, Any]
Variation = Callable[[Path, random.Random, int], Result]


def compare(folder: Path, counting: list[Line], **settings: Any) -> Result:
    """Load a folder and compare it with the lines that count."""
    data = goeswith.load_data(folder, settings=DataConfig(**settings))
    differences = truth(counting).differences(read_as(data))
    return not differences, differences or data.report.notes


def orders_without_views(folder: Path, rng: random.Random, number: int) -> Result:
    """Orders with sessions and views: co-views are counted among sessions that hold a view."""
    scale = (1, 2, 5)[number % 3]
    bought = orders(rng, 60 * scale)
    seen = visits(rng, 20 * scale)
    if number % 2:
        bought = [changed(line, session_id=f"b{line['basket_id']}") for line in bought]
    layout = any_layout(rng)
    write(folder, seen + bought, layout, rng)
    data = goeswith.load_data(folder, settings=DataConfig(**layout.settings))
    graph = build_graph(data)
    contexts = {"co_view": float(graph["co_view"].contexts or 0)}
    return contexts["co_view"] <= 20 * scale, contexts


EVENT_WORDS: Final = (
    ("view", "purchase"), ("VIEW", "PURCHASE"), ("page_view", "transaction"), ("view_item", "buy"),
    ("Product Viewed", "Order Completed"), ("Ansicht", "Kauf"), ("pv", "buy"), ("vue", "achat"),
    ("vista", "compra"), ("click", "order"), ("detail", "sale"), ("gesehen", "gekauft"),
    ("1", "2"), ("viewed", "bought"), ("impression_click", "checkout_paid"), ("browse", "sold"),
)  # fmt: skip


def event_column(folder: Path, rng: random.Random, number: int) -> Result:
    """Views and purchases under other names of the column and of the events."""
    lines = visits(rng) + orders(rng)
    view, purchase = EVENT_WORDS[(number + rng.randrange(6)) % len(EVENT_WORDS)]
    words = {"view": view, "purchase": purchase}
    name = (*NAMES["event"], "Aktion", "kind of event", "what", "type", "eventname", "tipo")[
        (number * 3) % 13
    ]
    layout = renamed(any_layout(rng), event=name)
    write(folder, [changed(line, event=words[line["event"]]) for line in lines], layout, rng)
    right, value = compare(folder, lines, **layout.settings)
    unused = goeswith.load_data(folder, settings=DataConfig(**layout.settings)).report.tables[0]
    # a column with a name and values that say nothing is not read, and the report says so
    return right or (name == "what" and name in unused.unused), value


GUESTS: Final = (
    "0", "-1", "guest", "Guest", "GUEST", "NULL", "nan", "None", "0.0", "anonymous", "", "n/a",
    "00000000-0000-0000-0000-000000000000", "99999999", "guest@shop.example", "(not set)",
    "undefined", "000000", "Gast", "invité", "invitado", "cash customer", "walk-in", "Laufkunde",
)  # fmt: skip


def guests(folder: Path, rng: random.Random, number: int) -> Result:
    """Most orders are of guests under one id: they count, without a user."""
    guest = GUESTS[(number * 5 + rng.randrange(3)) % len(GUESTS)]
    lines = orders(rng, 120)
    of_guests = {f"O{10000 + n}" for n in range(120) if rng.random() < 0.55}
    is_guest = [line["basket_id"] in of_guests for line in lines]
    written = [
        changed(line, user_id=guest if g else line["user_id"])
        for line, g in zip(lines, is_guest, strict=True)
    ]
    counting = [
        changed(line, user_id=None if g else line["user_id"])
        for line, g in zip(lines, is_guest, strict=True)
    ]
    layout = any_layout(rng)
    write(folder, written, layout, rng)
    return compare(folder, counting, **layout.settings)


def several_files(folder: Path, rng: random.Random, number: int) -> Result:
    """A table in parts, folders, upper case, beside hidden and empty files."""
    lines = orders(rng) + visits(rng)
    rng.shuffle(lines)
    half = len(lines) // 2
    layout = any_layout(rng)
    names = (
        ("events", "events_2024-02"), ("EVENTS", "Events_2"), ("events/part-0", "events/part-1"),
        ("events.csv/a", "events.csv/b"), ("events", "sub/events"), ("events-1", "events-2"),
        ("events", "events (1)"), ("events", "events_backup"), ("events", ".events"),
        ("events/2024/01/x", "events/2024/02/x"), ("events jan", "events feb"),
        ("events", "events_new"), ("events", "orders"), ("event", "events"),
    )[(number * 3) % 14]  # fmt: skip
    counting = lines if names[1] != ".events" else lines[:half]
    for name, part in zip(names, (lines[:half], lines[half:]), strict=True):
        path = folder / name
        write(path.parent, part, layout, rng, path.name)
    (folder / "_SUCCESS").touch()
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    not_read = goeswith.load_data(folder, settings=DataConfig(**layout.settings)).report.not_read
    if any(name.split(".")[0] == names[1].split("/")[0] for name in not_read):
        counting = lines[:half]  # the report names the other file
    return compare(folder, counting, **layout.settings)


def times(folder: Path, rng: random.Random, number: int) -> Result:
    """Times in any form."""
    form = (*TIMES, "%y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.000", "%d-%b-%Y %H:%M:%S",
            "%a, %d %b %Y %H:%M:%S +0000", "%H:%M:%S %d/%m/%Y", "%Y.%m.%d %H:%M:%S",
            "%d.%m.%y %H:%M:%S", "%m-%d-%Y %H:%M:%S", "%d %B %Y %H:%M:%S",
            lambda t: t.timestamp() + 0.25, lambda t: f"{t.timestamp():.0f}.0",
            lambda t: f"/Date({int(t.timestamp() * 1000)})/")[(number * 4) % 29]  # fmt: skip
    lines = orders(rng)
    layout = any_layout(rng)
    layout.time = form
    write(folder, lines, layout, rng)
    return compare(folder, lines, **layout.settings)


def repeated_ids(folder: Path, rng: random.Random, number: int) -> Result:
    """Receipt numbers that start anew each day, and visit numbers of a user."""
    layout = any_layout(rng)
    if number % 2:
        lines = [
            changed(line, user_id=f"u{int(line['session_id'][1:]) // 3}", n=line["session_id"])
            for line in visits(rng, 120)
        ]
        written = [{**line, "session_id": int(line["n"][1:]) % 3 + 1, "n": None} for line in lines]
    else:
        per_day = (5, 9, 20)[number % 3]
        lines = []
        for line in orders(rng, 180, users=1000):
            index = int(line["basket_id"][1:]) - 10000
            moment = START + timedelta(days=index // per_day, minutes=40 * (index % per_day))
            lines.append(changed(line, timestamp=moment, user_id=f"u{index}", n=index % per_day))
        written = [{**line, "basket_id": line["n"] + 1, "n": None} for line in lines]
        if number % 4 == 0:
            for line in (*written, *lines):
                line.pop("user_id")
    for line in (*written, *lines):
        line.pop("n")
    write(folder, written, layout, rng)
    return compare(folder, lines, **layout.settings)


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


NOT_TABLES: Final[tuple[tuple[str, bytes], ...]] = (
    ("events.csv", b"1,2014-04-07T10:51:09Z,2145,0\n2,2014-04-07T10:54:09Z,2146,0\n"),
    ("events.csv", b"PAR1\x15\x04\x15\x00PAR1"),
    ("events.csv", b"PK\x03\x04" + b"\0" * 40),
    ("events.jsonl", b'[{"product_id": "a", "user_id": "u"}]\n'),
    ("events.jsonl", b'{\n "product_id": "a",\n "user_id": "u"\n}\n'),
    ("events.jsonl", b"product_id,user_id\na,u\n"),
    ("events.csv", b'{"product_id": "a", "user_id": "u"}\n'),
    ("events.csv", b"product_id;user_id\na;u\n"),
    ("events.csv", b"product_id\tuser_id\na\tu\n"),
    ("events.csv", b"<html><body>Sign in</body></html>\n"),
    ("events.parquet", b"product_id,user_id\na,u\n"),
    ("events.xlsx", b"product_id,user_id\na,u\n"),
    ("events.csv", b"product_id,user_id\n"),
    ("events.csv", b""),
    ("events.csv", b"\n\n\n"),
    ("events.csv", "product_id,user_id\na,u\n".encode("utf-16-le")),
    ("events.csv", b'product_id,user_id\n"a,u\nb,u\n'),
    ("events.csv", b"product_id,user_id\na,u\x00\nb,u\n"),
    ("events.csv", b"product_id,product_id,user_id\na,b,u\n"),
    ("events.csv.gz", b"product_id,user_id\na,u\n"),
    ("events.csv", ("a" * 9 + ",").encode() * 20_000 + b"\n1\n"),
    ("events.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"),
    ("events.csv", b"product_id,user_id,,\na,u,,\nb,u,,\n"),
    ("events.csv", b"Report of January\n\nproduct_id,user_id\na,u\nb,u\n"),
)  # fmt: skip


def no_table(folder: Path, rng: random.Random, number: int) -> Result:
    """Files that are no table, or not the one that their name says."""
    name, content = NOT_TABLES[(number + 10 * rng.randrange(3)) % len(NOT_TABLES)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    data = goeswith.load_data(folder)
    return False, (name, content[:40], data.report.events)


def main() -> None:
    """Print and write the outcomes; exit code 1 if one is wrong."""
    import fitted_variations as fitted

    kinds: dict[str, Variation] = {
        "01, 21 orders without views": orders_without_views,
        "02 event column": event_column,
        "03 overlapping update": fitted.overlapping_update,
        "04 guests": guests,
        "05 several files": several_files,
        "06 titles of collections": fitted.titles_of_collections,
        "07 empty fit": fitted.empty_fit,
        "08, 17 times": times,
        "09 repeated ids": repeated_ids,
        "14 prices": european_prices,
        "15 sizes": fitted.sizes,
        "16 no table": no_table,
        "18 small daily file": fitted.small_daily_file,
        "19 uncounted orders": uncounted_orders,
        "20 non-products": non_products,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--only", default="", help="part of the name of a kind")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for kind, variation in kinds.items():
        for number in range(given.each if given.only in kind else 0):
            rng = random.Random(f"{given.seed} {kind} {number}")
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "shop"
                result, value = outcome_of(variation, path, rng, number)
                text = str(value).replace(folder, "")
            rows.append({"kind": kind, "number": number, "outcome": result, "value": text[:400]})
            print(kind, number, result, text[:300], sep="\t", flush=True)
    by_kind = {
        kind: dict(Counter(row["outcome"] for row in rows if row["kind"] == kind))
        for kind in kinds
        if given.only in kind
    }
    counts = Counter(row["outcome"] for row in rows)
    print(dict(counts))
    if not given.only:
        write_json(
            {
                "command": f"python benchmarks/fault_variations.py --seed {given.seed} "
                f"--each {given.each}",
                "outcomes": dict(counts),
                "by_kind": by_kind,
                "rows": rows,
                "python": platform.python_version(),
            },
            RESULT,
        )
    sys.exit(1 if counts["wrong"] else 0)


if __name__ == "__main__":
    main()
