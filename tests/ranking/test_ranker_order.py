"""The ranker on lists with an order: paths that weigh the first of a list more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.same import assert_same_scores

from goeswith.core.arrays_file import load_arrays
from goeswith.data.catalog import Catalog
from goeswith.models.paths import normalize_by_degrees, place_weights
from goeswith.models.slim import SLIM
from goeswith.ranking.attribute_features import AttributeReader
from goeswith.ranking.candidate_paths import paths, walks
from goeswith.ranking.candidate_pool import CandidatePool, propagate
from goeswith.ranking.item_features import ItemFeatures
from goeswith.ranking.ranker import Ranker, RankerConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE

N = 60
QUICK = RankerConfig(folds=1, trees=10, sources=100)
ROWS = np.arange(N, dtype=np.int32)


@pytest.fixture(scope="module")
def shop() -> tuple[Catalog, RelationGraph]:
    """Every product lists some of the products of its group, in an order."""
    rng = np.random.default_rng(0)
    edges = [
        (u, v, CO_PURCHASE)
        for u in range(N)
        for v in range(N)
        if u % 4 == v % 4 and u != v and rng.random() < 0.5
    ]
    graph = RelationGraph.from_edges(N, edges)
    bought = graph[CO_PURCHASE]
    both_ways = np.asarray(bought.count[bought.targets.copy(), bought.sources.copy()]).ravel() > 0
    place = (rng.permutation(len(bought)) + len(bought) * ~both_ways).astype(np.float32)
    catalog = Catalog.from_records({"product_id": f"p{i}", "type": f"t{i % 4}"} for i in range(N))
    return catalog, replace(graph, relations={CO_PURCHASE: replace(bought, place=place)})


def without_order(graph: RelationGraph) -> RelationGraph:
    bought = replace(graph[CO_PURCHASE], place=None)
    return replace(graph, relations={CO_PURCHASE: bought})


def test_paths_of_the_order_follow_their_formulas(shop: tuple[Catalog, RelationGraph]) -> None:
    catalog, graph = shop
    attributes = AttributeReader.fit(catalog).read(catalog, is_catalog=True)
    items = ItemFeatures.from_graph(attributes, graph, counted=False, slim=9, ordered=True)
    queries = items.queries(ROWS)
    scores = paths(items, queries, CandidatePool(items), walks(items, queries, propagate))
    lists = place_weights(graph[CO_PURCHASE])
    q = normalize_by_degrees(lists).toarray()
    expected = {
        "ordered_cocitation": q @ q.T @ q,
        "ordered_two_steps": q @ q,
        "ordered_common_targets": q @ q.T,
        "ordered_common_sources": q.T @ q,
        "slim_of_order": lists.toarray() @ items.slim.toarray(),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(scores[name], values, rtol=1e-4, atol=1e-6)
    slim = SLIM(relation="co_purchase", order=True, neighbours=9).fit(catalog, graph).score(ROWS)
    ordered = scores["ordered_slim"]
    np.testing.assert_allclose(np.where(ordered > 0, ordered, -np.inf), slim, rtol=1e-4)
    restored = ItemFeatures.restore(items.arrays(), attributes.content)
    for name in ("places", "ordered_slim", "ordered_bought"):
        assert (getattr(restored, name) != getattr(items, name)).nnz == 0


def test_an_arbitrary_order_is_not_used(shop: tuple[Catalog, RelationGraph]) -> None:
    catalog, graph = shop
    bought = graph[CO_PURCHASE]
    assert bought.has_informative_order
    # sorted by product, as an export may be
    by_id = replace(bought, place=bought.targets.astype(np.float32))
    assert not by_id.has_informative_order
    assert not without_order(graph)[CO_PURCHASE].has_informative_order
    model = Ranker(QUICK).fit(catalog, replace(graph, relations={CO_PURCHASE: by_id}))
    assert model.items.places is None
    queries = model.items.queries(ROWS)
    assert not [name for name in walks(model.items, queries, propagate) if "order" in name]
    assert_same_scores(
        model.score(ROWS), Ranker(QUICK).fit(catalog, without_order(graph)).score(ROWS)
    )


@pytest.mark.parametrize("whole", [25_000, 0])
def test_trees_keep_the_columns_that_they_were_trained_with(
    shop: tuple[Catalog, RelationGraph], tmp_path: Path, whole: int
) -> None:
    catalog, graph = shop
    config = QUICK.model_copy(update={"whole": whole})
    model = Ranker(config).fit(catalog, graph)
    assert model.items.ordered_slim is not None
    model.save(tmp_path)
    scores = model.score(ROWS)
    assert_same_scores(Ranker.load(tmp_path).score(ROWS), scores)
    assert_same_scores(Ranker.load(tmp_path).refresh(catalog, graph).score(ROWS), scores)
    # lists without an order, as an update may bring: scores, though of weaker evidence
    bare = Ranker.load(tmp_path).refresh(catalog, without_order(graph))
    assert np.isfinite(bare.score(ROWS)).any()
    # trees of lists without an order ignore that of later lists
    former = Ranker(config).fit(catalog, without_order(graph))
    assert "places" not in former.items.arrays()
    former_scores = former.score(ROWS)
    assert_same_scores(former.refresh(catalog, graph).score(ROWS), former_scores)
    assert "places" in "".join(load_arrays(tmp_path / "model.safetensors"))
