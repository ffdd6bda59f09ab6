"""Labelled pairs of products, from the lists or counts of a shop.

Viewed together and not bought together is a substitute, bought together and not viewed together a
complement; pairs of neither are drawn, half of them of one type, and called irrelevant.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from scipy import sparse

from goeswith.core.arrays import Rows, Sparse
from goeswith.data.catalog import Catalog
from goeswith.language.salam.behaviour_graph import BehaviourGraph, NodePairs
from goeswith.relations.graph import RelationGraph

RELATIONS: Final = ("viewed", "bought")
"""Names of the two kinds of behaviour."""


def behaviour_from_relations(graph: RelationGraph) -> BehaviourGraph:
    """What was viewed together and what was bought together, without direction."""
    n = graph.n
    matrices: dict[str, Sparse] = {
        name: sparse.csr_matrix((n, n), dtype=np.float32) for name in RELATIONS
    }
    for name, relation in graph.relations.items():
        kind = "bought" if name == "co_purchase" else "viewed"
        matrices[kind] = matrices[kind] + relation.count
    return BehaviourGraph.from_edges(
        n, {name: _ends(matrix.tocsr()) for name, matrix in matrices.items()}
    )


def labelled_pairs(graph: RelationGraph, catalog: Catalog, seed: int) -> NodePairs:
    """Every unordered pair with a class, turned at random; as many irrelevant as the most frequent.

    Args:
        graph: whose similarity signal names substitutes, and whose complement signal complements.
        catalog: with types, for drawn pairs of one type.
        seed: of the turns and the draws.
    """
    rng = np.random.default_rng(seed)
    behaviour = behaviour_from_relations(graph)
    signals = {"substitute": graph.similars.count, "complement": graph.complements.count}
    upper = [sparse.triu(signal.maximum(signal.T) > 0, 1).tocsr() for signal in signals.values()]
    both = upper[0].multiply(upper[1])
    ends = []
    for signal in upper:
        edges = (signal.astype(np.int8) - both.astype(np.int8)).tocoo()
        there = edges.data > 0
        ends.append((edges.row[there].astype(np.int32), edges.col[there].astype(np.int32)))
    ends.append(_unrelated(behaviour, catalog, max(len(one) for one, _ in ends), rng))
    left = np.concatenate([one for one, _ in ends])
    right = np.concatenate([other for _, other in ends])
    labels = np.repeat(np.arange(3), [len(one) for one, _ in ends])
    is_reversed = rng.random(len(left)) < 0.5
    left, right = np.where(is_reversed, right, left), np.where(is_reversed, left, right)
    order = rng.permutation(len(left))
    regions = np.zeros(len(left), dtype=np.int64)
    return NodePairs(left, right, labels, regions).take(order)


def _ends(matrix: Sparse) -> tuple[Rows, Rows]:
    edges = matrix.tocoo()
    there = edges.data > 0
    return edges.row[there].astype(np.int32), edges.col[there].astype(np.int32)


def _unrelated(
    behaviour: BehaviourGraph, catalog: Catalog, count: int, rng: np.random.Generator
) -> tuple[Rows, Rows]:
    """Pairs without any edge, half of them of one type."""
    n = behaviour.n
    types = catalog.frame["type"] if "type" in catalog.frame.columns else pl.Series([None] * n)
    kinds = types.cast(pl.String).fill_null("").rank("dense").to_numpy().astype(np.int64)
    by_type = np.argsort(kinds, kind="stable")
    begin = np.searchsorted(kinds[by_type], kinds, side="left")
    size = np.searchsorted(kinds[by_type], kinds, side="right") - begin
    want = 2 * count  # many of one type have an edge
    left = rng.integers(n, size=want).astype(np.int32)
    same = by_type[begin[left] + (rng.random(want) * size[left]).astype(np.int64)]
    right = np.where(np.arange(want) % 2 == 0, same, rng.integers(n, size=want)).astype(np.int32)
    one, other = np.minimum(left, right), np.maximum(left, right)
    _, first = np.unique(one.astype(np.int64) * n + other, return_index=True)
    first = np.sort(first)
    drawn = NodePairs(one[first], other[first], first, first)
    free = (drawn.left != drawn.right) & ~behaviour.connects(drawn)
    within = free & (kinds[drawn.left] == kinds[drawn.right])
    alike, unlike = np.flatnonzero(within), np.flatnonzero(free & ~within)
    across = unlike[: max(count - count // 2, count - len(alike))]  # what one kind lacks,
    selected = drawn.take(np.concatenate([alike[: count - len(across)], across]))  # the other has
    return selected.left, selected.right
