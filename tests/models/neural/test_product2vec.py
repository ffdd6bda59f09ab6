"""Product2Vec: its equations by hand, and that similar products end nearer than complements."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from tests.same import assert_same_scores

from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.models.neural.product2vec import (
    Product2Vec,
    Product2VecConfig,
    distance_vectors,
    hinge,
    neighbourhood_loss,
    new_network,
    numpy_layers,
    settle_norm,
)
from goeswith.models.neural.training import EpochRecord
from goeswith.relations.graph import RelationGraph, Signals

Shop = tuple[Catalog, RelationGraph]


def small(**settings: Any) -> Product2Vec:
    values = {"dimension": 8, "max_epochs": 4, "batch": 32, "learning_rate": 0.01, **settings}
    return Product2Vec(Product2VecConfig.model_validate(values))


@pytest.fixture(scope="module")
def fitted(shop: Shop) -> Product2Vec:
    return small(max_epochs=15, patience=15).fit(*shop)


def distances(theta: np.ndarray, sources: np.ndarray, targets: np.ndarray) -> float:
    return float(((theta[sources] - theta[targets]) ** 2).sum(axis=1).mean())


@pytest.mark.parametrize("epochs", [1, 15])
@pytest.mark.parametrize("seed", range(4))
def test_similar_products_end_nearer_than_complements(shop: Shop, seed: int, epochs: int) -> None:
    catalog, graph = shop
    theta = small(max_epochs=epochs, patience=15, seed=seed).fit(catalog, graph).encode(catalog)
    near = distances(theta, graph.similars.sources, graph.similars.targets)
    far = distances(theta, graph.complements.sources, graph.complements.targets)
    assert near < 1 < far


def test_the_network_that_answers_is_the_one_that_was_trained() -> None:
    torch.manual_seed(0)
    network = new_network(6, 5)
    content = torch.randn(50, 6) / 10 + 1
    trained = network(content).detach()  # normalised by what it reads
    settle_norm(network, content)
    torch.testing.assert_close(network.eval()(content).detach(), trained, rtol=1e-4, atol=1e-5)


def test_products_never_seen_are_encoded_beside_their_kind(fitted: Product2Vec, shop: Shop) -> None:
    new = {**shop[0].frame.row(22, named=True), "product_id": "new", "title": "a new case"}
    vector = fitted.encode(Catalog.from_records([new]))
    distance = ((fitted.encode(shop[0]) - vector) ** 2).sum(axis=1)
    phones, cases, protectors = distance[:60].reshape(3, 20).mean(axis=1)
    assert cases < min(phones, protectors)


def test_a_score_is_the_negative_squared_distance(fitted: Product2Vec, shop: Shop) -> None:
    theta = fitted.encode(shop[0])
    scores = fitted.score(np.array([3], dtype=np.int32))
    np.testing.assert_allclose(scores[0], -((theta - theta[3]) ** 2).sum(axis=1), atol=1e-3)


def test_zeros_stay_zeros_in_source_and_target_vectors() -> None:
    for vectors in distance_vectors(np.array([[0, 0], [1, 2]], dtype=np.float32)):
        assert vectors.any(axis=1).tolist() == [False, True]


def test_the_hinge_loss_is_that_of_equation_3() -> None:
    config = Product2VecConfig(margin=1.5, epsilon=0.5)
    distance = torch.tensor([0.0, 1.0, 1.25, 3.0])
    assert hinge(distance, 1, config).tolist() == [0, 0, 0.25, 2]  # beyond 1.5 - 0.5
    assert hinge(distance, -1, config).tolist() == [2, 1, 0.75, 0]  # short of 1.5 + 0.5


def test_attention_to_neighbours_is_that_of_equation_2() -> None:
    rng = np.random.default_rng(0)
    theta = rng.normal(size=(3, 4)).astype(np.float32)
    neighbours = rng.normal(size=(3, 2, 4)).astype(np.float32)
    there = np.array([[True, True], [True, False], [False, False]])
    config = Product2VecConfig()
    loss = neighbourhood_loss(
        torch.from_numpy(theta), torch.from_numpy(neighbours), torch.from_numpy(there), 1, config
    )
    weight = np.exp(neighbours[0] @ theta[0])
    both = (weight[:, None] * neighbours[0]).sum(axis=0) / weight.sum()
    expected = [max(0, ((theta[0] - both) ** 2).sum())]
    expected.append(max(0, ((theta[1] - neighbours[1, 0]) ** 2).sum()))
    np.testing.assert_allclose(loss, expected, rtol=1e-5)  # none for a product without neighbours


def test_numpy_encodes_as_the_network_of_equation_1_does() -> None:
    torch.manual_seed(0)
    network = new_network(6, 5)
    rng = np.random.default_rng(0)
    network(torch.from_numpy(rng.normal(3, 2, (50, 6)).astype(np.float32)))  # means and variances
    contents = rng.normal(size=(7, 6)).astype(np.float32)
    model = small()
    model._layers = numpy_layers(network)
    expected = network.eval()(torch.from_numpy(contents)).detach()
    np.testing.assert_allclose(model._forward(contents), expected, rtol=1e-4, atol=1e-6)


def test_without_views_products_are_encoded_by_their_content(shop: Shop) -> None:
    catalog, graph = shop
    bought = RelationGraph(graph.n, {"co_purchase": graph["co_purchase"]})
    model = small().fit(catalog, bought)
    theta = model.encode(catalog)
    np.testing.assert_allclose(np.linalg.norm(theta, axis=1), 1, rtol=1e-5)
    assert list(model.history) == []


def test_without_complements_similar_products_are_still_drawn_together(shop: Shop) -> None:
    catalog, graph = shop
    viewed = replace(graph, signals=Signals(graph.complements.filter(_none(graph)), graph.similars))
    theta = small().fit(catalog, viewed).encode(catalog)
    assert np.isfinite(theta).all()
    assert theta.any()


def _none(graph: RelationGraph) -> np.ndarray:
    return np.zeros(len(graph.complements), dtype=bool)


def test_a_product_without_attributes_has_no_vector_and_no_answer(shop: Shop) -> None:
    nothing = pl.int_range(pl.len()) == 5
    frame = shop[0].frame.select(
        "product_id", *(pl.when(~nothing).then(c).alias(c) for c in ("type", "title", "brand"))
    )
    bare = Catalog(frame)
    model = small(max_epochs=1).fit(bare, shop[1])
    assert not model.encode(bare)[5].any()
    assert model.recommend(np.array([5], dtype=np.int32), 3)[0].tolist() == [[-1, -1, -1]]


def test_a_killed_run_goes_on_to_the_same_vectors(shop: Shop, tmp_path: Path) -> None:
    whole = small().fit(*shop)
    killed = small()
    killed.checkpoints = tmp_path

    def kill(name: str, epoch: EpochRecord) -> None:
        if epoch["epoch"] == 2:
            raise KeyboardInterrupt

    killed.on_epoch = kill
    with pytest.raises(KeyboardInterrupt):
        killed.fit(*shop)
    resumed = small()
    resumed.checkpoints, seen = tmp_path, []
    resumed.on_epoch = lambda name, epoch: seen.append(epoch["epoch"])
    resumed.fit(*shop)
    assert seen == [3, 4]
    assert np.array_equal(whole.encode(shop[0]), resumed.encode(shop[0]))


def test_a_saved_encoder_encodes_as_before(fitted: Product2Vec, shop: Shop, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    loaded = Product2Vec.load(tmp_path)
    assert_same_scores(loaded.encode(shop[0]), fitted.encode(shop[0]))
    assert loaded.history == list(fitted.history)


def test_settings_out_of_range_are_refused() -> None:
    from goeswith.models import make_model

    with pytest.raises(ConfigError, match="fan_out"):
        make_model("product2vec:fan_out=0")
