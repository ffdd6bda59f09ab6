"""Events -> relations: which products are bought together, compared, or bought after a view."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.relations import expressions
from goeswith.relations.collect import Edges, count_together, make_edges, per_product, total_weight
from goeswith.relations.config import CERTAIN, MiningConfig
from goeswith.relations.engines import Engine, duckdb_engine
from goeswith.relations.expressions import Table
from goeswith.relations.graph import RelationGraph
from goeswith.relations.mining_report import MinedRelation, MiningReport
from goeswith.relations.pair_counts import pairs_of
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, VIEW_THEN_PURCHASE, Relation
from goeswith.relations.vote_weights import Votes

_IDS: Final = ("basket_id", "session_id", "user_id")
_CONTEXTS_ARE: Final = {"basket_id": "baskets", "session_id": "sessions", "user_id": "users"}


def mine(
    events: pl.DataFrame,
    n: int,
    config: MiningConfig | None = None,
    report: MiningReport | None = None,
) -> RelationGraph:
    """Count relations between products in an event log (see docs/explanation/relations.md).

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
    import ibis

    config = config or MiningConfig()
    with duckdb_engine(config.memory_mb) as engine:
        return mine_table(ibis.memtable(_encoded(events).to_arrow()), n, engine, config, report)


def mine_table(
    events: Table,
    n: int,
    engine: Engine,
    config: MiningConfig | None = None,
    report: MiningReport | None = None,
) -> RelationGraph:
    """What `mine` does, of a table that an engine holds; only edges leave the engine.

    Args:
        events: an Ibis table: product (int32 row in the catalogue), event ("view", "cart",
            "purchase"), at least one of basket_id, session_id and user_id (integers below 2 ** 31,
            or null), and where known time (int64 microseconds) and position (int64).
        n: products in the catalogue.
        engine: where `events` is.
        config: see `mine`, as is
        report: likewise.

    Raises:
        DataError: as `mine` does.
    """
    config = config or MiningConfig()
    report = report if report is not None else MiningReport()
    log = _Log.of(engine.keep(events))
    if not log.rows:
        report.notes.append("there are no events")
        return RelationGraph(n)
    if not any(name in log.known for name in _IDS):
        raise DataError(
            "the events have no basket_id, session_id or user_id, so that nothing says which of "
            "them belong together; add one of these columns"
        )
    votes = Votes.of(log.table, log.known, config)
    mining = _Mining(n, engine, config, votes, report)
    bought = _Log.of(log.table.filter(log.table.event == "purchase"))
    relations = {}
    if bought.rows:
        relations[CO_PURCHASE] = mining.co_purchase(bought)
    if _rows(log.table.filter(log.table.event == "view")):
        relations |= mining.view_relations(log)
    return RelationGraph(n, relations)


@dataclass(frozen=True)
class _Log:
    """Events, and of which columns some are known."""

    table: Table
    rows: int
    known: frozenset[str]

    @classmethod
    def of(cls, table: Table) -> _Log:
        counts = {name: table[name].count() for name in table.columns}
        (found,) = table.aggregate(n_rows=table.count(), **counts).to_pyarrow().to_pylist()
        rows = int(found.pop("n_rows"))
        return cls(table, rows, frozenset(name for name, seen in found.items() if seen))

    def where(self, *names: str) -> _Log:
        """The events of which some columns are known."""
        if not names:
            return self
        return _Log.of(self.table.filter([self.table[name].notnull() for name in names]))

    def by(self, unit: str) -> Table:
        """The events as the expressions take them, without columns that say nothing."""
        kept = [name for name in ("user_id", "time", "position") if name in self.known]
        return self.table.select(
            "product", "event", *(name for name in kept if name != unit), context=unit
        )


