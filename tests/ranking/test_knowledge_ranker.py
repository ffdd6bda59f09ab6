"""Models of the table of kinds: what goes with what, with and without a log."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.same import assert_same_scores

from goeswith.data.catalog import Catalog
from goeswith.models import make_model, model_class
from goeswith.models.base import Recommender
from goeswith.relations.graph import RelationGraph

TITLES = (
    "CHOCOLATE HOT WATER BOTTLE",
    "WHITE SKULL HOT WATER BOTTLE",
    "AFGHAN SLIPPER SOCK PAIR",
    "REGENCY TEAPOT ROSES",
    "REGENCY TEACUP AND SAUCER",
    "REGENCY CAKESTAND 3 TIER",
    "PINK POLKADOT TEAPOT",
    "Dagamed",
    "Layer Cake Mix",
    "Vanilla Frosting",
)
SPECS = ("kinds", "knowledge_ranker")


@pytest.fixture(scope="module")
def shop() -> tuple[Catalog, RelationGraph]:
    catalog = Catalog.from_records(
        {"product_id": f"p{i}", "title": title} for i, title in enumerate(TITLES)
    )
    # shoppers of a hot water bottle mostly buy another one
    pairs = [(0, 1), (0, 3), (3, 4), (3, 5), (4, 5), (0, 2)]
    edges = [(u, v, "co_purchase") for one, two in pairs for u, v in ((one, two), (two, one))]
    return catalog, RelationGraph.from_edges(len(TITLES), edges)


@pytest.fixture(params=SPECS)
def model(request: pytest.FixtureRequest, shop: tuple[Catalog, RelationGraph]) -> Recommender:
    return make_model(request.param).fit(*shop)


def best(model: Recommender, source: int, k: int = 3) -> list[int]:
    products, _ = model.recommend(np.array([source], dtype=np.int32), k)
    return [row for row in products[0].tolist() if row >= 0]


def test_what_goes_with_a_product_comes_first(model: Recommender) -> None:
    assert best(model, 0, 1) == [2]
    assert best(model, 8, 1) == [9]
    assert set(best(model, 3, 2)) == {4, 5}


def test_a_second_one_of_a_kind_is_never_recommended(model: Recommender) -> None:
    assert 1 not in best(model, 0, 10)
    assert 6 not in best(model, 3, 10)


def test_scores_are_those_of_a_saved_model(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path)
    sources = np.arange(len(TITLES), dtype=np.int32)
    loaded = model_class(model.name).load(tmp_path)
    assert_same_scores(model.score(sources), loaded.score(sources))
    few = model.score_sparse(sources)
    assert few is not None
    scores = model.score(sources)
    assert np.array_equal(np.isfinite(scores).sum(axis=1), np.diff(few.indptr))


def test_a_new_product_is_recommended_for_by_its_title(model: Recommender) -> None:
    new = Catalog.from_records([{"product_id": "n", "title": "Blue ribbed hot water bottle"}])
    scores = model.score_new(new)
    assert scores.shape == (1, len(TITLES))
    assert int(np.argmax(scores[0])) == 2


def test_refreshing_takes_over_new_products(
    model: Recommender, shop: tuple[Catalog, RelationGraph]
) -> None:
    catalog, graph = shop
    records = [*catalog.frame.to_dicts(), {"product_id": "n", "title": "Chocolate frosting"}]
    longer = Catalog.from_records(records)
    edges = graph["co_purchase"]
    pairs = zip(edges.sources.tolist(), edges.targets.tolist(), strict=True)
    longer_graph = RelationGraph.from_edges(len(longer), [(u, v, "co_purchase") for u, v in pairs])
    refreshed = model.refresh(longer, longer_graph)
    assert set(best(refreshed, 8, 3)) >= {9, 10}


def test_products_without_titles_are_not_an_error(tmp_path: Path) -> None:
    for spec in SPECS:
        bare = Catalog.from_records([{"product_id": "a"}, {"product_id": "b"}])
        model = make_model(spec).fit(bare, RelationGraph.from_edges(2, []))
        model.save(tmp_path / spec[:5])
        loaded = model_class(model.name).load(tmp_path / spec[:5])
        assert not np.isfinite(loaded.score(np.arange(2, dtype=np.int32))).any()


def test_a_product_that_does_not_fit_is_not_recommended() -> None:
    records = [
        {"product_id": "phone", "title": "Apple iPhone 6 smartphone"},
        {"product_id": "right", "title": "Leather phone case for iPhone 6"},
        {"product_id": "wrong", "title": "Leather phone case for Galaxy S4"},
    ]
    catalog = Catalog.from_records(records)
    edges = [(0, 1, "co_purchase"), (1, 0, "co_purchase"), (0, 2, "co_purchase")]
    graph = RelationGraph.from_edges(3, edges)
    for spec in SPECS:
        assert best(make_model(spec).fit(catalog, graph), 0) == [1]


def test_a_model_of_an_earlier_version_is_read_without_its_base(
    shop: tuple[Catalog, RelationGraph],
) -> None:
    with pytest.warns(FutureWarning, match=r"has no base, rank any more.*fit\.fallbacks"):
        former = make_model("knowledge_ranker:base=cocitation,rank=1")
    sources = np.arange(len(TITLES), dtype=np.int32)
    assert_same_scores(
        former.fit(*shop).score(sources), make_model("knowledge_ranker").fit(*shop).score(sources)
    )


def test_what_belongs_to_a_product_does_not_lead_back_to_it() -> None:
    titles = (
        "Apple iPhone 12 smartphone",
        "Leather case for iPhone 12",
        "Screen protector iPhone 12",
    )
    catalog = Catalog.from_records(
        {"product_id": f"p{i}", "title": title} for i, title in enumerate(titles)
    )
    edges = [(u, v, "co_purchase") for u in range(3) for v in range(3) if u != v]
    model = make_model("knowledge_ranker").fit(catalog, RelationGraph.from_edges(3, edges))
    assert set(best(model, 0)) == {1, 2}
    assert best(model, 1) == [2]


def test_the_types_of_a_shop_tell_an_untagged_product_from_a_variant() -> None:
    records = [
        {"product_id": "a", "title": "Aster zzgadget one", "type": "camera"},
        {"product_id": "b", "title": "Aster zzgadget two", "type": "lens"},
        {"product_id": "c", "title": "Boreal zzgadget six", "type": "bag"},
        {"product_id": "d", "title": "Boreal zzgadget ten", "type": "bag"},
    ]
    edges = [(u, v, "co_purchase") for u, v in ((0, 1), (1, 0), (0, 2), (2, 0), (2, 3), (3, 2))]
    graph = RelationGraph.from_edges(4, edges)
    sources = np.array([0], dtype=np.int32)
    typed, plain = (
        make_model("knowledge_ranker")
        .fit(Catalog.from_records(dict(list(r.items())[:fields]) for r in records), graph)
        .score(sources)
        for fields in (3, 2)
    )
    assert typed[0, 1] > plain[0, 1]
