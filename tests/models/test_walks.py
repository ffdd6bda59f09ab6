"""Models over paths of the complement graph, against the formulas on dense matrices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.models.base import Recommender
from goeswith.models.cocitation import CoCitation
from goeswith.models.copurchase import CoPurchase
from goeswith.models.ease import EASE
from goeswith.models.katz import Katz
from goeswith.models.projection import Projection
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, Relation, csr

Matrix = npt.NDArray[np.float64]
N = 7
adjacency = arrays(np.int8, (N, N), elements=st.integers(0, 1)).map(
    lambda a: (a * (1 - np.eye(N))).astype(np.float64)
)


def catalog(n: int = N) -> Catalog:
    return Catalog.from_records({"product_id": f"p{i}"} for i in range(n))


def graph(a: Matrix) -> RelationGraph:
    return RelationGraph.from_edges(len(a), {CO_PURCHASE: np.nonzero(a)})


def counted(n: int, edges: dict[tuple[int, int], tuple[float, float]]) -> RelationGraph:
    """source, target -> (contexts of both, of those in which the source came first)."""
    sources, targets = np.array(sorted(edges)).T
    pairs = zip(sources.tolist(), targets.tolist(), strict=True)
    values = np.array([edges[pair] for pair in pairs], dtype=np.float32)
    count = csr(n, sources, targets, values[:, 0])
    return RelationGraph(n, {CO_PURCHASE: Relation(count, source_first=values[:, 1])})


def scores(model: Recommender, of: RelationGraph) -> Matrix:
    """All of them, with 0 for nothing to say."""
    found = model.fit(catalog(of.n), of).score(np.arange(of.n, dtype=np.int32))
    return np.where(np.isneginf(found), 0, found).astype(np.float64)


def power(degrees: Matrix, exponent: float) -> Matrix:
    return np.diag([d**-exponent if d > 0 else 0.0 for d in degrees])


@settings(max_examples=40, deadline=None)
@given(adjacency)
def test_cocitation_is_the_product_of_its_formula(a: Matrix) -> None:
    model = CoCitation(CoCitation.Config(power=0.5, source_power=0))
    c = a @ power(a.sum(0), 0.5)
    np.testing.assert_allclose(scores(model, graph(a)), a @ c.T @ c, rtol=1e-5, atol=1e-7)
    model = CoCitation(CoCitation.Config(power=0.4, source_power=0.7))
    d, r = power(a.sum(0), 0.4), power(a.sum(1), 0.7)
    np.testing.assert_allclose(scores(model, graph(a)), a @ d @ a.T @ r @ a @ d, rtol=1e-5)


def test_cocitation_leads_to_what_products_with_the_same_complements_have() -> None:
    # 0 and 1 both go with 2; 1 also goes with 3; nothing leads from 0 to 4
    model = CoCitation().fit(catalog(5), graph(np.eye(5)[[2, 2, 4, 4, 4]] + _one(5, 1, 3)))
    products, _ = model.recommend(np.array([0], dtype=np.int32), 5)
    assert products.tolist() == [[2, 3, -1, -1, -1]]


def _one(n: int, u: int, v: int) -> Matrix:
    matrix = np.zeros((n, n))
    matrix[u, v] = 1
    return matrix


@settings(max_examples=40, deadline=None)
@given(adjacency)
def test_katz_sums_walks_forward_back_forward_with_damping(a: Matrix) -> None:
    n = power(a.sum(1), 0.3) @ a @ power(a.sum(0), 0.3)
    sigma = np.linalg.norm(n, 2)
    step = 0.2 / sigma**2 * n.T @ n if sigma else n
    expected = n @ (np.eye(N) + step + step @ step) @ power(a.sum(0), 0.15)
    np.testing.assert_allclose(scores(Katz(), graph(a)), expected, rtol=1e-3, atol=1e-6)


def test_katz_reaches_further_with_more_hops() -> None:
    # 0 - 4 - 1 - 5 - 2 - 6: two rounds from 0 to 6
    edges = [(0, 4), (1, 4), (1, 5), (2, 5), (2, 6)]
    a = np.sum([_one(7, u, v) for u, v in edges], axis=0)
    reached = {
        hops: np.flatnonzero(scores(Katz(Katz.Config(hops=hops)), graph(a))[0]).tolist()
        for hops in (1, 3, 5)
    }
    assert reached == {1: [4], 3: [4, 5], 5: [4, 5, 6]}


@settings(max_examples=40, deadline=None)
@given(adjacency, st.floats(1, 100))
def test_ease_is_the_closed_form_of_the_paper(a: Matrix, l2: float) -> None:
    p = np.linalg.inv(a.T @ a + l2 * np.eye(N))
    b = np.eye(N) - p / np.diag(p)
    expected = (a @ b) * (a.sum(0) > 0) * (a.sum(1) > 0)[:, None]
    found = scores(EASE(EASE.Config(l2=l2)), graph(a))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_ease_mirrors_its_triangle_across_blocks() -> None:
    rng = np.random.default_rng(0)
    n = 1500  # more than one block of rows
    u, v = rng.integers(0, n, (2, 20_000)).astype(np.int32)
    one = RelationGraph.from_edges(n, {CO_PURCHASE: (u, v)})
    model = EASE().fit(catalog(n), one)
    a = model.edges.toarray().astype(np.float64)
    p = np.linalg.inv(a.T @ a + 50 * np.eye(a.shape[1]))
    np.testing.assert_allclose(model.weights, np.eye(len(p)) - p / np.diag(p), atol=1e-5)


def test_ease_refuses_what_does_not_fit_and_says_how_much_it_would_need() -> None:
    a = 1 - np.eye(5)
    with pytest.raises(ConfigError, match=r"5 x 5 targets.*GiB.*max_products is 4.*cocitation"):
        EASE(EASE.Config(max_products=4)).fit(catalog(5), graph(a))
    assert np.isfinite(scores(EASE(EASE.Config(max_products=5)), graph(a))).all()


@settings(max_examples=40, deadline=None)
@given(adjacency)
def test_projection_is_a_step_or_two_of_a_random_walk(a: Matrix) -> None:
    around = a + a.T
    step = power(a.sum(1), 1) @ a
    expected = step + 0.3 * power(around.sum(1), 1) @ around @ step
    # every edge's order is unknown: a half, which the rows' sums take out
    model = Projection(Projection.Config(alpha=0.3))
    np.testing.assert_allclose(scores(model, graph(a)), expected, rtol=1e-5, atol=1e-7)


def test_projection_prefers_what_is_bought_after_the_source() -> None:
    # both bought six times with 0: 1 mostly after it (5 to 1), 2 as often before as after
    edges = {(0, 1): (6, 5), (1, 0): (6, 1), (0, 2): (6, 3), (2, 0): (6, 3)}
    found = scores(Projection(Projection.Config(alpha=0)), counted(3, edges))
    forward = 6 * (5 + 1) / (6 + 2)
    either = 6 * (3 + 1) / (6 + 2)
    np.testing.assert_allclose(
        found[0], [0, forward / (forward + either), either / (forward + either)], rtol=1e-6
    )


def test_copurchase_ranks_direct_edges_by_the_measure_requested() -> None:
    edges = {(0, 1): (8, 0), (0, 2): (4, 0), (3, 1): (8, 0), (4, 1): (8, 0)}
    of = counted(5, edges)
    bare = replace(of[CO_PURCHASE], source_first=None)
    of = RelationGraph(5, {CO_PURCHASE: bare})
    by_count = scores(CoPurchase(CoPurchase.Config(measure="count")), of)[0]
    by_confidence = scores(CoPurchase(CoPurchase.Config(measure="confidence")), of)[0]
    by_lift = scores(CoPurchase(CoPurchase.Config(measure="lift")), of)[0]
    assert by_count.tolist() == [0, 8, 4, 0, 0]
    np.testing.assert_allclose(by_confidence, [0, 8 / 12, 4 / 12, 0, 0], rtol=1e-6)
    # 28 pairs in all, 12 from 0, 24 to 1, 4 to 2
    np.testing.assert_allclose(by_lift, [0, 8 * 28 / (12 * 24), 4 * 28 / (12 * 4), 0, 0], rtol=1e-6)


def test_copurchase_says_nothing_of_edges_that_are_no_better_than_chance() -> None:
    edges = {(0, 1): (8, 0), (0, 2): (4, 0), (3, 1): (8, 0), (4, 1): (8, 0)}
    of = RelationGraph(5, {CO_PURCHASE: replace(counted(5, edges)[CO_PURCHASE], source_first=None)})
    found = CoPurchase(CoPurchase.Config(measure="pmi")).fit(catalog(5), of).score(np.array([0]))
    assert np.isfinite(found[0]).tolist() == [False, False, True, False, False]


def test_counted_edges_weigh_by_their_likelihood_ratio_and_listed_ones_all_alike() -> None:
    edges = {(0, 3): (20, 0), (1, 3): (20, 0), (0, 4): (2, 0), (2, 4): (2, 0), (1, 5): (20, 0)}
    edges |= {(2, 6): (2, 0)}
    bare = replace(counted(7, edges)[CO_PURCHASE], source_first=None)
    of = RelationGraph(7, {CO_PURCHASE: bare})
    assert np.array_equal(
        scores(CoCitation(), of), scores(CoCitation(CoCitation.Config(weight="llr")), of)
    )
    listed = graph((bare.count.toarray() > 0).astype(np.float64))
    binary = CoCitation(CoCitation.Config(weight="binary"))
    assert np.array_equal(scores(CoCitation(), listed), scores(binary, listed))
