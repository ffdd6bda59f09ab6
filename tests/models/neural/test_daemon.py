"""DAEMON: messages and loss are the paper's, and its switches do what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.models import make_model
from goeswith.models.neural.daemon import Daemon, DaemonConfig, batches, loss_pairs, pair_loss
from goeswith.models.neural.torch_messages import (
    Messages,
    full_step,
    nearest_rows,
    propagate,
    sample_steps,
)
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import csr

CPU = torch.device("cpu")
SMALL = {"dimension": 16, "fan_outs": (4, 3), "content_dimension": 16, "batch": 64}


def random_matrix(n: int, edges: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    matrix = csr(n, *rng.integers(0, n, (2, edges)), np.ones(edges))
    matrix.data[:] = 1
    return matrix


def algorithm_1(
    A: np.ndarray, V: np.ndarray, X: np.ndarray, weights: list[np.ndarray], self_term: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """As printed, product by product."""
    s, t = X, X
    for W in weights:
        n, d = len(X), W.shape[1]
        new_s, new_t = np.zeros((n, d)), np.zeros((n, d))
        for u in range(n):
            out_cp, out_cv = np.flatnonzero(A[u]), np.flatnonzero(V[u])
            in_cp, in_cv = np.flatnonzero(A[:, u]), np.flatnonzero(V[:, u])
            new_s[u] = np.maximum(sum((t[v] @ W for v in out_cp), np.zeros(d)), 0)
            new_s[u] += np.maximum(sum((s[v] @ W for v in out_cv), np.zeros(d)), 0)
            new_t[u] = np.maximum(sum((s[v] @ W for v in in_cp), np.zeros(d)), 0)
            new_t[u] += np.maximum(sum((t[v] @ W for v in in_cv), np.zeros(d)), 0)
            if self_term:
                new_s[u] += np.maximum(s[u] @ W, 0)
                new_t[u] += np.maximum(t[u] @ W, 0)
        s = new_s / np.maximum(np.linalg.norm(new_s, axis=1, keepdims=True), 1e-6)
        t = new_t / np.maximum(np.linalg.norm(new_t, axis=1, keepdims=True), 1e-6)
    return s, t


@pytest.mark.parametrize("self_term", [False, True])
def test_messages_over_all_neighbours_are_algorithm_1(self_term: bool) -> None:
    n, rng = 9, np.random.default_rng(0)
    A, V = random_matrix(n, 20, 1), random_matrix(n, 12, 2)
    X, W1, W2 = rng.normal(size=(n, 5)), rng.normal(size=(5, 4)), rng.normal(size=(4, 4))
    s, t = algorithm_1(A.toarray(), V.toarray(), X, [W1, W2], self_term)
    step = full_step(Messages.from_edges(A, V, V.T), CPU)
    tensors = [torch.from_numpy(m).float() for m in (np.vstack([X, X]), W1, W2)]
    found = propagate([step, step], tensors[0], tensors[1:], self_term, last_relu=True).numpy()
    np.testing.assert_allclose(found, np.vstack([s, t]), atol=1e-5)


@pytest.mark.parametrize("self_term", [False, True])
def test_sampling_more_neighbours_than_there_are_changes_nothing(self_term: bool) -> None:
    n = 12
    A, V = random_matrix(n, 30, 3), random_matrix(n, 10, 4)
    messages = Messages.from_edges(A, V, V.T)
    torch.manual_seed(0)
    x, weights = torch.randn(2 * n, 6), [torch.randn(6, 4), torch.randn(4, 4), torch.randn(4, 4)]
    whole = propagate([full_step(messages, CPU)] * 3, x, weights, self_term, last_relu=False)
    queries = np.array([0, 5, 11, 14, 23], dtype=np.int32)
    rng = np.random.default_rng(0)
    steps, states = sample_steps(messages, queries, (n, n, n), rng, CPU)
    part = propagate(steps, x[torch.from_numpy(states)], weights, self_term, last_relu=False)
    torch.testing.assert_close(part, whole[torch.from_numpy(queries)])


def test_a_sampled_state_hears_at_most_its_fan_out_of_each_relation() -> None:
    n = 30
    A, V = random_matrix(n, 400, 5), random_matrix(n, 400, 6)
    queries = np.arange(2 * n, dtype=np.int32)
    steps, _ = sample_steps(
        Messages.from_edges(A, V, V.T), queries, (3, 5), np.random.default_rng(0), CPU
    )
    degrees = [step.bought.forward.crow_indices().diff().max().item() for step in steps]
    assert degrees == [5, 3]  # the last layer gives what is asked for, with the first fan-out


def test_without_its_last_relu_vectors_may_point_apart() -> None:
    A = random_matrix(20, 60, 7)
    step = full_step(Messages.from_edges(A, csr(20, [], [], []), csr(20, [], [], [])), CPU)
    torch.manual_seed(0)
    x, weights = torch.randn(40, 8), [torch.randn(8, 8)]
    assert propagate([step], x, weights, False, last_relu=True).min() >= 0
    assert propagate([step], x, weights, False, last_relu=False).min() < 0


def test_the_loss_is_equation_2_with_its_three_groups() -> None:
    n, rng = 6, np.random.default_rng(1)
    s, t = rng.normal(size=(2, n, 4))
    bought = np.array([[0, 1], [2, 3], [3, 2]], dtype=np.int32)
    one_way = np.array([True, False, False])
    drawn = np.array([[4, 0], [5, 1], [3, 0]])  # z = u is left out, twice
    viewed = np.array([[1, 5], [5, 1]], dtype=np.int32)

    def log_sigmoid(x: float) -> float:
        return float(-np.log1p(np.exp(-x)))

    expected = 0.0
    for (u, v), alone, zs in zip(bought.tolist(), one_way.tolist(), drawn.tolist(), strict=True):
        expected -= log_sigmoid(s[u] @ t[v])
        expected -= sum(log_sigmoid(-(s[u] @ t[z])) for z in zs if z != u)
        if alone:
            expected -= log_sigmoid(s[u] @ t[v]) + log_sigmoid(-(s[v] @ t[u]))
    expected -= sum(log_sigmoid(s[u] @ s[v]) + log_sigmoid(t[u] @ t[v]) for u, v in viewed)

    agree, differ = loss_pairs(n, bought, one_way, drawn, viewed)
    vectors = torch.from_numpy(np.vstack([s, t]))
    tensors = [torch.from_numpy(pairs.astype(np.int64)) for pairs in (agree, differ)]
    found = pair_loss(vectors, *tensors, temperature=1, negative_form="sigmoid_minus")
    assert float(found) == pytest.approx(expected)


def test_the_printed_form_of_a_negative_is_sigmoid_of_one_minus_x() -> None:
    vectors = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    nothing, pair = torch.zeros((0, 2), dtype=torch.int64), torch.tensor([[0, 1]])
    for form, x in (("one_minus", 1 - 0.6), ("sigmoid_minus", -0.6), ("sigmoid_minus", -1.2)):
        temperature = 0.5 if x == -1.2 else 1.0
        loss = float(pair_loss(vectors, nothing, pair, temperature, form))
        assert loss == pytest.approx(np.log1p(np.exp(-x)))


def test_every_edge_is_taught_once_an_epoch_in_even_steps() -> None:
    steps = list(batches(10, 25, 8, np.random.default_rng(0)))
    assert len(steps) == 4
    for edges, count in zip(zip(*steps, strict=True), (10, 25), strict=True):
        assert sorted(np.concatenate(edges).tolist()) == list(range(count))
        assert max(map(len, edges)) - min(map(len, edges)) <= 1
    assert list(batches(0, 0, 8, np.random.default_rng(0))) == []


def test_a_cold_product_is_near_to_warm_ones_with_something_in_common() -> None:
    content = np.array([[1, 0], [0.8, 0.6], [0, 1], [0, 0], [-1, 0]], dtype=np.float32)
    cold = np.array([True, False, False, True, False])
    near = nearest_rows(content, cold, ~cold, 2)
    assert near.toarray().nonzero()[0].tolist() == [0]  # nothing is known of product 3
    assert near.toarray().nonzero()[1].tolist() == [1]
    assert nearest_rows(content, ~cold, ~cold, 1)[1].indices.tolist() == [1]


def fit(shop: tuple[Catalog, RelationGraph], **settings: object) -> Daemon:
    return Daemon(DaemonConfig.model_validate({**SMALL, "max_epochs": 8, **settings})).fit(*shop)


@pytest.fixture(scope="module")
def fitted(shop: tuple[Catalog, RelationGraph]) -> Daemon:
    return fit(shop)


@pytest.fixture(scope="module")
def barely(shop: tuple[Catalog, RelationGraph]) -> Daemon:
    return fit(shop, max_epochs=2)


def types_of(catalog: Catalog, products: np.ndarray) -> list[str]:
    return [catalog.frame["type"][int(p)] for p in products if p >= 0]


def test_the_first_answers_for_a_phone_are_cases_and_not_the_other_way(
    shop: tuple[Catalog, RelationGraph], fitted: Daemon
) -> None:
    products, _ = fitted.recommend(np.array([0, 1], dtype=np.int32), 4)
    assert set(types_of(shop[0], products.ravel())) == {"case"}
    backward, _ = fitted.recommend(np.array([20, 21], dtype=np.int32), 4)
    assert "phone" not in types_of(shop[0], backward.ravel())


def test_a_cold_phone_gets_cases_and_a_cold_case_can_be_proposed(
    shop: tuple[Catalog, RelationGraph], fitted: Daemon
) -> None:
    products, _ = fitted.recommend(np.array([19], dtype=np.int32), 4)
    assert set(types_of(shop[0], products.ravel())) == {"case"}
    place = np.argsort(-fitted.score(np.array([3], dtype=np.int32))[0]).tolist().index(39)
    assert place < 20  # among the twenty cases


def test_cold_products_do_not_change_the_vectors_of_the_others(
    shop: tuple[Catalog, RelationGraph], fitted: Daemon
) -> None:
    more = fit(shop, nearest=1)
    warm = np.setdiff1d(np.arange(100), [19, 39, 59, 79, 99])
    for one, other in (
        (fitted.source_vectors, more.source_vectors),
        (fitted.target_vectors, more.target_vectors),
    ):
        np.testing.assert_allclose(one[warm], other[warm], rtol=1e-4, atol=1e-5)
    assert not np.allclose(fitted.source_vectors[19], more.source_vectors[19], atol=1e-3)


def direction_accuracy(model: Daemon, graph: RelationGraph) -> float:
    u, v = graph.complements.sources, graph.complements.targets
    forward = (model.source_vectors[u] * model.target_vectors[v]).sum(axis=1)
    backward = (model.source_vectors[v] * model.target_vectors[u]).sum(axis=1)
    return float((forward > backward).mean())


def test_the_reverse_of_a_one_way_edge_scores_lower(
    shop: tuple[Catalog, RelationGraph], fitted: Daemon
) -> None:
    assert direction_accuracy(fitted, shop[1]) > 0.95


@pytest.mark.parametrize(
    "settings",
    [
        {"co_view": False},
        {"asymmetry": False},
        {"self_term": True, "last_relu": False, "temperature": 0.1},
        {"id_vectors": True},
        {"negative_form": "one_minus"},
        {"fan_outs": (2,)},
        {"fan_outs": (4, 3, 2, 2)},
    ],
)
def test_every_switch_changes_the_vectors_and_leaves_them_usable(
    shop: tuple[Catalog, RelationGraph], barely: Daemon, settings: dict[str, object]
) -> None:
    other = fit(shop, max_epochs=2, **settings)
    assert np.isfinite(other.source_vectors).all()
    assert np.isfinite(other.target_vectors).all()
    assert not np.allclose(other.source_vectors, barely.source_vectors)
    assert (other.recommend(np.arange(19, dtype=np.int32), 3)[0] >= 0).all()


def test_fan_outs_are_written_with_dashes_in_a_specification() -> None:
    assert make_model("daemon:fan_outs=5-3").config.fan_outs == (5, 3)
    with pytest.raises(ConfigError, match="at least 1"):
        make_model("daemon:fan_outs=5-0")
    with pytest.raises(ConfigError, match="fan_outs"):
        make_model("daemon:fan_outs=many")


def test_products_that_are_only_viewed_together_are_joined_without_any_purchase() -> None:
    catalog = Catalog.from_records({"product_id": f"p{i}", "type": f"t{i % 2}"} for i in range(6))
    graph = RelationGraph.from_edges(6, [(0, 2, "co_view"), (2, 0, "co_view")])
    model = fit((catalog, graph), max_epochs=1)
    assert np.isfinite(model.score(np.array([0], dtype=np.int32)))[0].any()


def test_without_attributes_and_without_edges_nothing_is_said() -> None:
    bare = Catalog(pl.DataFrame({"product_id": ["a", "b", "c"]}))
    for edges in ([], [(0, 1, "co_purchase")]):
        model = fit((bare, RelationGraph.from_edges(3, edges)), max_epochs=1, self_term=True)
        assert np.isneginf(model.score(np.array([2], dtype=np.int32))).all()


def test_products_that_attributes_hardly_tell_apart_get_vectors_of_their_own(
    shop: tuple[Catalog, RelationGraph], barely: Daemon
) -> None:
    catalog, graph = shop
    distinct = fit(shop, max_epochs=2, id_vectors=False)
    assert np.array_equal(distinct.source_vectors, barely.source_vectors)
    kinds = Catalog(catalog.frame.select("product_id", "type"))  # twenty products of each
    chosen, own, alike = (
        fit((kinds, graph), max_epochs=2, id_vectors=given).source_vectors
        for given in (DaemonConfig().id_vectors, True, False)
    )
    assert np.array_equal(chosen, own)
    assert not np.allclose(chosen, alike)


@pytest.mark.one_processor
def test_a_resumed_run_ends_with_the_same_vectors(
    shop: tuple[Catalog, RelationGraph], tmp_path: Path
) -> None:
    whole = fit(shop, max_epochs=4)

    class KilledError(Exception):
        """Stands for what ends a process."""

    def stop(_: str, epoch: dict[str, float]) -> None:
        if epoch["epoch"] == 2:
            raise KilledError

    config = DaemonConfig.model_validate({**SMALL, "max_epochs": 4})
    first, second = Daemon(config), Daemon(config)
    first.checkpoints = second.checkpoints = tmp_path
    first.on_epoch = stop
    with pytest.raises(KilledError):
        first.fit(*shop)
    seen: list[int] = []
    second.on_epoch = lambda _, epoch: seen.append(epoch["epoch"])
    second.fit(*shop)
    assert seen == [3, 4]
    np.testing.assert_array_equal(second.source_vectors, whole.source_vectors)
    np.testing.assert_array_equal(second.target_vectors, whole.target_vectors)
