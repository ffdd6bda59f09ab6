"""Behaviour between nodes: paths that never use the edge that is asked of."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.language.salam.behaviour_graph import BehaviourGraph, NodePairs
from goeswith.language.salam.labels import MODES, balanced_weights, class_names, class_of


def pairs(ends: list[tuple[int, int]]) -> NodePairs:
    left, right = np.array(ends, dtype=np.int32).reshape(-1, 2).T
    return NodePairs(left, right, np.zeros(len(left), int), np.zeros(len(left), int))


EDGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=15)


def behaviour(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> BehaviourGraph:
    def ends(edges: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        return tuple(np.array(edges, dtype=np.int32).reshape(-1, 2).T)

    return BehaviourGraph.from_edges(7, {"viewed": ends(one), "bought": ends(other)})


@given(EDGES, EDGES, st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=60)
def test_paths_are_those_of_a_walk_that_avoids_the_pairs_own_edge(
    one: list[tuple[int, int]], other: list[tuple[int, int]], u: int, v: int
) -> None:
    if u == v:
        return
    graph = behaviour(one, other)
    steps = {}
    for name, matrix in graph.relations.items():
        dense = matrix.toarray()
        scale = 1 / np.sqrt(np.maximum(dense.sum(axis=1), 1))
        dense = dense * scale[:, None] * scale[None, :]
        dense[u, v] = dense[v, u] = 0  # degrees are as they were
        steps[name] = dense
    expected = []
    for hops in (2, 3):
        for kinds in product(steps, repeat=hops):
            walk = np.linalg.multi_dot([steps[kind] for kind in kinds])
            expected.append(np.log1p(100 * walk[u, v]))
    np.testing.assert_allclose(graph.paths(pairs([(u, v)]))[0], expected, atol=1e-3)
    assert len(graph.path_names()) == len(expected)


@given(EDGES, EDGES, EDGES)
def test_a_graph_without_pairs_holds_none_of_them_and_all_others(
    one: list[tuple[int, int]], other: list[tuple[int, int]], gone: list[tuple[int, int]]
) -> None:
    graph, held_out = behaviour(one, other), pairs(gone)
    left = graph.without(held_out)
    assert not left.connects(held_out).any()
    out = {frozenset(edge) for edge in gone}
    rest = [edge for edge in one if len(set(edge)) == 2 and frozenset(edge) not in out]
    assert left.connects(pairs(rest)).all() if rest else True


def test_labels_are_known_by_word_and_by_letter_in_every_mode() -> None:
    for mode in MODES:
        for number, name in enumerate(class_names(mode)):
            for part in name.split("+"):
                assert class_of(part.upper(), mode) == class_of(part[0], mode) == number


def test_balanced_weights_are_the_constants_of_the_authors_code() -> None:
    counts = [607_500, 188_500, 154_300, 49_613]
    weights = balanced_weights(np.repeat(np.arange(4), counts), 4)
    assert weights == pytest.approx([0.4115, 1.3260, 1.6203, 5.0389], rel=2e-3)
