"""Arithmetic of relation graphs: counts of disjoint contexts add up; support is applied at the end.

A pair in two baskets of this month and in two of the next is in four, which is enough support
where three are required, though neither month alone shows an edge. So pairs below support are kept
apart (`split_by_support`) and take part in the next addition. Counts by age do not add up, for the
old ones would have to age: graphs with `Relation.seen` are split and extended, not added.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.relations.config import MiningConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, VIEW_THEN_PURCHASE, Relation, csr

if TYPE_CHECKING:
    from goeswith.core.arrays import Floats, Sparse

_MIN_COUNT_SETTINGS: Final = (
    "min_co_purchase",
    "min_customers",
    "min_co_view",
    "min_view_then_purchase",
)


def without_min_counts(config: MiningConfig) -> MiningConfig:
    """The settings without minimum counts."""
    return config.model_copy(update=dict.fromkeys(_MIN_COUNT_SETTINGS, 1))


def resolve(config: MiningConfig, graph: RelationGraph) -> MiningConfig:
    """The settings with `auto` resolved by a graph that holds every pair."""
    return config.model_copy(update={"min_co_purchase": _resolve_min_co_purchase(config, graph)})


def _resolve_min_co_purchase(config: MiningConfig, graph: RelationGraph) -> int:
    bought = graph[CO_PURCHASE]
    products = 0 if bought.source_contexts is None else np.count_nonzero(bought.source_contexts)
    return config.resolve_min_co_purchase(int(bought.times_seen.sum()), int(products))


def split_by_support(
    graph: RelationGraph, config: MiningConfig
) -> tuple[RelationGraph, RelationGraph]:
    """Split a graph into edges with the minimum counts of `config` and pairs below them.

    The second graph has no contexts: those of the first count for both.
    """
    min_counts = {
        CO_PURCHASE: _resolve_min_co_purchase(config, graph),
        CO_VIEW: config.min_co_view,
        VIEW_THEN_PURCHASE: config.min_view_then_purchase,
    }
    edges, below = {}, {}
    for name, relation in graph.relations.items():
        supported = relation.times_seen >= min_counts[name]
        if relation.customers is not None:
            min_customers = config.resolve_min_customers(min_counts[name])
            supported &= relation.customers >= min_customers
        edges[name] = relation.filter(supported)
        below[name] = replace(
            relation.filter(~supported),
            source_contexts=None,
            target_contexts=None,
            contexts=None,
            companions=None,
            companions_total=None,
        )
    types = graph.types
    return (
        RelationGraph(graph.n, edges, types=types, baskets=graph.baskets),
        RelationGraph(graph.n, below, types=types),
    )


def merge_below_support(graph: RelationGraph, below: RelationGraph) -> RelationGraph:
    """Undo `split_by_support`; the contexts are those of `graph`."""
    relations = {}
    for name, relation in graph.relations.items():
        count, first, customers = _add_counts(relation, below[name])
        relations[name] = replace(relation, count=count, source_first=first, customers=customers)
    return RelationGraph(graph.n, relations, types=graph.types, baskets=graph.baskets)


def add_graphs(one: RelationGraph, other: RelationGraph) -> RelationGraph:
    """The graph of two logs without a common context.

    Every count is the sum of both: of a pair, of those in which the source came first, of the
    contexts of each product, and of all. Customers are summed, too, and so an upper bound: the ids
    of those in the first log are not stored. The rest is what counting both logs at once gives,
    before minimum counts, if each log has the same relations. A relation that only one of them
    has (a file of purchases has no views) keeps its counts: contexts in which nothing could be seen
    are no evidence that nothing was there.

    Args:
        one: counted, see `Relation`.
        other: likewise, of the same products.
    """
    relations = {}
    for name in [*one.relations, *(name for name in other.relations if name not in one.relations)]:
        parts = [
            part for graph in (one, other) if (part := _relation_or_none(graph, name)) is not None
        ]
        relations[name] = parts[0] if len(parts) == 1 else _add_relations(*parts)
    parts_ = [graph.baskets for graph in (one, other) if graph.baskets is not None]
    baskets = sparse.vstack(parts_, format="csr") if parts_ else None
    return RelationGraph(one.n, relations, types=one.types, baskets=baskets)


def with_new_items(graph: RelationGraph, n: int) -> RelationGraph:
    """The graph with new products after the present ones, without edges or types."""
    more = n - graph.n
    relations = {}
    for name, relation in graph.relations.items():
        indptr = np.append(relation.count.indptr, np.full(more, relation.count.indptr[-1]))
        count = sparse.csr_matrix((relation.count.data, relation.count.indices, indptr), (n, n))
        relations[name] = replace(
            relation,
            count=count,
            source_contexts=_pad_zeros(relation.source_contexts, more),
            target_contexts=_pad_zeros(relation.target_contexts, more),
            companions=_pad_zeros(relation.companions, more),
        )
    types = graph.types
    if types is not None:
        types = np.append(types, np.full(more, -1, dtype=np.int32))
    baskets = graph.baskets
    if baskets is not None:
        parts = (baskets.data, baskets.indices, baskets.indptr)
        baskets = sparse.csr_matrix(parts, shape=(baskets.shape[0], n))
    return RelationGraph(n, relations, types=types, baskets=baskets)


def _pad_zeros(values: npt.NDArray[np.float64] | None, more: int) -> npt.NDArray[np.float64] | None:
    return None if values is None else np.append(values, np.zeros(more))


def _relation_or_none(graph: RelationGraph, name: str) -> Relation | None:
    """A relation of a log; None if the log cannot have it."""
    if name in graph.relations:
        return graph.relations[name]
    views = graph.relations.get(CO_VIEW)
    if name == VIEW_THEN_PURCHASE and views is not None and CO_PURCHASE not in graph.relations:
        # the views are there, and nothing was bought after them
        empty = Relation(csr(graph.n, [], [], []), np.zeros(0, dtype=np.float32))
        return replace(
            empty,
            source_contexts=views.source_contexts,
            target_contexts=np.zeros(graph.n),
            contexts=views.contexts,
        )
    return None


def _add_relations(one: Relation, other: Relation) -> Relation:
    count, first, customers = _add_counts(one, other)
    return Relation(
        count,
        first,
        _add_or_none(one.source_contexts, other.source_contexts),
        _add_or_none(one.target_contexts, other.target_contexts),
        _add_or_none(one.contexts, other.contexts),
        customers=customers,
        companions=_add_or_none(one.companions, other.companions),
        companions_total=_add_or_none(one.companions_total, other.companions_total),
    )


T = TypeVar("T", float, npt.NDArray[np.float64])


def _add_or_none(one: T | None, other: T | None) -> T | None:
    return None if one is None or other is None else one + other


def _add_counts(one: Relation, other: Relation) -> tuple[Sparse, Floats | None, Floats | None]:
    """Sums of the counts, and aligned with them of `source_first` and of the customers.

    Contexts of unknown order have no product first. Customers are unknown if they are in one.
    """
    n = one.count.shape[0]
    keys = np.concatenate([r.sources.astype(np.int64) * n + r.targets for r in (one, other)])
    unique_keys, position = np.unique(keys, return_inverse=True)

    def sum_by_key(values: list[Floats]) -> Floats:
        total = np.bincount(position, np.concatenate(values), len(unique_keys))
        return total.astype(np.float32)

    starts = np.searchsorted(unique_keys, np.arange(n + 1, dtype=np.int64) * n).astype(np.int32)
    columns = (unique_keys % n).astype(np.int32)
    counts = sum_by_key([one.count.data, other.count.data])
    count = sparse.csr_matrix((counts, columns, starts), shape=(n, n))
    customers = None
    if one.customers is not None and other.customers is not None:
        customers = sum_by_key([one.customers, other.customers])
    if one.source_first is None and other.source_first is None:
        return count, None, customers
    firsts = [
        np.zeros(len(r), dtype=np.float32) if r.source_first is None else r.source_first
        for r in (one, other)
    ]
    return count, sum_by_key(firsts), customers
