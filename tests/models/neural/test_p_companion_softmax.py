"""P-Companion with softmaxes: how frequent a type is counts, and the answers are of its types."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.features.type_transitions import CountedTransitions
from goeswith.models.neural.p_companion_config import PCompanionSoftmaxConfig
from goeswith.models.neural.p_companion_softmax import PCompanionSoftmax
from goeswith.models.neural.training import EpochRecord
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import csr

KINDS, EACH = ["phone", "case", "cable", "stand", "lamp"], 20
SHARES = [0, 0.6, 0.25, 0.1, 0.05]


def planted() -> tuple[Catalog, RelationGraph]:
    """Phones go with cases more often than with cables, and so on, whichever they are."""
    rng = np.random.default_rng(0)
    names = [(f"{kind}-{i}", f"{kind} of {i}", kind) for kind in KINDS for i in range(EACH)]
    catalog = Catalog(pl.DataFrame(names, ["product_id", "title", "type"], orient="row"))
    pairs = {
        (int(phone), int(EACH * kind + rng.integers(EACH)))
        for phone in range(EACH)
        for kind in rng.choice(len(KINDS), 12, p=SHARES)
    }
    edges = [(u, v, "co_purchase") for u, v in sorted(pairs)]
    return catalog, RelationGraph.from_edges(100, edges)


@pytest.fixture(scope="module")
def fitted() -> tuple[PCompanionSoftmax, RelationGraph]:
    catalog, graph = planted()
    # none of so few pairs is held back: the epoch of least loss is used
    config = PCompanionSoftmaxConfig(
        dimension=16, max_epochs=40, patience=40, step_size=0.02, dropout=0, validation_share=0.001
    )
    return PCompanionSoftmax(config).fit(catalog, graph), graph


def test_the_type_that_follows_most_often_is_first_and_one_that_never_does_is_late(
    fitted: tuple[PCompanionSoftmax, RelationGraph],
) -> None:
    model, _ = fitted
    order = np.argsort(-model.type_scores(np.arange(EACH, dtype=np.int32)), axis=1)
    names = [[model.type_names[code] for code in row] for row in order]
    assert {row[0] for row in names} == {"case"}
    assert not any("phone" in row[:3] for row in names)


def test_a_slate_has_products_of_its_types_without_those_excluded(
    fitted: tuple[PCompanionSoftmax, RelationGraph],
) -> None:
    model, graph = fitted
    slate = model.slate(np.array([3], dtype=np.int32), 2, 5, exclude=graph.complements.count)
    there = slate.products[0] >= 0
    assert there.all()
    assert np.array_equal(model.types[slate.products[0]], slate.product_types[0])
    assert not np.isin(slate.products[0], graph.complements.count[3].indices).any()


def test_a_new_phone_is_answered_as_phones_are(
    fitted: tuple[PCompanionSoftmax, RelationGraph],
) -> None:
    model, _ = fitted
    new = Catalog.from_records([{"product_id": "n", "title": "phone of 3", "type": "phone"}])
    best = np.argsort(-model.score_new(new)[0])[:5]
    assert "phone" not in [model.type_names[code] for code in model.types[best]]


def test_types_are_validated_by_types_and_products_by_slates() -> None:
    catalog, graph = planted()
    seen: dict[str, list[EpochRecord]] = {}
    config = PCompanionSoftmaxConfig(
        dimension=16, max_epochs=3, step_size=0.02, dropout=0, validation_share=0.2
    )
    model = PCompanionSoftmax(config)
    model.on_epoch = lambda name, epoch: seen.setdefault(name, []).append(epoch)
    model.fit(catalog, graph)
    # three of four types that follow phones are predicted: .95 of the pairs, which slates of ten
    # of twenty products each cannot hold
    types = [epoch["validation"] for epoch in seen["p_companion_softmax-types"]]
    products = [epoch["validation"] for epoch in seen["p_companion_softmax"]]
    assert max(types) > 0.85
    assert max(products) < max(types)


def test_checkpoints_of_types_and_products_are_apart(tmp_path: Path) -> None:
    model = PCompanionSoftmax(PCompanionSoftmaxConfig(dimension=16, max_epochs=1))
    model.checkpoints = tmp_path
    files: dict[str, list[str]] = {}
    model.on_epoch = lambda name, _: files.update({name: [p.name for p in tmp_path.iterdir()]})
    model.fit(*planted())
    assert files["p_companion_softmax-types"] == ["p_companion_softmax-types.checkpoint"]
    assert files["p_companion_softmax"] == ["p_companion_softmax.checkpoint"]
    assert not list(tmp_path.iterdir())


def test_counted_transitions_are_shrunk_shares() -> None:
    types = np.array([0, 1, 1, 2], dtype=np.int32)
    edges = csr(4, np.array([0, 0, 0, 3]), np.array([1, 2, 3, 1]), np.ones(4))
    counted = CountedTransitions.count(edges, types, 3, rank=3, seed=0)
    share = np.array([1, 4, 2]) / 7  # targets of each type, and one more
    between = np.array([[0, 2, 1], [0, 0, 0], [0, 1, 0]])
    expected = (between + 10 * share) / (between.sum(axis=1, keepdims=True) + 10)
    logits = counted.source @ counted.complement.T + counted.log_share
    odds = np.exp(logits)
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), expected, rtol=1e-4)


def test_without_an_edge_every_type_is_as_likely() -> None:
    none = np.zeros(0, dtype=np.int32)
    counted = CountedTransitions.count(csr(2, none, none, none), none, 4, rank=2, seed=0)
    assert np.isfinite(counted.source).all()
    assert not (counted.source @ counted.complement.T).any()
    np.testing.assert_allclose(np.exp(counted.log_share), 0.25, rtol=1e-6)


def test_a_new_product_has_the_types_of_one_like_it(
    fitted: tuple[PCompanionSoftmax, RelationGraph],
) -> None:
    model, _ = fitted
    catalog, _ = planted()
    rows = np.array([3, 45], dtype=np.int32)
    contents = model.encoder.contents(catalog)[rows]
    contents /= np.linalg.norm(contents, axis=1, keepdims=True)
    again = model._transition(contents, model.types[rows])
    np.testing.assert_allclose(again, model.transitions[rows], rtol=1e-4, atol=1e-5)
