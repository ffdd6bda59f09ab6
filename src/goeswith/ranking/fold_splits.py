"""Folds for the training of the ranker: held-out edges as labels, features from the other edges.

A fold removes some complement pairs from the graph, in both directions, and all edges of some
products: features are then computed on the rest, as they will be for unseen pairs and for products
without purchases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Sparse
from goeswith.ranking.item_features import is_counted
from goeswith.relations.graph import RelationGraph
from goeswith.relations.pair_split import hold_out_pairs
from goeswith.relations.relation import Relation, csr, pair_keys

Counts: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Fold:
    """A graph and the edges removed from it.

    Attributes:
        number: from 0.
        graph: the graph for features.
        labels: (n, n) CSR of the removed complement edges.
        cold: (n,) products that lost all their edges.
    """

    number: int
    graph: RelationGraph
    labels: Sparse
    cold: npt.NDArray[np.bool_]


def folds(
    graph: RelationGraph, count: int, share: float, cold_share: float, seed: int
) -> Iterator[Fold]:
    """Folds of a graph, drawn independently.

    If pairs were counted, each count is thinned: every context of the pair is removed with
    probability `share`, as if it came later, and the labels are the complements among the removed
    contexts whose association is beyond popularity.

    Args:
        graph: any.
        count: folds.
        share: of the complement pairs (of the contexts, if pairs were counted) to remove.
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
            rest, removed = thin(graph, share, rng)
            beyond = removed.complements.measure("pmi_lower") > 0
            sources, targets = (
                removed.complements.sources[beyond],
                removed.complements.targets[beyond],
            )
        else:
            split = hold_out_pairs(graph, share, int(rng.integers(2**31)))
            rest = split.graph
            is_cold = cold[edges.sources] | cold[edges.targets]
            sources = np.concatenate([split.sources, edges.sources[is_cold]])
            targets = np.concatenate([split.targets, edges.targets[is_cold]])
        both_cold = cold[sources] & cold[targets]
        labels = csr(graph.n, sources[~both_cold], targets[~both_cold], np.ones((~both_cold).sum()))
        labels.data[:] = 1
        yield Fold(
            number, rest.without_products(np.flatnonzero(cold).astype(np.int32)), labels, cold
        )


def cold_folds(graph: RelationGraph, count: int, share: float, seed: int) -> Iterator[Fold]:
    """Folds that remove all edges of some products and no others, as for new products.

    Labels are the complement edges that leave those products; if pairs were counted, those
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
        is_label = beyond & cold[edges.sources] & ~cold[edges.targets]
        labels = csr(
            graph.n, edges.sources[is_label], edges.targets[is_label], np.ones(is_label.sum())
        )
        rows = np.flatnonzero(cold).astype(np.int32)
        yield Fold(number, graph.without_products(rows), labels, cold)


def thin(
    graph: RelationGraph, share: float, rng: np.random.Generator
) -> tuple[RelationGraph, RelationGraph]:
    """Split the contexts of a graph at random into two graphs.

    The graph has counts but no contexts, so each pair's contexts are drawn independently;
    contexts of single products, and all contexts, are split in proportion.

    Args:
        graph: of counted relations.
        share: of contexts that go to the second.
        rng: draws.

    Returns:
        the rest, and the removed part.
    """
    from scipy.stats import (
        binom,
    )  # takes as long as numpy and polars together; fast fits need it not

    rest, removed = {}, {}
    for name, edges in graph.relations.items():
        # one uniform draw a pair: if both directions have the same contexts, the same
        # contexts of both are removed
        _, pair = np.unique(pair_keys(edges.sources, edges.targets, graph.n), return_inverse=True)
        uniform = rng.random(int(pair.max(initial=-1)) + 1)[pair]
        count = np.rint(edges.count.data).astype(np.int64)
        removed_count = binom.ppf(uniform, count, share).astype(np.int64)
        first = None
        if edges.source_first is not None:
            source_first = np.minimum(np.rint(edges.source_first).astype(np.int64), count)
            first = rng.hypergeometric(source_first, count - source_first, removed_count)
            source_first = source_first - first
        removed[name] = _take_share(edges, removed_count, first, share)
        rest[name] = _take_share(
            edges, count - removed_count, None if first is None else source_first, 1 - share
        )
    types = graph.types
    return RelationGraph(graph.n, rest, types=types), RelationGraph(graph.n, removed, types=types)


def _take_share(edges: Relation, count: Counts, first: Counts | None, share: float) -> Relation:
    """A share of a relation's contexts, of which `count` (nnz,) hold each pair."""
    matrix = edges.count.copy()
    matrix.data = count.astype(np.float32)

    def scale_contexts(
        contexts: npt.NDArray[np.float64] | None, minimum: Counts
    ) -> npt.NDArray[np.float64] | None:
        return None if contexts is None else np.maximum(contexts * share, minimum)

    rows, columns = _row_max(matrix), _row_max(matrix.T.tocsr())
    part = replace(
        edges,
        count=matrix,
        source_first=None if first is None else first.astype(np.float32),
        source_contexts=scale_contexts(edges.source_contexts, rows),
        target_contexts=scale_contexts(edges.target_contexts, columns),
        contexts=None if edges.contexts is None else edges.contexts * share,
    )
    return part.filter(matrix.data > 0)


def _row_max(matrix: Sparse) -> Counts:
    """(n,) the largest entry of each row: a product is in at least as many contexts as a pair."""
    return np.asarray(matrix.max(axis=1).todense(), dtype=np.float64).ravel()
