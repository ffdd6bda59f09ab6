"""What a load understood: columns, events, times, contexts, users, and what was not read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

import polars as pl

from goeswith.data.mapping.conventions import Conventions

NO_TABLE: Final = "no table"
"""Why a file of another kind is not read, such as a README."""
_UNITS: Final = {"basket_id": "baskets", "session_id": "sessions"}
_FEW: Final = 3
"""Products that may well be bought at one time."""


@dataclass
class TableReport:
    """How one table was read.

    Attributes:
        table: its name.
        files: its files.
        rows: rows read.
        columns: column of goeswith -> column of the files.
        unused: columns that are not read; columns of products are attributes instead.
    """

    table: str
    files: list[str]
    rows: int
    columns: dict[str, str]
    unused: list[str]


@dataclass
class LoadReport:
    """What a load understood.

    Attributes:
        tables: how each table was read.
        events: event -> number of events that count.
        first: time of the first event, in UTC; None without times.
        last: time of the last event.
        contexts: baskets and sessions -> `count`, and `median` and `largest` number of products.
        users: `count`, `without` (events without a user), and `largest_share` and
            `ten_largest_share` of the baskets, else the sessions or events (`unit`).
        statuses: order status -> `events`, and whether they are `counted`.
        not_read: file -> why it is not read.
        notes: what was recognised and changed, and what may be wrong.
        conventions: how the events are written, for updates.
    """

    tables: list[TableReport] = field(default_factory=list)
    events: dict[str, int] = field(default_factory=dict)
    first: str | None = None
    last: str | None = None
    contexts: dict[str, dict[str, float]] = field(default_factory=dict)
    users: dict[str, Any] = field(default_factory=dict)
    statuses: dict[str, dict[str, int | bool]] = field(default_factory=dict)
    not_read: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    conventions: Conventions = field(default_factory=Conventions)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def describe_events(self, events: pl.DataFrame) -> None:
        """Take the figures of the events that count, as `clean_events` returns them."""
        counts = events.group_by("event").len().sort("len", "event", descending=[True, False])
        self.events = dict(counts.iter_rows())
        if "timestamp" in events.columns and events.height:
            first, last = events["timestamp"].min(), events["timestamp"].max()
            if isinstance(first, datetime) and isinstance(last, datetime):
                self.first, self.last = first.isoformat(" "), last.isoformat(" ")
            is_one_time = first == last and events["product"].n_unique() > _FEW
            if is_one_time and not set(_UNITS) & set(events.columns):
                self.notes.append(
                    f"every event has the time {self.first}, which seems to be that of the export: "
                    "all events of a user are one context. Map the column of the time, the order "
                    "or the session under [data.columns.events]"
                )
        for name, unit in _UNITS.items():
            if name in events.columns:
                sizes = (
                    events.lazy()
                    .filter(pl.col(name).is_not_null())
                    .group_by(name)
                    .agg(pl.col("product").n_unique().alias("size"))
                    .select(
                        count=pl.len(), median=pl.col("size").median(), largest=pl.col("size").max()
                    )
                    .collect()
                )
                self.contexts[unit] = sizes.row(0, named=True)
        if "user_id" in events.columns:
            self.users = _user_shares(events)

    def lines(self) -> list[str]:
        """Sentences for a terminal."""
        lines = []
        for table in self.tables:
            files = table.files[0] if len(table.files) == 1 else f"{len(table.files)} files"
            renamed = [f"{o} = {t!r}" for o, t in table.columns.items() if o != t]
            unused = table.unused if table.table != "products" else []
            line = f"{table.table}: {table.rows:,} rows from {files}"
            line += f"; columns: {', '.join(renamed)}" if renamed else ""
            line += f"; not read: {_listed(unused)}" if unused else ""
            lines.append(line)
        if self.events:
            counts = ", ".join(f"{count:,} {event}" for event, count in self.events.items())
            span = f", {self.first} to {self.last} UTC" if self.first else ", without times"
            lines.append(f"events that count: {counts}{span}")
        for unit, sizes in self.contexts.items():
            lines.append(
                f"{unit}: {sizes['count']:,.0f}, products: median {sizes['median'] or 0:g}, "
                f"largest {sizes['largest'] or 0:,.0f}"
            )
        if self.users:
            lines.append(
                f"users: {self.users['count']:,}; the largest owns "
                f"{self.users['largest_share']:.1%} of the {self.users['unit']}, the ten largest "
                f"{self.users['ten_largest_share']:.1%}"
            )
        if self.statuses:
            counted = [status for status, entry in self.statuses.items() if entry["counted"]]
            ignored = [status for status, entry in self.statuses.items() if not entry["counted"]]
            lines.append(
                f"order status counted: {_listed(counted) or 'none'}; left out: "
                f"{_listed(ignored) or 'none'}"
            )
        lines += [f"note: {note}" for note in self.notes]
        lines += [
            f"not read: {file} ({reason})"
            for file, reason in self.not_read.items()
            if reason != NO_TABLE
        ]
        return lines


def _user_shares(events: pl.DataFrame) -> dict[str, Any]:
    name = next((name for name in _UNITS if name in events.columns), None)
    counted = pl.len() if name is None else pl.col(name).n_unique()
    users = (
        events.lazy()
        .filter(pl.col("user_id").is_not_null())
        .group_by("user_id")
        .agg(counted.cast(pl.Int64).alias("contexts"))
        .collect()["contexts"]
    )
    total = max(int(users.sum()), 1)
    return {
        "count": len(users),
        "without": events["user_id"].null_count(),
        "unit": "events" if name is None else _UNITS[name],
        "largest_share": int(users.max() or 0) / total,  # type: ignore[arg-type]
        "ten_largest_share": int(users.top_k(10).sum()) / total,
    }


def _listed(names: list[str], most: int = 12) -> str:
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")
