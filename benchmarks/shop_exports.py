"""Synthetic exports of shops, in the layouts and with the dirt that real ones have.

An export is lines with the columns of goeswith, written in one of many layouts; `read_as` compares
what a load made of it with the lines that should count.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import polars as pl

import goeswith
from goeswith.data.config import DataConfig

Line = dict[str, Any]
Result = tuple[bool, Any]
"""Whether an export is read rightly, and what is reported of it."""
START: Final = datetime(2024, 1, 3, 9, tzinfo=UTC)

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "product_id": (
        "product_id", "SKU", "Item ID", "Artikelnummer", "Produkt-ID", "id_producto",
        "Lineitem sku", "ASIN", "StockCode", "itemid", "variant_id", "Code article", "Referencia",
    ),
    "event": ("event", "event_type", "action", "Ereignis", "evento", "Event Name", "behavior_type"),
    "timestamp": (
        "timestamp", "event_time", "Created at", "order_date", "Bestelldatum", "Datum", "fecha",
        "InvoiceDate", "ts", "date_commande", "order_purchase_timestamp",
    ),
    "basket_id": (
        "basket_id", "Order ID", "order_number", "Bestellnummer", "numero_pedido", "Invoice No",
        "transaction_id", "commande_id", "increment_id", "Rechnungsnummer",
    ),
    "session_id": ("session_id", "user_session", "visit_id", "ga_session_id", "Sitzung"),
    "user_id": (
        "user_id", "Customer ID", "customer_email", "Kundennummer", "cliente_id", "id_client",
        "visitorid", "household_key", "member_number",
    ),
    "quantity": ("quantity", "Qty", "Menge", "cantidad", "Lineitem quantity", "Quantité"),
    "status": ("status", "Financial Status", "Bestellstatus", "order_status", "estado", "Statut"),
    "price": ("price", "Unit Price", "Preis", "precio", "Lineitem price"),
    "title": ("title", "Product Name", "Lineitem name"),
}  # fmt: skip
"""Column of goeswith -> names in exports."""

TIMES: Final[tuple[str | Callable[[datetime], object], ...]] = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S+00",
    "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%Y%m%d%H%M%S", "%Y%m%dT%H%M%SZ",
    "%b %d, %Y %I:%M:%S %p", "%d/%m/%y %H:%M:%S", "%Y/%m/%d %H:%M:%S",
    lambda t: int(t.timestamp()), lambda t: int(t.timestamp()) * 10**3,
    lambda t: int(t.timestamp()) * 10**6, lambda t: int(t.timestamp()) * 10**9,
    lambda t: t.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(),
    lambda t: t.astimezone(timezone(timedelta(hours=-4))).strftime("%Y-%m-%d %H:%M:%S %z"),
)  # fmt: skip
"""Forms of a time."""

FORMATS: Final = (
    "csv", "csv", "tsv", "semicolon", "jsonl", "parquet", "xlsx", "csv.gz", "csv.zst", "csv.zip",
    "jsonl.gz", "utf16", "cp1252", "bom", "crlf", "quoted",
)  # fmt: skip
"""Forms of a file."""


@dataclass
class Layout:
    """How lines are written."""

    form: str = "csv"
    names: dict[str, str] = field(default_factory=dict)
    time: str | Callable[[datetime], object] = "%Y-%m-%d %H:%M:%S"
    extra: int = 0
    shuffled: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """Settings without which the form is refused."""
        forms = {"semicolon": {"delimiter": ";"}, "cp1252": {"encoding": "cp1252"}}
        return dict(forms.get(self.form, {}))


def any_layout(rng: random.Random, *, plain_names: bool = False) -> Layout:
    """A layout at random."""
    names = {} if plain_names else {ours: rng.choice(theirs) for ours, theirs in NAMES.items()}
    return Layout(
        rng.choice(FORMATS), names, rng.choice(TIMES), rng.randrange(3), rng.random() < 0.3
    )


def orders(
    rng: random.Random, count: int = 60, products: int = 12, *, users: int = 40
) -> list[Line]:
    """Purchases of `count` orders of two to four products, at most a few hours apart."""
    lines = []
    for number in range(count):
        moment = START + timedelta(hours=7 * number, minutes=rng.randrange(50))
        # with many users each buys once: the cap of one user's votes does not matter
        user = f"u{rng.randrange(users) if users < count else number:03d}"
        lines += [
            {
                "product_id": f"P-{product:02d}", "event": "purchase", "timestamp": moment,
                "basket_id": f"O{10000 + number}", "user_id": user, "quantity": 1,
                "price": 10.5 + product, "title": f"Thing {product}",
            }
            for product in rng.sample(range(products), rng.randint(2, 4))
        ]  # fmt: skip
    return lines


def visits(rng: random.Random, count: int = 60, products: int = 12) -> list[Line]:
    """Views of `count` sessions of two or three products."""
    lines = []
    for number in range(count):
        moment = START + timedelta(hours=5 * number, minutes=rng.randrange(50))
        for step, product in enumerate(rng.sample(range(products), rng.randint(2, 3))):
            lines.append({
                "product_id": f"P-{product:02d}", "event": "view", "basket_id": None,
                "timestamp": moment + timedelta(minutes=step), "session_id": f"s{number}",
                "user_id": f"v{number}", "quantity": None, "price": 10.5 + product,
                "title": f"Thing {product}",
            })  # fmt: skip
    return lines


def write(
    folder: Path, lines: Sequence[Line], layout: Layout, rng: random.Random, name: str = "events"
) -> Path:
    """Write lines as a table; the path of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = list(dict.fromkeys(key for line in lines for key in line))
    if layout.shuffled:
        rng.shuffle(keys)
    rows = []
    for line in lines:
        row = {layout.names.get(key, key): _value(line.get(key), layout) for key in keys}
        row |= {f"note {i}": f"x{rng.randrange(9)}" for i in range(layout.extra)}
        rows.append(row)
    suffix = {"semicolon": "csv", "utf16": "csv", "cp1252": "csv", "bom": "csv", "crlf": "csv",
              "quoted": "csv"}.get(layout.form, layout.form)  # fmt: skip
    path = folder / f"{name}.{suffix}"
    path.write_bytes(_content(rows, layout.form, name))
    return path


