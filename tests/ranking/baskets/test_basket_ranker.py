"""The ranker of baskets on planted shops."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from goeswith.data.catalog import Catalog
from goeswith.ranking.baskets.basket_ranker import BasketRanker
from goeswith.ranking.baskets.basket_training import Choice
from goeswith.ranking.baskets.pair_table import PairTable
from goeswith.ranking.baskets.type_features import TypeFeatures
from goeswith.relations.graph import RelationGraph

N, GROUP, BASKETS = 60, 4, 3000


@pytest.fixture(scope="module")
def shop() -> tuple[Catalog, RelationGraph]:
    """Products 4 i to 4 i + 3 are bought together; product 0 is in half of all baskets."""
    rng = np.random.default_rng(0)
    dense = np.zeros((BASKETS, N), dtype=np.float32)
    for row in range(BASKETS):
        group = int(rng.integers(N // GROUP))
        members = GROUP * group + rng.permutation(GROUP)[: int(rng.integers(2, GROUP + 1))]
        dense[row, members] = 1
        dense[row, rng.integers(0, N, 1)] = 1
        dense[row, 0] = max(dense[row, 0], rng.random() < 0.5)
    catalog = Catalog.from_records(
        {"product_id": f"p{i}", "type": f"type {i % GROUP}"} for i in range(N)
    )
    return catalog, RelationGraph(N, baskets=sparse.csr_matrix(dense))


@pytest.fixture(scope="module")
def ranker(shop: tuple[Catalog, RelationGraph]) -> BasketRanker:
    return BasketRanker().fit(*shop)


def test_the_first_answers_are_those_of_the_planted_group(ranker: BasketRanker) -> None:
    sources = np.arange(GROUP, N, dtype=np.int32)
    products = ranker.recommend(sources, GROUP)[0]
    group = (products // GROUP == sources[:, None] // GROUP) | (products == 0)
    assert group.mean() > 0.95


def test_the_discount_moves_what_everybody_buys_down(shop: tuple[Catalog, RelationGraph]) -> None:
    def rank_of_the_hub(discount: float) -> float:
        model = BasketRanker(popularity_discount=discount).fit(*shop)
        products = model.recommend(np.arange(GROUP, N, dtype=np.int32), N - 1)[0]
        return float(np.argmax(products == 0, axis=1).mean())

    assert rank_of_the_hub(0.0) < rank_of_the_hub(0.5)


def test_trees_are_added_only_while_they_fit_later_baskets(
    shop: tuple[Catalog, RelationGraph],
) -> None:
    choice = BasketRanker(trees=1000).fit(*shop).choice
    assert choice.booster is not None
    trees = choice.booster.num_trees()
    assert 0 < trees < 300
    assert choice.reason.startswith(f"{trees} trees rank, by recall@10")


def test_few_baskets_are_ranked_by_a_closed_form_and_the_reason_is_stated(
    shop: tuple[Catalog, RelationGraph],
) -> None:
    catalog, graph = shop
    assert graph.baskets is not None
    model = BasketRanker().fit(catalog, RelationGraph(N, baskets=graph.baskets[:100]))
    assert "too few to learn from" in model.choice.reason
    assert model.importances() == {}


def test_a_product_without_baskets_and_attributes_has_the_popular_products() -> None:
    rng = np.random.default_rng(1)
    dense = (rng.random((300, 12)) < np.linspace(0.6, 0.1, 12)).astype(np.float32)
    graph = RelationGraph(13, baskets=sparse.csr_matrix(np.pad(dense, ((0, 0), (0, 1)))))
    new = np.array([12], dtype=np.int32)
    ids = [{"product_id": f"p{i}"} for i in range(13)]
    model = BasketRanker().fit(Catalog.from_records(ids), graph)
    assert model.recommend(new, 2)[0].tolist() == [[0, 1]]
    # fallback models know more of a product with a title
    titled = Catalog.from_records([*ids[:12], {"product_id": "p12", "title": "Steel pot"}])
    assert model.fit(titled, graph).score_sparse(new).nnz == 0


def test_trees_start_from_the_confidence_that_fits_later_baskets_best(
    ranker: BasketRanker,
) -> None:
    # groups are strong here, so that a small prior is best
    assert ranker.choice.start in {"confidence", "confidence by basket"}
    rng = np.random.default_rng(2)
    sparse_log = sparse.random(1200, 400, 0.01, format="csr", dtype=np.float32, random_state=rng)
    sparse_log.data[:] = 1
    sparse_log = sparse_log[np.diff(sparse_log.indptr) > 1]
    catalog = Catalog.from_records({"product_id": f"p{i}"} for i in range(400))
    model = BasketRanker(trees=1).fit(catalog, RelationGraph(400, baskets=sparse_log))
    assert model.choice.start.endswith(", more")


def test_trees_of_other_features_are_refused(ranker: BasketRanker) -> None:
    arrays = ranker.choice.arrays()
    fields = json.loads(arrays["choice"].tobytes())
    del fields["start"]
    arrays["choice"] = np.frombuffer(json.dumps(fields).encode(), dtype=np.uint8)
    with pytest.raises(ValueError, match="fit it again"):
        Choice.restore(arrays)


def test_it_is_the_same_after_saving_and_with_the_same_seed(
    ranker: BasketRanker, shop: tuple[Catalog, RelationGraph], tmp_path: Path
) -> None:
    ranker.save(tmp_path)
    rows = np.arange(N, dtype=np.int32)
    for other in (BasketRanker.load(tmp_path), BasketRanker().fit(*shop)):
        np.testing.assert_allclose(other.score(rows), ranker.score(rows), rtol=1e-4)
        assert other.choice.reason == ranker.choice.reason


def test_new_baskets_are_ranked_without_training(
    ranker: BasketRanker, shop: tuple[Catalog, RelationGraph], tmp_path: Path
) -> None:
    ranker.save(tmp_path)
    catalog, graph = shop
    assert graph.baskets is not None
    dense = np.zeros((400, N), dtype=np.float32)
    dense[:, [8, 50]] = 1
    more = sparse.vstack([graph.baskets, sparse.csr_matrix(dense)], format="csr")
    model = BasketRanker.load(tmp_path).refresh(catalog, RelationGraph(N, baskets=more))
    assert model.recommend(np.array([8], dtype=np.int32), 1)[0].tolist() == [[50]]


def test_blocks_of_pairs_have_the_features_of_the_complete_table(
    shop: tuple[Catalog, RelationGraph],
) -> None:
    catalog, graph = shop
    assert graph.baskets is not None
    table = PairTable.build(graph.baskets, 10, np.zeros(0, dtype=np.int32))
    types = TypeFeatures.fit(catalog, sparse.csr_matrix((N, N), dtype=np.float32))
    features = table.features(types)
    parts = [block.features(types) for block in table.blocks(100)]
    assert len(parts) > 3
    for name, values in features.items():
        joined = np.concatenate([part[name] for part in parts])
        np.testing.assert_allclose(joined, values, rtol=1e-5, equal_nan=True)