@dataclass(frozen=True)
class _Mining:
    """What mining one log needs."""

    n: int
    engine: Engine
    config: MiningConfig
    votes: Votes
    report: MiningReport

    def co_purchase(self, events: _Log) -> Relation:
        config, keep = self.config, self.engine.keep
        by_days = _by_days(events, config)
        unit = "user_id" if by_days else next(name for name in _IDS if name in events.known)
        if unit != "basket_id" and not by_days:
            self.report.notes.append(
                f"{CO_PURCHASE}: no basket ids, and no user ids with timestamps for a window of "
                f"days, so that all purchases of one {unit.removesuffix('_id')} go together"
            )
        timed = by_days or self.votes.half_life is not None
        placed = events.where(unit, *(["time"] if timed else []))
        encoded = keep(placed.by(unit))
        table = expressions.with_moment(encoded)
        window = timedelta(days=config.window_days) // timedelta(microseconds=1)
        if by_days:
            occurrences = keep(expressions.dated_purchases(table))
            sizes = keep(expressions.window_sizes(occurrences, window))
        else:
            occurrences = keep(expressions.purchases(table))
            sizes = keep(expressions.context_sizes(occurrences))
        counted = _counted(sizes, config.max_basket, unit, events.rows - placed.rows)
        fit = keep(expressions.kept(occurrences, sizes, config.max_basket))
        least, ordered = _least(config, sizes, fit), counted.ordered
        if by_days:
            occurrences = keep(self.votes.of_purchases(fit))
            within = expressions.together_within(occurrences, window, ordered=ordered)
            pairs = pairs_of(keep(within), least)
        else:
            occurrences = keep(self.votes.of_contexts(fit, encoded))
            pairs = count_together(occurrences, self.n, least, self.engine, ordered=ordered)
        held = per_product(expressions.holders(occurrences), self.n)
        edges = make_edges(pairs, self.n, symmetric=True)
        capped = _rows(fit) - _rows(occurrences)
        if config.min_co_purchase == "auto" and least < CERTAIN:
            self.report.notes.append(
                f"{CO_PURCHASE}: pairs of {least} and more {_CONTEXTS_ARE[unit]} are edges, for "
                f"there are too few purchases for ten answers a product of {CERTAIN}"
            )
        self.report.relations.append(_mined(CO_PURCHASE, counted, edges, capped, least))
        contexts = total_weight(expressions.total_weight(occurrences))
        return Relation(edges.count, edges.source_first, held, held, contexts, edges.seen)

    def view_relations(self, events: _Log) -> dict[str, Relation]:
        config, keep, n, notes = self.config, self.engine.keep, self.n, self.report.notes
        unit = next((name for name in ("session_id", "user_id") if name in events.known), None)
        if unit is None:
            notes.append(
                f"{CO_VIEW}, {VIEW_THEN_PURCHASE}: not mined, for views have no session_id or "
                "user_id"
            )
            return {}
        split = unit == "user_id" and "time" in events.known
        if unit == "user_id" and not split:
            notes.append(
                f"{CO_VIEW}, {VIEW_THEN_PURCHASE}: no session ids and no timestamps, so that all "
                "that a user did counts as one session"
            )
        timed = split or self.votes.half_life is not None
        placed = events.where(unit, *(["time"] if timed else []))
        table = keep(placed.by(unit))
        if split:
            gap = timedelta(minutes=config.session_gap_minutes) // timedelta(microseconds=1)
            table = table.mutate(user_id=table.context).drop("context")
            table = keep(expressions.sessions_by_gap(table, gap))
        visited = keep(expressions.visits(expressions.with_moment(table)))
        sizes = keep(expressions.context_sizes(visited))
        unplaced = events.rows - placed.rows
        counted = _counted(sizes, config.max_basket, "session_id", unplaced)
        fit = keep(expressions.kept(visited, sizes, config.max_basket))
        visited = keep(self.votes.of_contexts(fit, table))
        capped = _rows(fit) - _rows(visited)
        viewers = per_product(expressions.holders(visited.filter(visited.viewed)), n)
        buyers = per_product(expressions.holders(visited.filter(visited.bought)), n)
        contexts = total_weight(expressions.total_weight(visited))

        pairs = count_together(visited, n, config.min_co_view, self.engine, ordered=counted.ordered)
        edges = make_edges(pairs, n, symmetric=True)
        self.report.relations.append(_mined(CO_VIEW, counted, edges, capped, config.min_co_view))
        compared = Relation(edges.count, edges.source_first, viewers, viewers, contexts, edges.seen)
        if not buyers.any():
            return {CO_VIEW: compared}
        if not events.known & {"time", "position"}:
            notes.append(
                f"{VIEW_THEN_PURCHASE}: not mined, for the events have no timestamps or positions "
                "that would tell what came first"
            )
            return {CO_VIEW: compared}
        pairs = pairs_of(
            keep(expressions.viewed_then_bought(visited)), config.min_view_then_purchase
        )
        edges = make_edges(pairs, n, symmetric=False)
        counted = replace(counted, ordered=True)
        least = config.min_view_then_purchase
        self.report.relations.append(_mined(VIEW_THEN_PURCHASE, counted, edges, capped, least))
        # the view comes first in every session that this relation counts
        first = (edges.count.data if edges.seen is None else edges.seen).copy()
        after = Relation(edges.count, first, viewers, buyers, contexts, edges.seen)
        return {CO_VIEW: compared, VIEW_THEN_PURCHASE: after}


