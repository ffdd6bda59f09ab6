"""Product2Vec with a softmax: its loss by hand, and that similar products are found among all."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from goeswith.data.catalog import Catalog
from goeswith.models.neural.p_companion_config import PCompanionSoftmaxConfig
from goeswith.models.neural.p_companion_softmax import PCompanionSoftmax
from goeswith.models.neural.product2vec_softmax import (
    Product2VecSoftmax,
    Product2VecSoftmaxConfig,
    similar_loss,
)
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import csr

Shop = tuple[Catalog, RelationGraph]
N, KINDS = 60, 6


@pytest.fixture(scope="module")
def twins() -> Shop:
    """Pairs of products are viewed together, and products of one kind bought together.

    Attributes say the kind alone, which twins do not share.
    """
    catalog = Catalog(
        pl.DataFrame(
            {
                "product_id": [f"p{i}" for i in range(N)],
                "title": [f"kind{i % KINDS}" for i in range(N)],
            }
        )
    )
    near = [(i, i ^ 1) for i in range(N)]
    bought = [(i, (i + KINDS) % N) for i in range(N)]
    edges = [(u, v, "co_view") for u, v in near] + [(u, v, "co_purchase") for u, v in bought]
    return catalog, RelationGraph.from_edges(N, edges)


def fitted(shop: Shop, **settings: Any) -> Product2VecSoftmax:
    values = {"dimension": 16, "max_epochs": 15, "patience": 15, "batch": 30, "learning_rate": 0.01}
    config = Product2VecSoftmaxConfig.model_validate({**values, **settings})
    return Product2VecSoftmax(config).fit(*shop)


def first_is_twin(model: Product2VecSoftmax) -> float:
    products, _ = model.recommend(np.arange(N, dtype=np.int32), 1)
    return float((products[:, 0] == np.arange(N) ^ 1).mean())


def test_id_vectors_find_what_attributes_do_not_say(twins: Shop) -> None:
    assert first_is_twin(fitted(twins)) > 0.8
    assert first_is_twin(fitted(twins, id_vectors=False)) < 0.4


def test_attributes_learn_to_stand_alone(shop: Shop) -> None:
    catalog, graph = shop
    model = fitted(shop, max_epochs=10)
    new = {**catalog.frame.row(22, named=True), "product_id": "new", "title": "a new case"}
    vectors = model.encode(catalog)
    cosines = vectors @ model.encode(Catalog.from_records([new]))[0]
    cosines /= np.linalg.norm(vectors, axis=1)
    phones, cases, protectors = cosines[:60].reshape(3, 20).mean(axis=1)
    assert cases > max(phones, protectors)
    length = np.linalg.norm(model.source_vectors, axis=1)
    np.testing.assert_allclose(length[graph.similars.sources], 1, rtol=1e-5)


def test_the_loss_is_a_softmax_over_the_drawn_products() -> None:
    torch.manual_seed(0)
    network, ids = torch.nn.Linear(3, 4), torch.nn.Embedding(7, 4)
    content, mask = torch.randn(7, 3), torch.ones(7, 1)
    near = csr(7, [1, 1, 2], [2, 4, 5], [1, 1, 1])[[1, 2]]
    rows = np.array([1, 2], dtype=np.int32), np.array([0, 1, 2, 3, 5, 6], dtype=np.int32)
    loss = similar_loss((network, ids), (content, mask), near, rows, share=0.5, temperature=0.2)
    unit = torch.nn.functional.normalize(network(content) + ids.weight, dim=1).detach().numpy()
    x = np.exp(unit @ unit.T / 0.2)
    expected = 0.0
    # rivals: drawn products that are neither the source nor similar to it, as often as all
    for source, target, rivals in (
        (1, 2, [0, 3, 5, 6]),
        (1, 4, [0, 3, 5, 6]),
        (2, 5, [0, 1, 3, 6]),
    ):
        expected -= np.log(x[source, target] / (x[source, target] + x[source, rivals].sum() / 0.5))
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)


def test_p_companion_reads_its_vectors(shop: Shop) -> None:
    config = {"vectors": "product2vec_softmax", "dimension": 8, "max_epochs": 2}
    model = PCompanionSoftmax(PCompanionSoftmaxConfig.model_validate(config)).fit(*shop)
    assert isinstance(model.encoder, Product2VecSoftmax)
    again = PCompanionSoftmax(model.config)
    again.restore(model.arrays())
    np.testing.assert_array_equal(again.encoder.encode(shop[0]), model.encoder.encode(shop[0]))
