"""Splits of complement pairs: held-out pairs for testing and validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goeswith.core.arrays import Rows
from goeswith.core.errors import ConfigError
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import pair_keys


@dataclass(frozen=True)
class HeldOutPairs:
    """A graph without some of its complement pairs, and the edges of those pairs.

    Attributes:
        graph: the rest: no relation of it holds a held-out pair, in either direction.
        sources: (m,) source row of every held-out complement edge, sorted by source and target.
        targets: (m,) its target row.
    """

    graph: RelationGraph
    sources: Rows
    targets: Rows


def hold_out_pairs(graph: RelationGraph, share: float, seed: int) -> HeldOutPairs:
    """Hold out a share of the complement pairs, each with both directions.

    A split of directed edges would leave the reverse of every two-way test edge in train.
    Pairs are therefore drawn unordered, and removed from every relation (`RelationGraph.without`).

    Args:
        graph: any graph.
        share: of the unordered complement pairs, in [0, 1); rounded down.
        seed: of the draw.

    Raises:
        ConfigError: the share is out of range.
    """
    if not 0 <= share < 1:
        raise ConfigError(f"a share of pairs to hold out lies in [0, 1), not {share}")
    edges = graph.complements
    keys, pair_of_edge = np.unique(
        pair_keys(edges.sources, edges.targets, graph.n), return_inverse=True
    )
    is_held_out = np.random.default_rng(seed).permutation(len(keys)) < int(share * len(keys))
    test_edges = is_held_out[pair_of_edge]
    return HeldOutPairs(
        graph.without(keys[is_held_out]), edges.sources[test_edges], edges.targets[test_edges]
    )
