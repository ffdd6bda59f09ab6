"""Questions with known answers for the ranker to learn from: edges that features do not see.

A fold takes some complement pairs out of the graph, whole, and all edges of some products: the
features are then worked out on what is left, as they will be for pairs that nobody has seen yet
and for products that nobody has bought.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from goeswith.core.arrays import Sparse
from goeswith.ranking.item_features import is_counted
from goeswith.relations.graph import RelationGraph
from goeswith.relations.pair_splits import hold_out_pairs
from goeswith.relations.relation import Relation, csr, pair_keys

Counts: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Fold:
    """A graph and what was taken from it.

    Attributes:
        number: from 0.
        graph: what features may see.
        labels: (n, n) CSR of the complement edges that were taken.
        cold: (n,) products that lost all their edges.
    """

    number: int
    graph: RelationGraph
    labels: Sparse
    cold: npt.NDArray[np.bool_]


def folds(
    graph: RelationGraph, count: int, share: float, cold_share: float, seed: int
) -> Iterator[Fold]:
    """Folds of a graph, drawn anew each.

    Where pairs were counted, each count is thinned: every context that held the pair is taken with
    probability `share`, as if it came later, and the labels are the complements among what was
    taken whose association is beyond popularity.

    Args:
        graph: any.
        count: folds.
        share: of the complement pairs (of the contexts, where pairs were counted) to take.
        cold_share: of the products with complements to make cold.
        seed: of all draws.
    """
    edges = graph.complements
    touched = np.unique(np.concatenate([edges.sources, edges.targets]))
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        cold = np.zeros(graph.n, dtype=bool)
        cold[rng.permutation(touched)[: int(cold_share * len(touched))]] = True
        if is_counted(graph):
            left, taken = thinned(graph, share, rng)
            beyond = taken.complements.measure("pmi_lower") > 0
            sources, targets = taken.complements.sources[beyond], taken.complements.targets[beyond]
        else:
            held = hold_out_pairs(graph, share, int(rng.integers(2**31)))
            left = held.graph
            known = cold[edges.sources] | cold[edges.targets]
            sources = np.concatenate([held.sources, edges.sources[known]])
            targets = np.concatenate([held.targets, edges.targets[known]])
        both = cold[sources] & cold[targets]
        labels = csr(graph.n, sources[~both], targets[~both], np.ones((~both).sum()))
        labels.data[:] = 1
        yield Fold(
            number, left.without_products(np.flatnonzero(cold).astype(np.int32)), labels, cold
        )


def cold_folds(graph: RelationGraph, count: int, share: float, seed: int) -> Iterator[Fold]:
    """Folds that take all edges of some products and leave all others: what is asked of new ones.

    Labels are the complement edges that leave those products; where pairs were counted, those
    whose association is beyond popularity.

    Args:
        graph: any.
        count: folds.
        share: of the products with complements to make cold.
        seed: of all draws.
    """
    edges = graph.complements
    touched = np.unique(np.concatenate([edges.sources, edges.targets]))
    beyond = np.ones(len(edges), dtype=bool)
    if is_counted(graph):
        beyond = edges.measure("pmi_lower") > 0
    for number in range(count):
        rng = np.random.default_rng([seed, number, 1])
        cold = np.zeros(graph.n, dtype=bool)
        cold[rng.permutation(touched)[: int(share * len(touched))]] = True
        asked = beyond & cold[edges.sources] & ~cold[edges.targets]
        labels = csr(graph.n, edges.sources[asked], edges.targets[asked], np.ones(asked.sum()))
        rows = np.flatnonzero(cold).astype(np.int32)
        yield Fold(number, graph.without_products(rows), labels, cold)


def thinned(
    graph: RelationGraph, share: float, rng: np.random.Generator
) -> tuple[RelationGraph, RelationGraph]:
    """Two graphs that share the contexts of one: a context goes to the second by chance.

    Only counts are known, not which contexts they are of, so each pair's are drawn by themselves;
    contexts of single products, and all contexts, are shared out in proportion.

    Args:
        graph: of counted relations.
        share: of contexts that go to the second.
        rng: draws.

    Returns:
        what is left, and what was taken.
    """
    left, taken = {}, {}
    for name, edges in graph.relations.items():
        # one uniform draw a pair: where both directions were seen in the same contexts, the same
        # contexts of both are taken
        _, pair = np.unique(pair_keys(edges.sources, edges.targets, graph.n), return_inverse=True)
        drawn = rng.random(int(pair.max(initial=-1)) + 1)[pair]
        count = np.rint(edges.count.data).astype(np.int64)
        gone = binom.ppf(drawn, count, share).astype(np.int64)
        first = None
        if edges.source_first is not None:
            before = np.minimum(np.rint(edges.source_first).astype(np.int64), count)
            first = rng.hypergeometric(before, count - before, gone)
            before = before - first
        taken[name] = _part(edges, gone, first, share)
        left[name] = _part(edges, count - gone, None if first is None else before, 1 - share)
    types = graph.types
    return RelationGraph(graph.n, left, types=types), RelationGraph(graph.n, taken, types=types)


def _part(edges: Relation, count: Counts, first: Counts | None, share: float) -> Relation:
    """A share of a relation's contexts, of which `count` (nnz,) hold each pair."""
    matrix = edges.count.copy()
    matrix.data = count.astype(np.float32)

    def of(
        contexts: npt.NDArray[np.float64] | None, seen: Counts
    ) -> npt.NDArray[np.float64] | None:
        return None if contexts is None else np.maximum(contexts * share, seen)

    rows, columns = _most(matrix), _most(matrix.T.tocsr())
    part = replace(
        edges,
        count=matrix,
        source_first=None if first is None else first.astype(np.float32),
        source_contexts=of(edges.source_contexts, rows),
        target_contexts=of(edges.target_contexts, columns),
        contexts=None if edges.contexts is None else edges.contexts * share,
    )
    return part.keep(matrix.data > 0)


def _most(matrix: Sparse) -> Counts:
    """(n,) the largest entry of each row: a product is in at least as many contexts as a pair."""
    return np.asarray(matrix.max(axis=1).todense(), dtype=np.float64).ravel()
