"""What the ranker learns from is out of sight of what it reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from goeswith.ranking.fold_splits import folds, thin
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, Relation, pair_keys

N = 12


def listed(seed: int) -> RelationGraph:
    rng = np.random.default_rng(seed)
    edges = {
        name: tuple(rng.integers(0, N, (2, 60)).astype(np.int32)) for name in (CO_PURCHASE, CO_VIEW)
    }
    return RelationGraph.from_edges(N, edges)


def counted(counts: np.ndarray) -> RelationGraph:
    both = np.triu(counts, 1) + np.triu(counts, 1).T
    contexts = both.sum(axis=1).astype(np.float64) + 5
    count = sparse.csr_matrix(both.astype(np.float32))
    relation = Relation(
        count,
        source_first=np.floor(count.data / 2),
        source_contexts=contexts,
        target_contexts=contexts,
        contexts=float(contexts.sum()),
    )
    return RelationGraph(N, {CO_PURCHASE: relation})


@given(st.integers(0, 50))
def test_no_fold_shows_a_pair_that_it_asks_for(seed: int) -> None:
    for fold in folds(listed(seed), 2, 0.3, 0.2, seed):
        u, v = fold.labels.nonzero()
        held_out = pair_keys(u, v, N)
        for relation in fold.graph.relations.values():
            assert not np.isin(pair_keys(relation.sources, relation.targets, N), held_out).any()


@given(st.integers(0, 50))
def test_products_made_cold_have_no_edge_left_and_are_queried_about_against_warm_ones(
    seed: int,
) -> None:
    for fold in folds(listed(seed), 2, 0.3, 0.3, seed):
        for relation in fold.graph.relations.values():
            assert not fold.cold[relation.sources].any()
            assert not fold.cold[relation.targets].any()
        u, v = fold.labels.nonzero()
        assert not (fold.cold[u] & fold.cold[v]).any()


def test_the_same_seed_draws_the_same_folds() -> None:
    first, second = (list(folds(listed(1), 2, 0.3, 0.2, seed=4)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert (one.labels != other.labels).nnz == 0
        assert np.array_equal(one.cold, other.cold)


@given(st.integers(0, 1000), st.floats(0.05, 0.95))
def test_thinning_shares_out_every_context_of_a_pair_and_both_directions_alike(
    seed: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    graph = counted(rng.integers(0, 9, (N, N)))
    left, taken = thin(graph, share, rng)
    whole = graph[CO_PURCHASE].count.toarray()
    a, b = left[CO_PURCHASE].count.toarray(), taken[CO_PURCHASE].count.toarray()
    assert np.array_equal(a + b, whole)
    assert np.array_equal(a, a.T)
    for part in (left[CO_PURCHASE], taken[CO_PURCHASE]):
        assert part.source_first is not None
        assert part.source_contexts is not None
        assert np.all(part.source_first <= part.count.data)
        assert np.all(part.count.data <= part.source_contexts[part.sources])


def test_about_the_share_is_taken() -> None:
    graph = counted(np.full((N, N), 400))
    _, taken = thin(graph, 0.25, np.random.default_rng(0))
    assert taken[CO_PURCHASE].count.data.mean() == pytest.approx(100, rel=0.05)


def test_what_is_thinned_knows_the_types_of_its_products() -> None:
    types = np.arange(N, dtype=np.int32)
    parts = thin(counted(np.full((N, N), 9)).with_types(types), 0.5, np.random.default_rng(0))
    assert all(part.types is types for part in parts)
