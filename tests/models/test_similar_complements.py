"""Answers from attributes, for products that have been bought and for those that have not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.features.attribute_encoder import AttributeEncoder
from goeswith.models import make_model
from goeswith.models.similar_complements import AttributeSimilarity, SimilarComplements
from goeswith.relations.graph import RelationGraph

PRODUCTS = [
    {"product_id": "tent", "title": "red tent two persons"},
    {"product_id": "big tent", "title": "red tent four persons"},
    {"product_id": "pegs", "title": "steel pegs"},
    {"product_id": "lamp", "title": "lamp"},
    {"product_id": "new tent", "title": "blue tent two persons"},
    {"product_id": "nameless", "title": None},
]
EDGES = [(0, 2), (1, 3), (1, 2), (5, 3)]


def fitted(**settings: object) -> SimilarComplements:
    graph = RelationGraph.from_edges(6, [(u, v, "co_purchase") for u, v in EDGES])
    config = SimilarComplements.Config.model_validate(settings)
    return SimilarComplements(config).fit(Catalog.from_records(PRODUCTS), graph)


def cosines() -> np.ndarray:
    vectors = AttributeEncoder.fit(Catalog.from_records(PRODUCTS)).encode(
        Catalog.from_records(PRODUCTS)
    )
    return (vectors @ vectors.T).toarray()


def test_a_new_product_gets_the_complements_of_those_most_like_it() -> None:
    scores = fitted(power=2).score(np.array([4], dtype=np.int32))[0]
    near = cosines()[4] ** 2
    assert near[0] > near[1] > 0
    np.testing.assert_allclose(scores[[2, 3]], [near[0] + near[1], near[1]], rtol=1e-5)
    assert np.isneginf(scores[[0, 1, 4, 5]]).all()


def test_only_the_most_similar_products_are_queried() -> None:
    scores = fitted(neighbours=1).score(np.array([4], dtype=np.int32))[0]
    assert np.isfinite(scores).tolist() == [False, False, True, False, False, False]


@pytest.mark.parametrize(("include_self", "own"), [("true", 1.0), ("false", 0.0)])
def test_a_sources_own_complements_count_fully_or_not_at_all(include_self: str, own: float) -> None:
    scores = fitted(power=1, include_self=include_self).score(np.array([1], dtype=np.int32))[0]
    similar = cosines()[1, 0]
    np.testing.assert_allclose(scores[2], own + similar, rtol=1e-5)
    assert (scores[3] if np.isfinite(scores[3]) else 0) == own


def test_a_source_without_attributes_has_its_own_complements_alone() -> None:
    scores = fitted().score(np.array([5], dtype=np.int32))[0]
    assert np.isfinite(scores).tolist() == [False, False, False, True, False, False]
    silent = fitted(include_self=False).score(np.array([5], dtype=np.int32))
    assert np.isneginf(silent).all()


def test_a_product_unknown_at_fit_is_answered_from_its_attributes(tmp_path: Path) -> None:
    model = fitted()
    model.save(tmp_path)
    loaded = SimilarComplements.load(tmp_path)
    unknown = Catalog.from_records(
        [
            {"product_id": "x", "title": "Blue TENT, two persons"},
            {"product_id": "y", "title": "canoe"},
        ]
    )
    scores = loaded.score_new(unknown)
    np.testing.assert_allclose(scores[0], model.score(np.array([4], dtype=np.int32))[0], rtol=1e-5)
    assert np.isneginf(scores[1]).all()


def test_attribute_similarity_is_the_cosine_and_silent_where_nothing_is_shared() -> None:
    graph = RelationGraph.from_edges(6, [])
    model = AttributeSimilarity().fit(Catalog.from_records(PRODUCTS), graph)
    scores = model.score(np.arange(6, dtype=np.int32))
    expected = cosines()
    np.testing.assert_allclose(np.where(np.isneginf(scores), 0, scores), expected, rtol=1e-6)
    assert np.isneginf(scores[0, 3])


def test_what_nearly_all_have_finds_nobody_in_a_large_shop_but_counts_where_they_are_found(
    monkeypatch,
) -> None:
    n, rng = 80, np.random.default_rng(0)
    catalog = Catalog(
        pl.DataFrame(
            {
                "product_id": [f"p{i}" for i in range(n)],
                "type": [f"type {i % 8}" for i in range(n)],
                "title": ["red" if i % 3 else "blue" for i in range(n)],
            }
        )
    )
    edges = {"co_purchase": tuple(rng.integers(0, n, (2, 300)).astype(np.int32))}
    graph = RelationGraph.from_edges(n, edges)
    whole = make_model("similar_complements:neighbours=5").fit(catalog, graph)
    monkeypatch.setattr("goeswith.features.cosine_index._LARGE_INDEX", 10)
    monkeypatch.setattr("goeswith.features.cosine_index._COMMON_TOKEN", 20)
    large = make_model("similar_complements:neighbours=5").fit(catalog, graph)
    assert large.index.common is not None
    assert large.index.by_token.nnz < whole.index.by_token.nnz
    # the nearest five are of one's own type, and are told apart by their colour
    sources = np.arange(n, dtype=np.int32)
    np.testing.assert_allclose(large.score(sources), whole.score(sources), rtol=1e-5)
