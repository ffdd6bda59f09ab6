"""Events in the form that relations are counted in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from goeswith.relations.expressions import Table

ID_COLUMNS: Final = ("basket_id", "session_id", "user_id")


@dataclass(frozen=True)
class EventLog:
    """Events, their number, and the columns with at least one value."""

    table: Table
    rows: int
    columns: frozenset[str]

    @classmethod
    def from_table(cls, table: Table) -> EventLog:
        """The log of a table, which is counted."""
        expressions_by_column = {name: table[name].count() for name in table.columns}
        (counts,) = (
            table.aggregate(n_rows=table.count(), **expressions_by_column).to_pyarrow().to_pylist()
        )
        rows = int(counts.pop("n_rows"))
        return cls(table, rows, frozenset(name for name, seen in counts.items() if seen))

    def having(self, *names: str) -> EventLog:
        """The events that have a value in all of some columns."""
        if not names:
            return self
        return EventLog.from_table(
            self.table.filter([self.table[name].notnull() for name in names])
        )

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


def count_rows(table: Table) -> int:
    """Number of rows of a table in its engine."""
    return int(table.count().to_pyarrow().as_py())
