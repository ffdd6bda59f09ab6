"""Closed forms over baskets: every count against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.models.basket_counts import BasketCounts, BasketForm
from goeswith.relations.graph import RelationGraph

BASKETS = st.lists(st.sets(st.integers(0, 6), min_size=2, max_size=5), max_size=12)


def matrix(baskets: list[set[int]], n: int = 7) -> sparse.csr_matrix:
    dense = np.zeros((len(baskets), n), dtype=np.float32)
    for row, products in enumerate(baskets):
        dense[row, list(products)] = 1
    return sparse.csr_matrix(dense)


def shop(baskets: list[set[int]], n: int = 7) -> tuple[Catalog, RelationGraph]:
    catalog = Catalog.from_records({"product_id": f"p{i}"} for i in range(n))
    return catalog, RelationGraph(n, baskets=matrix(baskets, n))


@given(BASKETS, st.booleans())
def test_counts_are_sums_of_the_weights_of_baskets(
    baskets: list[set[int]], by_basket: bool
) -> None:
    counts = BasketCounts.count(matrix(baskets), by_basket=by_basket)
    pairs, products = np.zeros((7, 7)), np.zeros(7)
    for products_of_basket in baskets:
        weight = 1 / len(products_of_basket) if by_basket else 1
        for u in products_of_basket:
            products[u] += weight
            for v in products_of_basket - {u}:
                pairs[u, v] += weight
    np.testing.assert_allclose(counts.pairs.toarray(), pairs, rtol=1e-5)
    np.testing.assert_allclose(counts.products, products, rtol=1e-5)


@given(BASKETS)
def test_smoothed_confidence_is_its_formula(baskets: list[set[int]]) -> None:
    catalog, graph = shop(baskets)
    model = BasketForm(form="confidence", prior=4).fit(catalog, graph)
    pairs = graph.baskets.T @ graph.baskets
    n_u, share = pairs.diagonal(), pairs.diagonal() / max(len(baskets), 1)
    pairs = pairs.toarray() - np.diag(n_u)
    expected = (pairs + 4 * share) / (n_u + 4)[:, None]
    scores = model.score(np.arange(7, dtype=np.int32))
    np.testing.assert_allclose(np.where(np.isfinite(scores), scores, 0), expected, atol=1e-6)


def test_ease_prefers_what_a_pair_adds_to_what_everybody_buys() -> None:
    rng = np.random.default_rng(0)
    baskets = [{0, int(rng.integers(1, 6))} for _ in range(200)] + [{5, 6, 0}] * 40
    catalog, graph = shop(baskets)
    model = BasketForm(form="ease", l2=10).fit(catalog, graph)
    confidence = BasketForm(prior=1).fit(catalog, graph)
    source = np.array([6], dtype=np.int32)
    assert model.recommend(source, 1)[0].tolist() == [[5]]
    assert confidence.recommend(source, 1)[0].tolist() == [[0]]


def test_a_graph_whose_baskets_were_held_out_is_refused_with_a_remedy() -> None:
    graph = RelationGraph.from_edges(3, [(0, 1, "co_purchase")])
    catalog = Catalog.from_records({"product_id": f"p{i}"} for i in range(3))
    with pytest.raises(ConfigError, match="use another model"):
        BasketForm().fit(catalog, graph)
