"""Holding complement pairs back: for testing, and by models for validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goeswith.core.arrays import Rows
from goeswith.core.errors import ConfigError
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import pair_keys


@dataclass(frozen=True)
class HeldOut:
    """A graph without some of its complement pairs, and the edges of those pairs.

    Attributes:
        graph: what is left: no relation of it holds a held-out pair, in either direction.
        sources: (m,) source row of every held-out complement edge, sorted by source and target.
        targets: (m,) its target row.
    """

    graph: RelationGraph
    sources: Rows
    targets: Rows


def hold_out_pairs(graph: RelationGraph, share: float, seed: int) -> HeldOut:
    """Hold back a share of the complement pairs, whole: both directions fall on the same side.

    A split of directed edges would leave the answer of every two-way test edge in train, reversed.
    Pairs are therefore drawn unordered, and go from every relation (see `RelationGraph.without`).

    Args:
        graph: any graph.
        share: of the unordered complement pairs, in [0, 1); rounded down.
        seed: the same seed holds back the same pairs.

    Raises:
        ConfigError: the share is out of range.
    """
    if not 0 <= share < 1:
        raise ConfigError(f"a share of pairs to hold back lies in [0, 1), not {share}")
    edges = graph.complements
    keys, pair_of_edge = np.unique(
        pair_keys(edges.sources, edges.targets, graph.n), return_inverse=True
    )
    held = np.random.default_rng(seed).permutation(len(keys)) < int(share * len(keys))
    test = held[pair_of_edge]
    return HeldOut(graph.without(keys[held]), edges.sources[test], edges.targets[test])
