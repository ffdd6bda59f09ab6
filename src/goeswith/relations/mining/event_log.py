"""Events in the form that relations are counted in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from goeswith.relations.engines import fetch
from goeswith.relations.expressions import Table

ID_COLUMNS: Final = ("basket_id", "session_id", "user_id")
_EVENTS: Final = ("view", "purchase")


@dataclass(frozen=True)
class EventLog:
    """Events and their numbers.

    Attributes:
        table: the events.
        rows: number of events.
        values: number of values that are not null, by column.
        of_event: number of events by the value of `event`, "view" and "purchase" alone.
    """

    table: Table
    rows: int
    values: Mapping[str, int]
    of_event: Mapping[str, int]

    @property
    def columns(self) -> frozenset[str]:
        """The columns with at least one value."""
        return frozenset(name for name, seen in self.values.items() if seen)

    @classmethod
    def from_table(cls, table: Table) -> EventLog:
        """The log of a table, which is counted."""
        values = {name: table[name].count() for name in table.columns}
        events = {f"is {name}": table.count(where=table.event == name) for name in _EVENTS}
        counted = table.aggregate(n_rows=table.count(), **values, **events)
        (counts,) = fetch(counted).to_dicts()
        return cls(
            table,
            int(counts["n_rows"]),
            {name: int(counts[name] or 0) for name in values},
            {name: int(counts[f"is {name}"] or 0) for name in _EVENTS},
        )

    def having(self, *names: str) -> EventLog:
        """The events that have a value in all of some columns."""
        if all(self.values[name] == self.rows for name in names):
            return self
        return EventLog.from_table(
            self.table.filter([self.table[name].notnull() for name in names])
        )

    def purchases(self) -> EventLog:
        """The purchases."""
        rows = self.of_event["purchase"]
        if rows == self.rows:
            return self
        bought = self.table.filter(self.table.event == "purchase")
        if any(0 < seen < self.rows for seen in self.values.values()):
            return EventLog.from_table(bought)
        values = {name: rows if seen else 0 for name, seen in self.values.items()}
        return EventLog(bought, rows, values, {"purchase": rows, "view": 0})

    def with_context(self, unit: str) -> Table:
        """The events as the expressions take them, without empty columns."""
        names = ("user_id", "time", "position", "line")
        present = [name for name in names if name in self.columns]
        return self.table.select(
            "product", "event", *(name for name in present if name != unit), context=unit
        )


def encode_events(events: pl.DataFrame) -> pl.DataFrame:
    """Events in the form that `mine_table` takes."""
    columns = [pl.col("product"), *(_codes(name) for name in ID_COLUMNS if name in events.columns)]
    event = pl.col("event") if "event" in events.columns else pl.lit("purchase")
    columns.append(event.cast(pl.String).alias("event"))
    in_order = [name for name in ("timestamp", "position") if name in events.columns]
    if "user_id" in events.columns and not any(events[name].count() for name in in_order):
        columns.append(pl.int_range(pl.len(), dtype=pl.Int64).alias("line"))
    if "timestamp" in events.columns:
        columns.append(pl.col("timestamp").cast(pl.Datetime("us")).dt.epoch("us").alias("time"))
    if "position" in events.columns:
        columns.append(pl.col("position").cast(pl.Int64))
    return events.select(columns)


def _codes(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).cast(pl.Categorical).to_physical().cast(pl.Int32)