def _by_days(purchases: _Log, config: MiningConfig) -> bool:
    possible = purchases.known >= {"user_id", "time"}
    if config.purchase_window == "days" and not possible:
        raise DataError(
            "purchase_window = 'days' needs purchases with user_id and timestamp, which these "
            "events do not have; set it to 'basket' or 'auto'"
        )
    if config.purchase_window == "auto":
        return possible and "basket_id" not in purchases.known
    return config.purchase_window == "days"


def _least(config: MiningConfig, sizes: Table, occurrences: Table) -> int:
    """In how many contexts two products must be to become an edge of co-purchase."""
    if config.min_co_purchase != "auto":
        return config.min_co_purchase
    kept = sizes.filter(sizes["size"] <= config.max_basket)
    pairs = (kept["size"] * (kept["size"] - 1)).sum().to_pyarrow().as_py()
    products = occurrences["product"].nunique().to_pyarrow().as_py()
    return config.least_co_purchase(int(pairs or 0), int(products or 0))


def _encoded(events: pl.DataFrame) -> pl.DataFrame:
    """Events as `mine_table` takes them."""
    columns = [pl.col("product"), *(_codes(name) for name in _IDS if name in events.columns)]
    event = pl.col("event") if "event" in events.columns else pl.lit("purchase")
    columns.append(event.cast(pl.String).alias("event"))
    if "timestamp" in events.columns:
        columns.append(pl.col("timestamp").cast(pl.Datetime("us")).dt.epoch("us").alias("time"))
    if "position" in events.columns:
        columns.append(pl.col("position").cast(pl.Int64))
    return events.select(columns)


def _codes(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).cast(pl.Categorical).to_physical().cast(pl.Int32)


def _rows(table: Table) -> int:
    return int(table.count().to_pyarrow().as_py())


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
        contexts=found["contexts"] or 0,  # of no contexts Spark counts null
        giants=found["giants"] or 0,
        unplaced=unplaced,
        ordered=(found["ordered"] or 0) > 0,
    )


def _mined(
    relation: str, counted: _Counted, edges: Edges, capped: int, least: int
) -> MinedRelation:
    return MinedRelation(
        relation=relation,
        contexts_are=counted.contexts_are,
        contexts=counted.contexts,
        giants=counted.giants,
        capped=capped,
        unplaced=counted.unplaced,
        pairs=edges.pairs,
        least=least,
        below_support=edges.below_support,
        edges=edges.count.nnz,
        order_known=counted.ordered,
    )
