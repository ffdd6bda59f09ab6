"""Mining of relations from events: co-purchase, co-view, and view then purchase."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.relations.baskets.basket_matrix import basket_matrix, with_baskets
from goeswith.relations.config import MiningConfig
from goeswith.relations.engines import Engine, duckdb_engine
from goeswith.relations.expressions import Table
from goeswith.relations.graph import RelationGraph
from goeswith.relations.mining.event_log import ID_COLUMNS, EventLog, encode_events
from goeswith.relations.mining.relation_miner import RelationMiner
from goeswith.relations.mining_report import MiningReport
from goeswith.relations.relation import CO_PURCHASE
from goeswith.relations.vote_weights import VoteWeights

_MAX_LINES: Final = 20_000_000
"""Events up to which the graph keeps the baskets, for models that read them."""


def mine(
    events: pl.DataFrame,
    n: int,
    config: MiningConfig | None = None,
    report: MiningReport | None = None,
) -> RelationGraph:
    """Count relations between products in an event log (see docs/explanation/relations.md).

    Args:
        events: product (Int32 row in the catalogue); at least one of basket_id, session_id and
            user_id; if present, event ("view", "cart", "purchase"; without the column
            all are purchases), timestamp (Datetime) and position (Int64).
        n: products in the catalogue.
        config: windows, caps and minimum counts; None for the defaults.
        report: filled in with the numbers of counted and excluded contexts.

    Returns:
        co_purchase if there are purchases; co_view if there are views; view_then_purchase
        if there are both and they have an order; and the baskets of a log of at most 20 million
        events.

    Raises:
        DataError: there is nothing to group events by, or no time for a window of days.
    """
    config = config or MiningConfig()
    with duckdb_engine(config.memory_mb) as engine:
        table = engine.load(encode_events(events).to_arrow())
        graph = mine_table(table, n, engine, config, report)
    return with_basket_matrix(graph, events, config)


def with_basket_matrix(
    graph: RelationGraph, events: pl.DataFrame, config: MiningConfig | None = None
) -> RelationGraph:
    """The graph with the baskets of a log, if it has purchases and they are not too many."""
    purchases = with_baskets(events) if events.height <= _MAX_LINES else None
    if purchases is None or CO_PURCHASE not in graph.relations:
        return graph
    config = config or MiningConfig()
    baskets = basket_matrix(purchases, graph.n, config.max_basket, config.per_user_cap)
    return replace(graph, baskets=baskets)


def mine_table(
    events: Table,
    n: int,
    engine: Engine,
    config: MiningConfig | None = None,
    report: MiningReport | None = None,
) -> RelationGraph:
    """Mine relations from a table in an engine; only edges leave the engine.

    Args:
        events: an Ibis table: product (int32 row in the catalogue), event ("view", "cart",
            "purchase"), at least one of basket_id, session_id and user_id (integers below 2 ** 31,
            or null), and if present time (int64 microseconds), position (int64) and line (int64,
            the order of a log without times and positions).
        n: products in the catalogue.
        engine: where `events` is.
        config: see `mine`.
        report: see `mine`.

    Raises:
        DataError: as `mine` does.
    """
    config = config or MiningConfig()
    report = report if report is not None else MiningReport()
    log = EventLog.from_table(engine.materialize(events))
    if not log.rows:
        report.notes.append("there are no events")
        return RelationGraph(n)
    if not any(name in log.columns for name in ID_COLUMNS):
        raise DataError(
            "the events have no basket_id, session_id or user_id to show which of "
            "them belong together; add one of these columns"
        )
    votes = VoteWeights.from_log(log.table, log.columns, config)
    mining = RelationMiner(n, engine, config, votes, report)
    relations = {}
    if log.of_event["purchase"]:
        relations[CO_PURCHASE] = mining.co_purchase(log.purchases())
    if log.of_event["view"]:
        relations |= mining.view_relations(log)
    return RelationGraph(n, relations)
