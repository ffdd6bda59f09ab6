"""Popularity and popularity by type, on counts done by hand."""

from __future__ import annotations

import numpy as np

from goeswith.data.catalog import Catalog
from goeswith.models.popularity import Popularity, TypePopularity
from goeswith.relations.graph import RelationGraph

TYPES = ["phone", "phone", "case", "case", "charger", None]
EDGES = [(0, 2), (1, 2), (1, 3), (0, 4), (5, 4), (2, 4), (3, 5)]


def shop() -> tuple[Catalog, RelationGraph]:
    catalog = Catalog.from_records(
        {"product_id": f"p{i}", "type": kind} for i, kind in enumerate(TYPES)
    )
    return catalog, RelationGraph.from_edges(6, [(u, v, "co_purchase") for u, v in EDGES])


def test_popularity_counts_the_products_that_a_target_complements() -> None:
    scores = Popularity().fit(*shop()).score(np.array([0, 3], dtype=np.int32))
    assert scores.tolist() == [[-np.inf, -np.inf, 2, 1, 3, 1]] * 2


def test_co_views_do_not_make_a_product_popular_as_a_complement() -> None:
    catalog, graph = shop()
    pairs = [(u, v, "co_purchase") for u, v in EDGES] + [(2, 0, "co_view")]
    scores = Popularity().fit(catalog, RelationGraph.from_edges(6, pairs)).score(np.array([0]))
    assert scores[0, 2] == 1
    assert graph.complements.count.nnz == len(EDGES)


def test_type_popularity_is_popularity_among_sources_of_the_type_plus_the_prior() -> None:
    # phones lead to cases 3 times (p2 twice, p3 once) and to chargers once (p4, of 3 in all)
    scores = TypePopularity(TypePopularity.Config(prior=2)).fit(*shop()).score(np.array([1]))[0]
    plain = 2 / (2 * 7**3)  # of each edge, far below the rest
    expected = [
        2 + 2 * (3 / 4) * (2 / 3) + 2 * plain,
        1 + 2 * (3 / 4) * (1 / 3) + plain,
        1 + 2 * (1 / 4) * 1 + 3 * plain,
        plain,
    ]
    np.testing.assert_allclose(scores[2:], expected, rtol=1e-6)
    assert np.isneginf(scores[:2]).all()


def test_types_beyond_the_most_frequent_rank_after_them_by_plain_popularity() -> None:
    model = TypePopularity(TypePopularity.Config(types=1)).fit(*shop())
    products, scores = model.recommend(np.array([0], dtype=np.int32), 6)
    assert products[0].tolist() == [2, 3, 4, 5, -1, -1]
    assert scores[0, 1] > 1
    assert scores[0, 2] < 0.1


def test_a_source_without_a_type_gets_plain_popularity() -> None:
    plain, _ = Popularity().fit(*shop()).recommend(np.array([5], dtype=np.int32), 4)
    typed, _ = TypePopularity().fit(*shop()).recommend(np.array([5], dtype=np.int32), 4)
    assert typed.tolist() == plain.tolist() == [[4, 2, 3, -1]]
