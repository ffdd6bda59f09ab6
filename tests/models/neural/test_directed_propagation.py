"""Directed propagation: its equations by hand, its direction, its answers for cold products."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from goeswith.data.catalog import Catalog
from goeswith.models.neural.directed_propagation import (
    DirectedPropagation,
    DirectedPropagationConfig,
    normalized_weights,
)
from goeswith.models.neural.torch_layers import (
    SparseMap,
    edge_cosines,
    softmax_loss,
    symmetric_normalised,
)
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import Relation, csr

CPU = torch.device("cpu")


def test_edges_are_divided_by_the_square_roots_of_both_degrees() -> None:
    matrix = csr(4, [0, 0, 1], [1, 2, 2], [1, 1, 1])
    expected = np.zeros((4, 4))
    expected[0, 1], expected[0, 2], expected[1, 2] = 1 / np.sqrt(2), 1 / 2, 1 / np.sqrt(2)
    np.testing.assert_allclose(symmetric_normalised(matrix).toarray(), expected, rtol=1e-6)


def test_a_sparse_product_has_the_gradient_of_a_dense_one() -> None:
    rng = np.random.default_rng(0)
    matrix = csr(6, *rng.integers(0, 6, (2, 12)), rng.random(12))
    x = torch.randn(6, 3, requires_grad=True)
    weights = torch.randn(6, 3)
    for sparse_map, dense in (
        (SparseMap(matrix, CPU), matrix.toarray()),
        (SparseMap(matrix, CPU).transposed, matrix.T.toarray()),
    ):
        (found,) = torch.autograd.grad(((sparse_map @ x) * weights).sum(), x)
        np.testing.assert_allclose(found, dense.T @ weights.numpy(), rtol=1e-5, atol=1e-6)


@pytest.fixture
def targets() -> np.ndarray:
    """Complements of sources 3, 0 and 4 among seven products."""
    return csr(7, [0, 0, 1, 1, 2], [1, 2, 4, 6, 5], np.ones(5))[:3]


def test_the_loss_is_a_softmax_over_all_that_are_no_targets(targets: np.ndarray) -> None:
    logits, block, never = np.random.default_rng(1).normal(size=(3, 7)), [3, 0, 4], [6]
    expected = []
    for row, (source, known) in enumerate(zip(block, ([1, 2], [4, 6], [5]), strict=True)):
        rivals = [v for v in range(7) if v != source and v not in known and v not in never]
        for v in known:
            others = np.exp(logits[row, rivals]).sum()
            expected.append(-np.log(np.exp(logits[row, v]) / (np.exp(logits[row, v]) + others)))
    found = softmax_loss(
        torch.from_numpy(logits), targets, np.array(block, dtype=np.int32), torch.tensor(never)
    )
    assert float(found) == pytest.approx(np.sum(expected))
    heavy = targets.copy()
    heavy.data = np.array([2, 0, 1, 0.5, 3], dtype=np.float32)
    found = softmax_loss(
        torch.from_numpy(logits), heavy, np.array(block, dtype=np.int32), torch.tensor(never)
    )
    assert float(found) == pytest.approx(np.sum(np.array(expected) * heavy.data))


def test_the_gradient_of_the_loss_is_its_slope(targets: np.ndarray) -> None:
    targets.data[:2] = 0.25, 3
    logits = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    block, never = np.array([3, 0, 4], dtype=np.int32), torch.tensor([6])
    assert torch.autograd.gradcheck(lambda x: softmax_loss(x, targets, block, never), logits)


def test_a_source_without_rivals_costs_nothing() -> None:
    logits = torch.randn(1, 3, requires_grad=True)
    targets = csr(3, [0, 0], [1, 2], [1, 1])[:1]
    loss = softmax_loss(logits, targets, np.array([0], dtype=np.int32), torch.tensor([]).long())
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.equal(logits.grad, torch.zeros(1, 3))


@pytest.mark.parametrize("layers", [1, 2])
def test_an_edge_is_left_out_of_its_own_cosine_as_if_it_were_not_there(layers: int) -> None:
    rng = np.random.default_rng(0)
    n, edges = 9, {(0, 3), (0, 4), (1, 3), (4, 0), (2, 5), (5, 6), (3, 6)}
    bought = csr(n, *zip(*sorted(edges), strict=True), rng.random(len(edges)))
    viewed = csr(n, [0, 2, 3, 5, 3], [2, 0, 5, 3, 7], np.ones(5))
    start = rng.normal(size=(2, n, 4))

    def states(a: np.ndarray) -> tuple[np.ndarray, ...]:
        (s, t), v = start, viewed.toarray()
        total, sent = [s, t], [np.zeros_like(s), np.zeros_like(t)]
        for _ in range(layers):
            sent = [sent[0] + s, sent[1] + t]
            s, t = a @ t + v @ s, a.T @ s + v @ t
            total = [total[0] + s, total[1] + t]
        return *total, *sent

    s, t, *sent = map(torch.from_numpy, states(bought.toarray()))
    rows = np.arange(n, dtype=np.int32)
    found = edge_cosines((s, t), (sent[0], sent[1]), bought, rows).tolist()
    heard = edge_cosines((s, t), None, bought, rows).tolist()
    for (u, v), cosine, with_own in zip(sorted(edges), found, heard, strict=True):
        without = bought.toarray()
        without[u, v] = 0
        s_without, t_without, *_ = states(without)
        a, b = s_without[u], t_without[v]
        expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert cosine == pytest.approx(expected)
        assert with_own != pytest.approx(expected)


def test_edges_of_a_list_weigh_one_and_counted_edges_what_chance_does_not_explain() -> None:
    listed = csr(4, [0, 1, 2], [1, 2, 3], [1, 1, 1])
    np.testing.assert_array_equal(normalized_weights(Relation(listed)).toarray(), listed.toarray())
    counted = csr(4, [0, 0, 1, 1, 1, 2, 3], [2, 3, 0, 2, 3, 0, 0], [40, 40, 9, 9, 1, 40, 40])
    weights = normalized_weights(Relation(counted))
    assert weights.data.min() > 0
    assert weights.data.mean() == pytest.approx(1)
    assert weights[1, 3] == 0 < weights[0, 2]


def fit(shop: tuple[Catalog, RelationGraph], **settings: object) -> DirectedPropagation:
    given = {"dimension": 16, "max_epochs": 8, "patience": 8, **settings}
    return DirectedPropagation(DirectedPropagationConfig.model_validate(given)).fit(*shop)


@pytest.fixture(scope="module")
def fitted(shop: tuple[Catalog, RelationGraph]) -> DirectedPropagation:
    return fit(shop)


def types_of(catalog: Catalog, products: np.ndarray) -> set[str]:
    return {catalog.frame["type"][int(p)] for p in products.ravel() if p >= 0}


def test_phones_are_answered_with_cases_of_their_brand(
    shop: tuple[Catalog, RelationGraph], fitted: DirectedPropagation
) -> None:
    products, _ = fitted.recommend(np.arange(8, dtype=np.int32), 4)
    assert types_of(shop[0], products) == {"case"}
    assert ((products % 4) == (np.arange(8)[:, None] % 4)).mean() > 0.9


def test_a_one_way_edge_scores_higher_than_its_reverse(
    shop: tuple[Catalog, RelationGraph], fitted: DirectedPropagation
) -> None:
    u, v = shop[1].complements.sources, shop[1].complements.targets
    s, t = fitted.source_vectors, fitted.target_vectors
    assert ((s[u] * t[v]).sum(axis=1) > (s[v] * t[u]).sum(axis=1)).mean() > 0.95


def test_a_cold_phone_is_answered_by_its_attributes_and_a_cold_case_is_proposed(
    shop: tuple[Catalog, RelationGraph], fitted: DirectedPropagation
) -> None:
    products, _ = fitted.recommend(np.array([19], dtype=np.int32), 4)
    assert types_of(shop[0], products) == {"case"}
    order = np.argsort(-fitted.score(np.array([3], dtype=np.int32))[0]).tolist()
    assert order.index(39) < 20


def test_a_cold_product_without_attributes_is_unknown() -> None:
    bare = Catalog(pl.DataFrame({"product_id": ["a", "b", "c"]}))
    model = fit((bare, RelationGraph.from_edges(3, [(0, 1, "co_purchase")])))
    assert np.isfinite(model.score(np.array([0], dtype=np.int32))[0, 1])
    assert np.isneginf(model.score(np.array([0], dtype=np.int32))[0, 2])
    assert np.isneginf(model.score(np.array([2], dtype=np.int32))).all()


@pytest.mark.parametrize("settings", [{"layers": 0}, {"layers": 3}, {"co_view": 0}])
def test_every_setting_changes_the_vectors_and_leaves_them_usable(
    shop: tuple[Catalog, RelationGraph], fitted: DirectedPropagation, settings: dict[str, object]
) -> None:
    other = fit(shop, **settings)
    assert np.isfinite(other.source_vectors).all()
    assert not np.allclose(other.source_vectors, fitted.source_vectors)
    products, _ = other.recommend(np.arange(8, dtype=np.int32), 1)
    assert types_of(shop[0], products) == {"case"}
