"""Counting of the relations of one log: co-purchase, co-view, and view then purchase."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from goeswith.core.errors import DataError
from goeswith.relations import expressions
from goeswith.relations.config import DEFAULT_MIN_CO_PURCHASE, MiningConfig
from goeswith.relations.edge_counts import (
    EdgeCounts,
    Totals,
    count_pairs_in_context,
    edge_counts,
    per_product,
)
from goeswith.relations.engines import Engine, fetch
from goeswith.relations.expressions import Table
from goeswith.relations.mining.event_log import ID_COLUMNS, EventLog
from goeswith.relations.mining_report import MinedRelation, MiningReport
from goeswith.relations.pair_counts import read_pair_counts
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, VIEW_THEN_PURCHASE, Relation
from goeswith.relations.vote_weights import VoteWeights

_CONTEXT_NAMES: Final = {"basket_id": "baskets", "session_id": "sessions", "user_id": "users"}


@dataclass(frozen=True)
class RelationMiner:
    """Mines the relations of one log."""

    n: int
    engine: Engine
    config: MiningConfig
    votes: VoteWeights
    report: MiningReport

    def co_purchase(self, events: EventLog) -> Relation:
        """Products bought in one basket, or within a window of days.

        Args:
            events: the purchases.
        """
        config, keep = self.config, self.engine.materialize
        day_window = _uses_day_window(events, config)
        unit = (
            "user_id" if day_window else next(name for name in ID_COLUMNS if name in events.columns)
        )
        if unit != "basket_id" and not day_window:
            self.report.notes.append(
                f"{CO_PURCHASE}: no basket ids, and no user ids with timestamps for a window of "
                f"days, so all purchases of one {unit.removesuffix('_id')} count as one basket"
            )
        timed = day_window or self.votes.half_life is not None
        in_context = events.having(unit, *(["time"] if timed else []))
        encoded = keep(in_context.with_context(unit))
        table = expressions.with_moment(encoded)
        window = timedelta(days=config.window_days) // timedelta(microseconds=1)
        if day_window:
            occurrences = keep(expressions.dated_purchases(table))
            sizes = keep(expressions.window_sizes(occurrences, window))
        else:
            occurrences = keep(expressions.purchases(table))
            sizes = keep(expressions.context_sizes(occurrences))
        context_counts = _count_contexts(
            sizes, config.max_basket, unit, events.rows - in_context.rows
        )
        eligible = keep(expressions.limit_size(occurrences, sizes, config.max_basket))
        eligible_rows, products = _rows_and_products(eligible)
        min_count = config.resolve_min_co_purchase(context_counts.sightings, products)
        ordered = context_counts.ordered
        if day_window:
            occurrences = keep(self.votes.weigh_purchases(eligible))
            totals = Totals.of(occurrences)
            within = expressions.co_occurrences_within(occurrences, window, ordered=ordered)
            pairs = read_pair_counts(keep(within), min_count)
        else:
            occurrences = keep(self.votes.weigh_contexts(eligible, encoded, customers=True))
            totals = Totals.of(occurrences)
            pairs = count_pairs_in_context(
                occurrences, totals.rows, self.n, min_count, self.engine, ordered=ordered
            )
        (product_contexts,) = per_product(
            expressions.contexts_per_product(occurrences), self.n, "contexts"
        )
        min_customers = config.resolve_min_customers(min_count)
        edges = edge_counts(pairs, self.n, symmetric=True, min_customers=min_customers)
        (companions,) = per_product(
            expressions.companions_per_product(occurrences), self.n, "contexts"
        )
        over_user_cap = eligible_rows - totals.rows
        if config.min_co_purchase == "auto" and min_count < DEFAULT_MIN_CO_PURCHASE:
            self.report.notes.append(
                f"{CO_PURCHASE}: the minimum support in {_CONTEXT_NAMES[unit]} is {min_count}, "
                "because there are too few purchases for ten edges per product with "
                f"{DEFAULT_MIN_CO_PURCHASE}"
            )
        self.report.relations.append(
            _mined_relation(CO_PURCHASE, context_counts, edges, over_user_cap, min_count)
        )
        return Relation(
            edges.count,
            edges.source_first,
            product_contexts,
            product_contexts,
            totals.contexts,
            edges.seen,
            edges.customers,
            None if day_window else companions,
            None if day_window else float(companions.sum()),
        )

    def view_relations(self, events: EventLog) -> dict[str, Relation]:
        """co_view, and view_then_purchase if there are purchases and an order.

        Args:
            events: views and purchases.
        """
        config, keep, n, notes = self.config, self.engine.materialize, self.n, self.report.notes
        unit = next((name for name in ("session_id", "user_id") if name in events.columns), None)
        if unit is None:
            notes.append(
                f"{CO_VIEW}, {VIEW_THEN_PURCHASE}: not counted, because views have no session_id "
                "or user_id"
            )
            return {}
        split_by_gap = unit == "user_id" and "time" in events.columns
        if unit == "user_id" and not split_by_gap:
            notes.append(
                f"{CO_VIEW}, {VIEW_THEN_PURCHASE}: no session ids and no timestamps, so all "
                "events of a user count as one session"
            )
        timed = split_by_gap or self.votes.half_life is not None
        in_context = events.having(unit, *(["time"] if timed else []))
        table = keep(in_context.with_context(unit))
        if split_by_gap:
            gap = timedelta(minutes=config.session_gap_minutes) // timedelta(microseconds=1)
            table = table.mutate(user_id=table.context).drop("context")
            table = keep(expressions.sessions_by_gap(table, gap))
        # an order alone does not show how often its products are viewed together
        table = keep(expressions.with_a_view(table))
        visits = keep(expressions.visits(expressions.with_moment(table)))
        sizes = keep(expressions.context_sizes(visits))
        without_context = events.rows - in_context.rows
        context_counts = _count_contexts(sizes, config.max_basket, "session_id", without_context)
        eligible = keep(expressions.limit_size(visits, sizes, config.max_basket))
        visits = keep(self.votes.weigh_contexts(eligible, table))
        totals = Totals.of(visits)
        over_user_cap, contexts = _rows_and_products(eligible)[0] - totals.rows, totals.contexts
        viewers, buyers = per_product(
            expressions.viewers_and_buyers(visits), n, "viewers", "buyers"
        )

        ordered = context_counts.ordered
        pairs = count_pairs_in_context(
            visits, totals.seen, n, config.min_co_view, self.engine, ordered=ordered
        )
        edges = edge_counts(pairs, n, symmetric=True)
        self.report.relations.append(
            _mined_relation(CO_VIEW, context_counts, edges, over_user_cap, config.min_co_view)
        )
        co_view = Relation(edges.count, edges.source_first, viewers, viewers, contexts, edges.seen)
        if not in_context.of_event["purchase"]:
            return {CO_VIEW: co_view}
        if not events.columns & {"time", "position"}:
            notes.append(
                f"{VIEW_THEN_PURCHASE}: not counted, because the events have no order (no "
                "timestamps or positions)"
            )
            return {CO_VIEW: co_view}
        pairs = read_pair_counts(
            keep(expressions.view_then_purchase_pairs(visits)), config.min_view_then_purchase
        )
        edges = edge_counts(pairs, n, symmetric=False)
        context_counts = replace(context_counts, ordered=True)
        min_count = config.min_view_then_purchase
        self.report.relations.append(
            _mined_relation(VIEW_THEN_PURCHASE, context_counts, edges, over_user_cap, min_count)
        )
        # the view comes first in every session that this relation counts
        first = (edges.count.data if edges.seen is None else edges.seen).copy()
        view_then_purchase = Relation(edges.count, first, viewers, buyers, contexts, edges.seen)
        return {CO_VIEW: co_view, VIEW_THEN_PURCHASE: view_then_purchase}


def _uses_day_window(purchases: EventLog, config: MiningConfig) -> bool:
    possible = purchases.columns >= {"user_id", "time"}
    if config.purchase_window == "days" and not possible:
        raise DataError(
            "purchase_window = 'days' needs purchases with user_id and timestamp, which these "
            "events do not have; set it to 'basket' or 'auto'"
        )
    if config.purchase_window == "auto":
        return possible and "basket_id" not in purchases.columns
    return config.purchase_window == "days"


def _rows_and_products(occurrences: Table) -> tuple[int, int]:
    """Number of occurrences, and of distinct products in them."""
    counted = occurrences.aggregate(
        rows=occurrences.count(), products=occurrences["product"].nunique()
    )
    (row,) = fetch(counted).to_dicts()
    return int(row["rows"]), int(row["products"] or 0)


@dataclass(frozen=True)
class _ContextCounts:
    contexts_are: str
    contexts: int
    oversized: int
    without_context: int
    ordered: bool
    sightings: int


def _count_contexts(sizes: Table, cap: int, unit: str, without_context: int) -> _ContextCounts:
    fits = sizes.size <= cap
    row = sizes.aggregate(
        contexts=sizes.count(where=fits),
        oversized=sizes.count(where=~fits),
        ordered=sizes.count(where=fits & sizes.ordered),
        sightings=(sizes.size * (sizes.size - 1)).sum(where=fits),
    )
    (counts,) = fetch(row).to_dicts()
    return _ContextCounts(
        contexts_are=_CONTEXT_NAMES[unit],
        contexts=counts["contexts"] or 0,  # Spark returns null without contexts
        oversized=counts["oversized"] or 0,
        without_context=without_context,
        ordered=(counts["ordered"] or 0) > 0,
        sightings=int(counts["sightings"] or 0),
    )


def _mined_relation(
    relation: str,
    context_counts: _ContextCounts,
    edges: EdgeCounts,
    over_user_cap: int,
    min_count: int,
) -> MinedRelation:
    return MinedRelation(
        relation=relation,
        contexts_are=context_counts.contexts_are,
        contexts=context_counts.contexts,
        oversized=context_counts.oversized,
        capped=over_user_cap,
        without_context=context_counts.without_context,
        pairs=edges.pairs,
        least=min_count,
        below_support=edges.below_support,
        edges=edges.count.nnz,
        order_known=context_counts.ordered,
    )
