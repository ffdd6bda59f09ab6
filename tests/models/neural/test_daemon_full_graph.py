"""DAEMON over the complete graph: its loss by hand, its direction, what it leaves out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from goeswith.data.catalog import Catalog
from goeswith.models.neural.daemon_full_graph import (
    DaemonFullGraph,
    DaemonFullGraphConfig,
    own_edge_free_loss,
)
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import csr

SMALL = {"dimension": 16, "batch": 16, "max_epochs": 10, "learning_rate": 0.02}


def fit(shop: tuple[Catalog, RelationGraph], **settings: object) -> DaemonFullGraph:
    return DaemonFullGraph(DaemonFullGraphConfig.model_validate({**SMALL, **settings})).fit(*shop)


@pytest.fixture(scope="module")
def fitted(shop: tuple[Catalog, RelationGraph]) -> DaemonFullGraph:
    return fit(shop)


def test_a_pair_is_scored_as_if_its_edge_sent_no_messages() -> None:
    rng = np.random.default_rng(0)
    n, d, temperature = 7, 4, 0.5
    s0, t0, p, q = rng.normal(size=(4, n, d))
    A = csr(n, [0, 0, 1, 3, 3, 3], [1, 2, 4, 6, 5, 1], rng.random(6)).toarray()
    weights = csr(n, *np.nonzero(A), np.array([1, 2, 1, 1, 0.5, 1]))
    block, drawn = np.array([3, 0], dtype=np.int32), np.array([2, 4, 5], dtype=np.int32)

    def cosine(A: np.ndarray, u: int, v: int) -> float:
        s, t = s0[u] + A[u] @ q, t0[v] + A[:, v] @ p
        return float(s @ t / np.linalg.norm(s) / np.linalg.norm(t) / temperature)

    expected = 0.0
    for u in block.tolist():
        rivals = [w for w in drawn.tolist() if w != u and not A[u, w]]
        total = 2 * sum(np.exp(cosine(A, u, w)) for w in rivals)
        for v in np.flatnonzero(A[u]).tolist():
            without = A.copy()
            without[u, v] = 0
            expected += weights[u, v] * np.logaddexp(0, np.log(total) - cosine(without, u, v))

    states = torch.from_numpy(s0 + A @ q), torch.from_numpy(t0 + A.T @ p)
    sent = torch.from_numpy(p), torch.from_numpy(q)
    edges = weights[block], csr(n, *np.nonzero(A), A[np.nonzero(A)])[block]
    found = own_edge_free_loss(states, sent, edges, (block, drawn), share=0.5, temperature=0.5)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_a_source_bought_with_all_that_is_drawn_costs_nothing() -> None:
    states = tuple(torch.randn(3, 4, requires_grad=True) for _ in range(2))
    edges = csr(3, [0, 0], [1, 2], [1, 1])[:1]
    drawn = np.array([1, 2], dtype=np.int32)
    block = np.array([0], dtype=np.int32)
    loss = own_edge_free_loss(states, None, (edges, edges), (block, drawn), share=1, temperature=1)
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(states[0].grad).all()


def test_the_first_answers_for_a_phone_are_cases_and_not_the_other_way(
    shop: tuple[Catalog, RelationGraph], fitted: DaemonFullGraph
) -> None:
    types = shop[0].frame["type"]
    products, _ = fitted.recommend(np.arange(19, dtype=np.int32), 4)
    assert set(types[products.ravel()]) == {"case"}
    backward, _ = fitted.recommend(np.arange(20, 39, dtype=np.int32), 4)
    assert "phone" not in set(types[backward.ravel()])


def test_a_cold_phone_gets_cases(
    shop: tuple[Catalog, RelationGraph], fitted: DaemonFullGraph
) -> None:
    products, _ = fitted.recommend(np.array([19], dtype=np.int32), 4)
    assert set(shop[0].frame["type"][products.ravel()]) == {"case"}


def test_it_learns_from_alternatives_and_does_not_recommend_them() -> None:
    # 0 and 1 are bought and viewed together; both go with 2 to 5
    pairs = [(u, v, "co_purchase") for u in (0, 1, 6, 7) for v in (2, 3, 4, 5)]
    pairs += [(0, 1, "co_purchase"), (0, 1, "co_view"), (1, 0, "co_view")]
    catalog = Catalog.from_records({"product_id": f"p{i}"} for i in range(8))
    graph = RelationGraph.from_edges(8, pairs)
    source = np.array([0], dtype=np.int32)
    shown = fit((catalog, graph), max_epochs=1, relation="co_purchase")
    hidden = fit((catalog, graph), max_epochs=1, relation="co_purchase", alternatives=False)
    assert np.isfinite(shown.score(source)[0, 1])
    assert np.isneginf(hidden.score(source)[0, 1])
    assert 1 not in hidden.recommend(source, 7)[0]
