"""Events -> relations: which products are bought together, compared, or bought after a view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from tempfile import TemporaryDirectory
from typing import Final

import polars as pl

from goeswith.errors import DataError
from goeswith.relations import expressions
from goeswith.relations.collect import Edges, make_edges, per_product, total_weight
from goeswith.relations.config import MiningConfig
from goeswith.relations.expressions import Table
from goeswith.relations.graph import (
    CO_PURCHASE,
    CO_VIEW,
    VIEW_THEN_PURCHASE,
    Relation,
    RelationGraph,
)
from goeswith.relations.report import MinedRelation, MiningReport
from goeswith.relations.votes import Votes

_IDS: Final = ("basket_id", "session_id", "user_id")
_CONTEXTS_ARE: Final = {"basket_id": "baskets", "session_id": "sessions", "user_id": "users"}

_Keep = Callable[[Table], Table]
"""Computes an expression once and returns the table that holds the result."""


def mine(
    events: pl.DataFrame,
    n: int,
    config: MiningConfig | None = None,
    report: MiningReport | None = None,
) -> RelationGraph:
    """Count relations between products in an event log (see docs/relations.md).

    Args:
        events: product (Int32 row in the catalogue); at least one of basket_id, session_id and
            user_id; where the data have them event ("view", "cart", "purchase"; without the column
            all are purchases), timestamp (Datetime) and position (Int64).
        n: products in the catalogue.
        config: windows, caps and least counts; the defaults where left out.
        report: filled with what was counted and what was left out.

    Returns:
        co_purchase where there are purchases; co_view where there are views; view_then_purchase
        where there are both and their order is known.

    Raises:
        DataError: there is nothing to group events by, or no time for a window of days.
    """
    config = config or MiningConfig()
    report = report if report is not None else MiningReport()
    if events.is_empty():
        report.notes.append("there are no events")
        return RelationGraph(n)
    if not any(_has(events, name) for name in _IDS):
        raise DataError(
            "the events have no basket_id, session_id or user_id, so that nothing says which of "
            "them belong together; add one of these columns"
        )
    votes = Votes.of(events, config)
    kinds = set(events["event"].unique()) if "event" in events.columns else {"purchase"}
    relations = {}
    with _duckdb(config) as keep:
        if "purchase" in kinds:
            relations[CO_PURCHASE] = _co_purchase(events, n, config, votes, report, keep)
        if "view" in kinds:
            relations |= _view_relations(events, n, config, votes, report, keep)
    return RelationGraph(n, relations)


def _co_purchase(  # noqa: PLR0917
    events: pl.DataFrame,
    n: int,
    config: MiningConfig,
    votes: Votes,
    report: MiningReport,
    keep: _Keep,
) -> Relation:
    if "event" in events.columns:
        events = events.filter(pl.col("event") == "purchase")
    by_days = _by_days(events, config)
    unit = "user_id" if by_days else next(name for name in _IDS if _has(events, name))
    if unit != "basket_id" and not by_days:
        report.notes.append(
            f"{CO_PURCHASE}: no basket ids, and no user ids with timestamps for a window of days, "
            f"so that all purchases of one {unit.removesuffix('_id')} go together"
        )
    placed = votes.placed(events.filter(pl.col(unit).is_not_null()))
    if by_days:
        placed = placed.filter(pl.col("timestamp").is_not_null())
    encoded = keep(_encoded(placed, unit))
    table = expressions.with_moment(encoded)
    window = timedelta(days=config.window_days) // timedelta(microseconds=1)
    if by_days:
        occurrences = keep(expressions.dated_purchases(table))
        sizes = keep(expressions.window_sizes(occurrences, window))
    else:
        occurrences = keep(expressions.purchases(table))
        sizes = keep(expressions.context_sizes(occurrences))
    counted = _counted(sizes, config.max_basket, unit, events.height - placed.height)
    fit = keep(expressions.kept(occurrences, sizes, config.max_basket))
    if by_days:
        occurrences = keep(votes.of_purchases(fit))
        pairs = expressions.together_within(occurrences, window, ordered=counted.ordered)
    else:
        occurrences = keep(votes.of_contexts(fit, encoded))
        pairs = expressions.together(occurrences, ordered=counted.ordered)
    held = per_product(expressions.holders(occurrences), n)
    edges = make_edges(keep(pairs), n, config.min_co_purchase, symmetric=True)
    report.relations.append(_mined(CO_PURCHASE, counted, edges, _rows(fit) - _rows(occurrences)))
    contexts = total_weight(expressions.total_weight(occurrences))
    return Relation(edges.count, edges.source_first, held, held, contexts, edges.seen)


def _view_relations(  # noqa: PLR0917
    events: pl.DataFrame,
    n: int,
    config: MiningConfig,
    votes: Votes,
    report: MiningReport,
    keep: _Keep,
) -> dict[str, Relation]:
    unit = next((name for name in ("session_id", "user_id") if _has(events, name)), None)
    if unit is None:
        report.notes.append(
            f"{CO_VIEW}, {VIEW_THEN_PURCHASE}: not mined, for views have no session_id or user_id"
        )
        return {}
    placed = votes.placed(events.filter(pl.col(unit).is_not_null()))
    split = unit == "user_id" and _has(events, "timestamp")
    if split:
        placed = placed.filter(pl.col("timestamp").is_not_null())
    elif unit == "user_id":
        report.notes.append(
            f"{CO_VIEW}, {VIEW_THEN_PURCHASE}: no session ids and no timestamps, so that all that "
            "a user did counts as one session"
        )
    table = keep(_encoded(placed, unit))
    if split:
        gap = timedelta(minutes=config.session_gap_minutes) // timedelta(microseconds=1)
        if "user_id" not in table.columns:
            table = table.mutate(user_id=table.context)
        table = keep(expressions.sessions_by_gap(table.drop("context"), gap))
    visited = keep(expressions.visits(expressions.with_moment(table)))
    sizes = keep(expressions.context_sizes(visited))
    counted = _counted(sizes, config.max_basket, "session_id", events.height - placed.height)
    fit = keep(expressions.kept(visited, sizes, config.max_basket))
    visited = keep(votes.of_contexts(fit, table))
    capped = _rows(fit) - _rows(visited)
    viewers = per_product(expressions.holders(visited.filter(visited.viewed)), n)
    buyers = per_product(expressions.holders(visited.filter(visited.bought)), n)
    contexts = total_weight(expressions.total_weight(visited))

    pairs = keep(expressions.alternatives(visited, ordered=counted.ordered))
    edges = make_edges(pairs, n, config.min_co_view, symmetric=True)
    report.relations.append(_mined(CO_VIEW, counted, edges, capped))
    relations = {
        CO_VIEW: Relation(edges.count, edges.source_first, viewers, viewers, contexts, edges.seen)
    }
    if not buyers.any():
        return relations
    if not _has(events, "timestamp") and not _has(events, "position"):
        report.notes.append(
            f"{VIEW_THEN_PURCHASE}: not mined, for the events have no timestamps or positions that "
            "would tell what came first"
        )
        return relations
    pairs = keep(expressions.viewed_then_bought(visited))
    edges = make_edges(pairs, n, config.min_view_then_purchase, symmetric=False)
    counted = replace(counted, ordered=True)
    report.relations.append(_mined(VIEW_THEN_PURCHASE, counted, edges, capped))
    # the view comes first in every session that this relation counts
    first = (edges.count.data if edges.seen is None else edges.seen).copy()
    relations[VIEW_THEN_PURCHASE] = Relation(
        edges.count, first, viewers, buyers, contexts, edges.seen
    )
    return relations


def _has(events: pl.DataFrame, column: str) -> bool:
    return column in events.columns and events[column].null_count() < events.height


def _by_days(purchases: pl.DataFrame, config: MiningConfig) -> bool:
    possible = _has(purchases, "user_id") and _has(purchases, "timestamp")
    if config.purchase_window == "days" and not possible:
        raise DataError(
            "purchase_window = 'days' needs purchases with user_id and timestamp, which these "
            "events do not have; set it to 'basket' or 'auto'"
        )
    if config.purchase_window == "auto":
        return possible and not _has(purchases, "basket_id")
    return config.purchase_window == "days"


def _encoded(events: pl.DataFrame, unit: str) -> Table:
    """Events as the expressions take them: integers, and no column that says nothing."""
    import ibis

    columns = [pl.col("product"), _codes(unit).alias("context")]
    if unit != "user_id" and _has(events, "user_id"):
        columns.append(_codes("user_id"))
    event = pl.col("event") if "event" in events.columns else pl.lit("purchase")
    columns.append(event.cast(pl.String).alias("event"))
    if _has(events, "timestamp"):
        columns.append(pl.col("timestamp").dt.epoch("us").alias("time"))
    if _has(events, "position"):
        columns.append(pl.col("position").cast(pl.Int64))
    return ibis.memtable(events.select(columns).to_arrow())


def _codes(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).cast(pl.Categorical).to_physical().cast(pl.Int32)


def _rows(table: Table) -> int:
    return int(table.count().to_pyarrow().as_py())


@contextmanager
def _duckdb(config: MiningConfig) -> Iterator[_Keep]:
    """A DuckDB of its own that goes on in a temporary folder where its memory ends."""
    import ibis

    with TemporaryDirectory(prefix="goeswith-") as folder:
        connection = ibis.duckdb.connect(
            memory_limit=f"{config.memory_mb}MiB",
            temp_directory=folder,
            preserve_insertion_order=False,
        )
        names = (f"step_{i}" for i in count())
        try:
            yield lambda expression: connection.create_table(next(names), expression, temp=True)
        finally:
            connection.disconnect()


@dataclass(frozen=True)
class _Counted:
    contexts_are: str
    contexts: int
    giants: int
    unplaced: int
    ordered: bool


def _counted(sizes: Table, cap: int, unit: str, unplaced: int) -> _Counted:
    fits = sizes.size <= cap
    row = sizes.aggregate(
        contexts=sizes.count(where=fits),
        giants=sizes.count(where=~fits),
        ordered=sizes.count(where=fits & sizes.ordered),
    )
    (found,) = row.to_pyarrow().to_pylist()
    return _Counted(
        contexts_are=_CONTEXTS_ARE[unit],
        contexts=found["contexts"],
        giants=found["giants"],
        unplaced=unplaced,
        ordered=found["ordered"] > 0,
    )


def _mined(relation: str, counted: _Counted, edges: Edges, capped: int) -> MinedRelation:
    return MinedRelation(
        relation=relation,
        contexts_are=counted.contexts_are,
        contexts=counted.contexts,
        giants=counted.giants,
        capped=capped,
        unplaced=counted.unplaced,
        pairs=edges.pairs,
        below_support=edges.below_support,
        edges=edges.count.nnz,
        order_known=counted.ordered,
    )
