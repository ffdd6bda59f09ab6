"""Arithmetic of relation graphs: counts of disjoint contexts add up; support is applied at the end.

A pair seen in two baskets this month and in two the next was seen in four, which is enough support
where three are asked for, though neither month alone shows an edge. So pairs below support are kept
apart (`split_by_support`) and take part in the next addition. Counts by age do not add up, for the
old ones would have to age: graphs with `Relation.seen` are split and grown, not added.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.relations.config import MiningConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, VIEW_THEN_PURCHASE, Relation, csr

if TYPE_CHECKING:
    from goeswith.core.arrays import Floats, Sparse

_SUPPORT: Final = ("min_co_purchase", "min_co_view", "min_view_then_purchase")


def every_pair(config: MiningConfig) -> MiningConfig:
    """The same mining without least counts."""
    return config.model_copy(update=dict.fromkeys(_SUPPORT, 1))


def settled(config: MiningConfig, graph: RelationGraph) -> MiningConfig:
    """The settings with what `auto` stands for, by a graph that has every pair."""
    return config.model_copy(update={"min_co_purchase": _least_co_purchase(config, graph)})


def _least_co_purchase(config: MiningConfig, graph: RelationGraph) -> int:
    bought = graph[CO_PURCHASE]
    products = 0 if bought.source_contexts is None else np.count_nonzero(bought.source_contexts)
    return config.least_co_purchase(int(bought.times_seen.sum()), int(products))


def split_by_support(
    graph: RelationGraph, config: MiningConfig
) -> tuple[RelationGraph, RelationGraph]:
    """The edges that have the least counts of `config`, and the pairs that do not.

    The second has no contexts: those of the first are of both.
    """
    least = {
        CO_PURCHASE: _least_co_purchase(config, graph),
        CO_VIEW: config.min_co_view,
        VIEW_THEN_PURCHASE: config.min_view_then_purchase,
    }
    edges, rare = {}, {}
    for name, relation in graph.relations.items():
        enough = relation.times_seen >= least[name]
        edges[name] = relation.keep(enough)
        rare[name] = replace(
            relation.keep(~enough), source_contexts=None, target_contexts=None, contexts=None
        )
    types = graph.types
    return RelationGraph(graph.n, edges, types=types), RelationGraph(graph.n, rare, types=types)


def with_rare(graph: RelationGraph, rare: RelationGraph) -> RelationGraph:
    """What `split_by_support` took apart; the contexts are those of `graph`."""
    relations = {}
    for name, relation in graph.relations.items():
        count, first = _sum(relation, rare[name])
        relations[name] = replace(relation, count=count, source_first=first)
    return RelationGraph(graph.n, relations, types=graph.types)


def add_graphs(one: RelationGraph, other: RelationGraph) -> RelationGraph:
    """The graph of two logs without a common context.

    Every count is the sum of both: of a pair, of those in which the source came first, of the
    contexts of each product, and of all. That is what counting both logs at once gives, before
    least counts, if each log tells of the same relations. A relation that only one of them tells
    of (a file of purchases has no views) keeps its counts: contexts in which nothing could be seen
    are no evidence that nothing was there.

    Args:
        one: counted, see `Relation`.
        other: likewise, of the same products.
    """
    relations = {}
    for name in [*one.relations, *(name for name in other.relations if name not in one.relations)]:
        parts = [part for graph in (one, other) if (part := _told(graph, name)) is not None]
        relations[name] = parts[0] if len(parts) == 1 else _added(*parts)
    return RelationGraph(one.n, relations, types=one.types)


def grown(graph: RelationGraph, n: int) -> RelationGraph:
    """The graph with further products behind those that it has, without edges or types."""
    more = n - graph.n
    relations = {}
    for name, relation in graph.relations.items():
        indptr = np.append(relation.count.indptr, np.full(more, relation.count.indptr[-1]))
        count = sparse.csr_matrix((relation.count.data, relation.count.indices, indptr), (n, n))
        relations[name] = replace(
            relation,
            count=count,
            source_contexts=_longer(relation.source_contexts, more),
            target_contexts=_longer(relation.target_contexts, more),
        )
    types = graph.types
    if types is not None:
        types = np.append(types, np.full(more, -1, dtype=np.int32))
    return RelationGraph(n, relations, types=types)


def _longer(values: npt.NDArray[np.float64] | None, more: int) -> npt.NDArray[np.float64] | None:
    return None if values is None else np.append(values, np.zeros(more))


def _told(graph: RelationGraph, name: str) -> Relation | None:
    """What a log tells of a relation; None where it cannot tell."""
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


def _added(one: Relation, other: Relation) -> Relation:
    count, first = _sum(one, other)
    contexts = None
    if one.contexts is not None and other.contexts is not None:
        contexts = one.contexts + other.contexts
    return Relation(
        count,
        first,
        _plus(one.source_contexts, other.source_contexts),
        _plus(one.target_contexts, other.target_contexts),
        contexts,
    )


def _plus(
    one: npt.NDArray[np.float64] | None, other: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64] | None:
    return None if one is None or other is None else one + other


def _sum(one: Relation, other: Relation) -> tuple[Sparse, Floats | None]:
    """Counts of both, and how often the source came first, aligned with their sum.

    Contexts of unknown order have no product first.
    """
    n = one.count.shape[0]
    keys = np.concatenate([r.sources.astype(np.int64) * n + r.targets for r in (one, other)])
    distinct, place = np.unique(keys, return_inverse=True)

    def summed(values: list[Floats]) -> Floats:
        total = np.bincount(place, np.concatenate(values), len(distinct))
        return total.astype(np.float32)

    starts = np.searchsorted(distinct, np.arange(n + 1, dtype=np.int64) * n).astype(np.int32)
    columns = (distinct % n).astype(np.int32)
    counts = summed([one.count.data, other.count.data])
    count = sparse.csr_matrix((counts, columns, starts), shape=(n, n))
    if one.source_first is None and other.source_first is None:
        return count, None
    firsts = [
        np.zeros(len(r), dtype=np.float32) if r.source_first is None else r.source_first
        for r in (one, other)
    ]
    return count, summed(firsts)
