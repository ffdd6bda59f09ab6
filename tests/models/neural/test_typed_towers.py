"""Typed towers: equations by hand, the types that they name, answers for new products."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.same import assert_same_scores, assert_same_slates

from goeswith.data.catalog import Catalog
from goeswith.models.neural.directed_propagation import (
    DirectedPropagation,
    DirectedPropagationConfig,
)
from goeswith.models.neural.training import EpochRecord
from goeswith.models.neural.typed_towers import TypedTowers, TypedTowersConfig
from goeswith.relations.graph import RelationGraph

Shop = tuple[Catalog, RelationGraph]
PHONES = np.array([0, 7, 19], dtype=np.int32)  # 19 has no edges
SOURCES = np.arange(100, dtype=np.int32)


def small(**settings: Any) -> TypedTowers:
    values = {"dimension": 16, "max_epochs": 4, "batch": 8}
    return TypedTowers(TypedTowersConfig.model_validate({**values, "patience": 40, **settings}))


@pytest.fixture(scope="module")
def fitted(shop: Shop) -> TypedTowers:
    return small(max_epochs=20).fit(*shop)


def test_vectors_are_those_of_directed_propagation_without_a_step(
    fitted: TypedTowers, shop: Shop
) -> None:
    settings = {**fitted.config.model_dump(), "layers": 0}
    plain = DirectedPropagation(DirectedPropagationConfig.model_validate(settings)).fit(*shop)
    np.testing.assert_allclose(plain.source_vectors, fitted.source_vectors, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        plain.score_new(shop[0]), fitted.score_new(shop[0]), rtol=1e-3, atol=1e-4
    )


def test_the_planted_complement_type_is_found_and_named_also_for_cold_products(
    fitted: TypedTowers, shop: Shop
) -> None:
    products, _ = fitted.recommend(PHONES, 4)
    kinds = shop[0].type_codes[products]
    assert np.mean(kinds == shop[0].type_names.index("case")) > 0.9
    assert np.mean(products % 4 == PHONES[:, None] % 4) > 0.9  # of their brand
    slate = fitted.slate(PHONES, types=2, items=3)
    assert [fitted.type_names[code] for code in slate.types[:, 0]] == ["case"] * 3


def test_a_type_is_as_likely_as_its_products_together(fitted: TypedTowers) -> None:
    scores = fitted.score(PHONES).astype(np.float64)
    shares = np.exp(scores / fitted.config.temperature)
    shares /= shares.sum(axis=1, keepdims=True)
    expected = np.zeros((3, len(fitted.type_names)))
    for product, kind in enumerate(fitted.types):
        expected[:, kind] += shares[:, product]
    found = np.exp(fitted.type_scores(PHONES).astype(np.float64))
    np.testing.assert_allclose(found / found.sum(axis=1, keepdims=True), expected, rtol=1e-3)


def test_a_slate_takes_the_best_product_of_each_type_in_turn(fitted: TypedTowers) -> None:
    slate = fitted.slate(SOURCES, types=3, items=4)
    assert slate.products.shape == (100, 12)
    np.testing.assert_array_equal(slate.product_types, np.tile(slate.types, 4))
    np.testing.assert_array_equal(fitted.types[slate.products], slate.product_types)
    scores = fitted.score(SOURCES)
    for kind in range(3):
        of_kind = np.take_along_axis(scores, slate.products[:, kind::3], axis=1)
        assert np.all(np.diff(of_kind, axis=1) <= 1e-5)


def test_a_new_product_is_scored_as_a_known_one_of_the_same_attributes_without_edges(
    fitted: TypedTowers, shop: Shop
) -> None:
    record = shop[0].frame.row(19, named=True)
    new = Catalog.from_records(
        [{**record, "product_id": "twin"}, {"product_id": "alien", "type": "boat"}]
    )
    scores = fitted.score_new(new)
    np.testing.assert_allclose(scores[0], fitted.score(PHONES[2:])[0], rtol=1e-4, atol=1e-4)
    assert np.isneginf(scores[1]).all()


def test_a_shop_without_types_has_one_and_is_answered_all_the_same(shop: Shop) -> None:
    catalog, graph = shop
    model = small(max_epochs=20).fit(Catalog(catalog.frame.drop("type")), graph)
    assert model.type_names == [None]
    assert np.all(model.slate(PHONES, types=3, items=2).types == [0, -1, -1])
    kinds = catalog.type_codes[model.recommend(PHONES, 3)[0]]
    assert np.mean(kinds == catalog.type_names.index("case")) > 0.9


@pytest.mark.one_processor
def test_a_killed_run_goes_on_to_the_same_scores(shop: Shop, tmp_path: Path) -> None:
    whole, killed, resumed = small().fit(*shop), small(), small()
    killed.checkpoints = resumed.checkpoints = tmp_path

    def kill(_: str, epoch: EpochRecord) -> None:
        if epoch["epoch"] == 2:
            raise KeyboardInterrupt

    killed.on_epoch = kill
    with pytest.raises(KeyboardInterrupt):
        killed.fit(*shop)
    seen: list[int] = []
    resumed.on_epoch = lambda _, epoch: seen.append(epoch["epoch"])
    resumed.fit(*shop)
    assert seen == [3, 4]
    assert np.array_equal(whole.score(SOURCES), resumed.score(SOURCES))
    assert np.array_equal(whole.score_new(shop[0]), resumed.score_new(shop[0]))


def test_a_saved_model_gives_the_same_slates(
    fitted: TypedTowers, shop: Shop, tmp_path: Path
) -> None:
    fitted.save(tmp_path)
    loaded = TypedTowers.load(tmp_path)
    assert loaded.type_names == fitted.type_names
    before, after = fitted.slate(SOURCES, 3, 4), loaded.slate(SOURCES, 3, 4)
    assert_same_slates(after, before, fitted, SOURCES)
    assert_same_scores(loaded.score_new(shop[0]), fitted.score_new(shop[0]))
