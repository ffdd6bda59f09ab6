"""Product numbers as evidence for products without edges."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from tests.same import assert_same_scores

from goeswith.data.catalog import Catalog
from goeswith.features.product_numbers import (
    ProductNumbers,
    number_neighbours,
    rows_by_number,
    weighted_by_cosine,
)
from goeswith.ranking.ranker import Ranker, RankerConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE

N, LINE = 160, 8
QUICK = RankerConfig(folds=2, trees=10, sources=200)
COLD = np.arange(3, N, LINE, dtype=np.int32)


def hashed(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:10]


@pytest.fixture(scope="module")
def graph() -> RelationGraph:
    """Lines of products with neighbouring numbers; those of a line lead to three products."""
    rng = np.random.default_rng(0)
    edges = [
        (u, v, CO_PURCHASE)
        for line in range(N // LINE)
        for v in rng.choice(N, 3, replace=False).tolist()
        for u in range(line * LINE, (line + 1) * LINE)
        if u not in COLD and u != v and v not in COLD
    ]
    return RelationGraph.from_edges(N, edges)


def catalog(ids: list[str]) -> Catalog:
    return Catalog.from_records({"product_id": product, "type": "t"} for product in ids)


def hits(model: Ranker, graph: RelationGraph) -> float:
    """Share of the complements of the line among the top three of products without edges."""
    listed = graph.complements.count.toarray() > 0
    best = np.argsort(-model.score(COLD), axis=1, kind="stable")[:, :3]
    return float(listed[COLD - 1][np.arange(len(COLD))[:, None], best].mean())


@pytest.mark.parametrize("whole", [25_000, 0])
def test_numbers_rank_for_products_without_edges(
    graph: RelationGraph, tmp_path: Path, whole: int
) -> None:
    numbered = catalog([str(1000 + 2 * i) for i in range(N)])
    model = Ranker(QUICK.model_copy(update={"whole": whole})).fit(numbered, graph)
    assert hits(model, graph) > 0.6
    model.save(tmp_path)
    scores, restored = model.score(COLD), Ranker.load(tmp_path)
    assert_same_scores(restored.score(COLD), scores)
    assert_same_scores(restored.refresh(numbered, graph).score(COLD), scores)
    # a new product amid a line has most of its complements first; without a number it cannot
    line = set(graph.complements.count[LINE * 5].indices.tolist())
    by_number, by_text = restored.score_new(catalog([str(1001 + 2 * LINE * 5), "new product"]))
    assert len(set(np.argsort(-by_number)[:3].tolist()) & line) >= 2
    assert len(set(np.argsort(-by_text)[:3].tolist()) & line) < 2


def test_hashed_ids_are_no_evidence(graph: RelationGraph) -> None:
    model = Ranker(QUICK).fit(catalog([hashed(i) for i in range(N)]), graph)
    assert hits(model, graph) < 0.3
    assert not [name for name in model.arrays() if "number" in name]


def test_numbers_are_refused_where_they_say_nothing(graph: RelationGraph) -> None:
    edges = graph.complements.count
    assert ProductNumbers.fit(pl.Series([str(i) for i in range(N)]), edges) is not None
    assert ProductNumbers.fit(pl.Series([hashed(i) for i in range(N)]), edges) is None
    assert ProductNumbers.fit(pl.Series(["a" * (i + 1) for i in range(N)]), edges) is None
    few = RelationGraph.from_edges(N, [(0, 9, CO_PURCHASE), (1, 9, CO_PURCHASE)])
    assert ProductNumbers.fit(pl.Series([str(i) for i in range(N)]), few.complements.count) is None


@given(st.lists(st.integers(0, 10**9), min_size=1, unique=True), st.integers(0, 10**9))
def test_whole_numbers_are_in_numeric_order(values: list[int], new: int) -> None:
    numbers = ProductNumbers.of(pl.Series([str(value) for value in values]))
    order = sorted(values)
    assert numbers.places(pl.Series([str(v) for v in order])).tolist() == list(range(len(order)))
    place = float(numbers.places(pl.Series([str(new)]))[0])
    assert (place == int(place)) == (new in values)
    assert sum(value < new for value in values) == np.ceil(place)


def test_codes_of_one_length_are_in_the_order_of_their_characters() -> None:
    codes = ["B001", "B00A", "B010", "hat"]
    numbers = ProductNumbers.of(pl.Series(codes[::-1]))
    assert numbers.ids == codes[:3]
    np.testing.assert_equal(numbers.places(pl.Series(codes)), [0, 1, 2, np.nan])


def test_neighbours_are_the_nearest_numbers_with_complements() -> None:
    numbers = np.array([0.0, 1, 2, np.nan, 4, 5])
    order = rows_by_number(numbers, np.array([True, True, False, True, True, True]))
    assert order.tolist() == [0, 1, 4, 5]
    sources = np.array([4.0, 3.5, np.nan, 5.5, 0])
    near = number_neighbours(sources, numbers, order, (1, 1.0)).toarray()
    expected = np.zeros((5, 6))  # nothing without a number, beyond the last one or before the first
    expected[0, [1, 5]] = 0.5  # without itself
    expected[1, [1, 4]] = 0.5
    np.testing.assert_allclose(near, expected)
    content = sparse.csr_matrix(np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [1, 0.0]]))
    alike = weighted_by_cosine(sparse.csr_matrix(near), content[[0, 0, 0, 0, 0]], content).toarray()
    np.testing.assert_allclose(alike[:2, [1, 4, 5]], [[0.5, 0, 0.5], [1, 0, 0]])


@pytest.mark.parametrize("content", [b"5", b'{"a": 1}', b"[1, 2]", b'["a1", null]'])
def test_ids_that_are_no_texts_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a list of texts"):
        ProductNumbers.restore({"number_ids": np.frombuffer(content, dtype=np.uint8)})