def _value(value: Any, layout: Layout) -> Any:
    if isinstance(value, datetime):
        return value.strftime(layout.time) if isinstance(layout.time, str) else layout.time(value)
    return value


def _content(  # noqa: PLR0911
    rows: list[dict[str, Any]], form: str, name: str
) -> bytes:
    if form.startswith("jsonl"):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        return gzip.compress(text) if form.endswith("gz") else text
    frame = pl.DataFrame(rows, infer_schema_length=None, strict=False)
    buffer = io.BytesIO()
    if form == "parquet":
        frame.write_parquet(buffer)
        return buffer.getvalue()
    if form == "xlsx":
        return _spreadsheet(rows)
    mark = {"tsv": "\t", "semicolon": ";"}.get(form, ",")
    style: Any = "always" if form == "quoted" else "necessary"
    text = frame.write_csv(separator=mark, quote_style=style)
    if form == "crlf":
        text = text.replace("\n", "\r\n")
    encoding = {"utf16": "utf-16", "cp1252": "cp1252", "bom": "utf-8-sig"}.get(form, "utf-8")
    data = text.encode(encoding)
    if form == "csv.gz":
        return gzip.compress(data)
    if form == "csv.zst":
        import zstandard

        return zstandard.compress(data)
    if form == "csv.zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}.csv", data)
        return buffer.getvalue()
    return data


def _spreadsheet(rows: list[dict[str, Any]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append(list(row.values()))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@dataclass
class Reading:
    """What a load should understand, or did."""

    events: dict[str, int]
    baskets: Counter[frozenset[str]]
    sessions: Counter[frozenset[str]]
    users: int | None
    first: str | None
    last: str | None

    def differences(self, other: Reading) -> dict[str, tuple[Any, Any]]:
        """What differs: here, there. Users and sessions are compared where both have them."""
        found: dict[str, tuple[Any, Any]] = {}
        for name in ("events", "baskets", "sessions", "users", "first", "last"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs and (mine is not None or name in ("events", "baskets")):
                if isinstance(mine, Counter):
                    mine, theirs = (_most(mine - theirs), _most(theirs - mine))
                found[name] = (mine, theirs)
        return found


def _most(counter: Counter[frozenset[str]]) -> list[Any]:
    return [(sorted(key), count) for key, count in counter.most_common(2)]


def truth(lines: Sequence[Line]) -> Reading:
    """The reading of lines that all count."""
    times = [line["timestamp"] for line in lines if line.get("timestamp")]
    users = {line["user_id"] for line in lines if line.get("user_id")}
    return Reading(
        dict(Counter(line.get("event", "purchase") for line in lines)),
        _groups((line.get("basket_id"), line["product_id"]) for line in lines),
        _groups((line.get("session_id"), line["product_id"]) for line in lines),
        len(users) if any("user_id" in line for line in lines) else None,
        _iso(min(times)) if times else None,
        _iso(max(times)) if times else None,
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat(" ")


def _groups(pairs: Any) -> Counter[frozenset[str]]:
    groups: dict[Any, set[str]] = {}
    for key, product in pairs:
        if key is not None:
            groups.setdefault(key, set()).add(product)
    return Counter(frozenset(group) for group in groups.values())


def read_as(data: goeswith.Dataset) -> Reading:
    """What a load understood."""
    events = data.events
    if events is None:
        return Reading({}, Counter(), Counter(), None, None, None)
    ids = data.catalog.ids

    def of(name: str) -> Counter[frozenset[str]]:
        if name not in events.columns:
            return Counter()
        rows = events.select(name, "product").iter_rows()
        return _groups((key, ids[product]) for key, product in rows)

    users = events["user_id"].drop_nulls().n_unique() if "user_id" in events.columns else 0
    report = data.report
    return Reading(
        report.events,
        of("basket_id"),
        of("session_id"),
        users,
        report.first[:19] if report.first else None,
        report.last[:19] if report.last else None,
    )


def changed(line: Line, **values: Any) -> Line:
    """A line with other values."""
    return {**line, **values}


def renamed(layout: Layout, **names: str) -> Layout:
    """A layout with other names of columns."""
    return replace(layout, names={**layout.names, **names})


def compare(folder: Path, counting: list[Line], **settings: Any) -> Result:
    """Load a folder and compare it with the lines that count."""
    data = goeswith.load_data(folder, settings=DataConfig(**settings))
    differences = truth(counting).differences(read_as(data))
    return not differences, differences or data.report.notes
