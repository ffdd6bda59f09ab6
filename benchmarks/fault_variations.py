"""Variations of each case of `fault_cases.py`: other names, formats, magnitudes and dirt.

    python benchmarks/fault_variations.py [--seed 0] [--each 30] [--only guests]

The exports are synthetic and seeded (`shop_exports.py`). Each is `right` where the load has exactly
the events, baskets, sessions, users and times that count, `refused` where an error of goeswith
names the fault, and `wrong` otherwise, also after a traceback.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import goeswith
from fault_cases import outcome_of
from goeswith.core.atomic_files import write_json
from goeswith.data.config import DataConfig
from shop_exports import (
    NAMES,
    START,
    TIMES,
    Result,
    any_layout,
    changed,
    compare,
    orders,
    renamed,
    visits,
    write,
)
from value_variations import (
    european_prices,
    no_table,
    non_products,
    timestamptz,
    uncounted_orders,
)
from view_variations import few_sessions, orders_without_views

RESULT: Final = Path(__file__).parent / "results" / "fault-variations.json"
Variation = Callable[[Path, random.Random, int], Result]


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


def main() -> None:
    """Print and write the outcomes; exit code 1 if one is wrong."""
    import fitted_variations as fitted

    kinds: dict[str, Variation] = {
        "01 orders without views": orders_without_views,
        "02 event column": event_column,
        "03 overlapping update": fitted.overlapping_update,
        "04 guests": guests,
        "05 several files": several_files,
        "06 titles of collections": fitted.titles_of_collections,
        "07 empty fit": fitted.empty_fit,
        "08 times": times,
        "09 repeated ids": repeated_ids,
        "14 prices": european_prices,
        "15 sizes": fitted.sizes,
        "16 no table": no_table,
        "17 timestamptz": timestamptz,
        "18 small daily file": fitted.small_daily_file,
        "19 uncounted orders": uncounted_orders,
        "20 non-products": non_products,
        "21 few sessions": few_sessions,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=30)
    parser.add_argument("--only", default="", help="part of the name of a kind: replace it alone")
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
    print(dict(Counter(row["outcome"] for row in rows)))
    if given.only:  # beside the other kinds as they are stored
        before = json.loads(RESULT.read_text())["rows"] if RESULT.is_file() else []
        rows += [row for row in before if row["kind"] in kinds and given.only not in row["kind"]]
        rows.sort(key=lambda row: (row["kind"], row["number"]))
    counts = {
        kind: dict(Counter(row["outcome"] for row in rows if row["kind"] == kind)) for kind in kinds
    }
    result = {
        "command": f"python benchmarks/fault_variations.py --seed {given.seed} --each {given.each}",
        "outcomes": dict(Counter(row["outcome"] for row in rows)),
        "by_kind": counts,
        "rows": rows,
        "python": platform.python_version(),
    }
    write_json(result, RESULT)
    sys.exit(1 if result["outcomes"].get("wrong") else 0)


if __name__ == "__main__":
    main()
