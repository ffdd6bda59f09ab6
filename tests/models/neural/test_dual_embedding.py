"""Dual embeddings: each equation by hand, the planted shop, and runs that are cut short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from scipy import sparse

from goeswith.data.catalog import Catalog
from goeswith.models.neural import dual_embedding
from goeswith.models.neural.dual_embedding import (
    DualEmbedding,
    DualEmbeddingConfig,
    skip_gram_loss,
)
from goeswith.models.neural.training import EpochRecord, PairValidation
from goeswith.models.neural.training_pairs import (
    ItemSimilarity,
    draw_pairs,
    negative_shares,
    subsample_pairs,
    synthetic_pairs,
)
from goeswith.relations.graph import RelationGraph

Shop = tuple[Catalog, RelationGraph]
FLOWS = {"phone": "case", "case": "screen protector", "camera": "tripod"}


def dense(matrix: list[list[float]]) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array(matrix, dtype=np.float32))


def trained(shop: Shop, **settings: object) -> DualEmbedding:
    chosen = {"dimension": 16, "max_epochs": 12, **settings}
    return DualEmbedding(DualEmbeddingConfig.model_validate(chosen)).fit(*shop)


@pytest.fixture(scope="module")
def of_the_shop(shop: Shop) -> DualEmbedding:
    return trained(shop)


def types_answered(model: DualEmbedding, catalog: Catalog, kind: str, k: int = 3) -> list[str]:
    types = catalog.frame["type"].to_numpy()
    sources = np.flatnonzero(types == kind)[:19].astype(np.int32)
    products, _ = model.recommend(sources, k)
    return list(types[products[products >= 0]])


def test_noise_of_the_validation_does_not_stop_training_in_torch(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dual_embedding, "has_numba", lambda: False)
    # as it was on 1,000 products: the first epochs learn popularity, and then comes the rest
    rates = iter([0.265, 0.254, 0.237, 0.252, 0.27, 0.281])
    monkeypatch.setattr(PairValidation, "hit_rate", lambda *_: next(rates))
    monkeypatch.setattr(PairValidation, "pairs", 600)
    assert len(trained(shop, max_epochs=6, patience=3, stand_ins=0).history) == 6


def test_the_loss_is_that_of_skip_gram_with_negative_sampling() -> None:
    rng = np.random.default_rng(0)
    s, t, w = (rng.normal(size=shape).astype(np.float32) for shape in ((3, 4), (3, 4), (5, 4)))

    def log_sigma(x: np.ndarray) -> np.ndarray:
        return -np.log1p(np.exp(-x))

    negatives = 7
    expected = -np.sum(
        [
            log_sigma(s[i] @ t[i]) + negatives * np.mean([log_sigma(-s[i] @ n) for n in w])
            for i in range(3)
        ]
    )
    loss = skip_gram_loss(*(torch.from_numpy(x) for x in (s, t, w)), negatives)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_negatives_follow_target_frequency_to_the_exponent() -> None:
    weights = dense([[0, 4, 1], [0, 0, 0], [0, 0, 0]])
    assert negative_shares(weights, 0).tolist() == [0, 0.5, 0.5]
    assert negative_shares(weights, 0.5).tolist() == pytest.approx([0, 2 / 3, 1 / 3])
    assert negative_shares(weights, -1).tolist() == pytest.approx([0, 0.2, 0.8])


def test_frequent_products_lose_pairs_and_rare_ones_none() -> None:
    weights = dense([[0, 98, 1], [1, 0, 0], [0, 0, 0]])
    t = 0.01
    kept = subsample_pairs(weights, t).toarray()

    def share(f: float) -> float:
        return min(1, (t / f) ** 0.5 + t / f)

    assert kept[0, 1] == pytest.approx(98 * share(0.99) * share(0.98), rel=1e-5)
    assert kept[1, 0] == 1
    assert np.array_equal(subsample_pairs(weights, 1).toarray(), weights.toarray())


def test_an_epoch_draws_whole_weights_exactly_and_fractions_on_average() -> None:
    weights = dense([[0, 3, 0.25], [0, 0, 0], [0, 0, 0]])
    rng = np.random.default_rng(0)
    drawn = [draw_pairs(weights, rng) for _ in range(400)]
    assert all(np.sum(targets == 1) == 3 for _, targets in drawn)
    assert np.mean([np.sum(targets == 2) for _, targets in drawn]) == pytest.approx(0.25, abs=0.06)
    assert not np.concatenate([sources for sources, _ in drawn]).any()


def test_a_pair_is_repeated_for_similar_products_by_how_similar_they_are() -> None:
    # 0 -> 1 was seen twice; 2 is like 0, 3 is like 1
    counts = sparse.csr_matrix(([2.0], ([0], [1])), shape=(4, 4), dtype=np.float32)
    similar = sparse.csr_matrix(([0.8, 0.6], ([0, 1], [2, 3])), shape=(4, 4), dtype=np.float32)
    added = synthetic_pairs(counts, similar, 0.5).toarray()
    expected = np.zeros((4, 4))
    expected[2, 1] = 0.5 * 2 * 0.8
    expected[0, 3] = 0.5 * 2 * 0.6
    expected[2, 3] = 0.5 * 2 * (0.8 + 0.6) / 2
    np.testing.assert_allclose(added, expected, rtol=1e-6)


def test_products_are_compared_by_views_where_both_have_them_and_else_by_attributes() -> None:
    views = np.array([[1, 0], [0.6, 0.8], [0, 0], [-1, 0]], dtype=np.float32)
    attributes = dense([[1, 0], [0, 1], [0.8, 0.6], [1, 0]])
    alike = ItemSimilarity(views, attributes)
    rows, anyone = np.arange(4, dtype=np.int32), np.ones(4, dtype=bool)
    found = alike.nearest(rows, anyone, 3, 0).toarray()
    np.testing.assert_allclose(found[0], [0, 0.6, 0.8, 0], rtol=1e-6)
    np.testing.assert_allclose(found[2], [0.8, 0.6, 0, 0.8], rtol=1e-6)
    assert np.count_nonzero(alike.nearest(rows, anyone, 1, 0.7).toarray(), axis=1).tolist() == [
        1,
        0,
        1,
        1,
    ]
    assert not alike.nearest(rows, rows == 1, 3, 0).toarray()[:, [0, 2, 3]].any()


def test_scores_are_cosines(of_the_shop: DualEmbedding) -> None:
    for vectors in (of_the_shop.source_vectors, of_the_shop.target_vectors):
        length = np.linalg.norm(vectors, axis=1)
        assert length.max() == pytest.approx(1, abs=1e-5)


def test_the_planted_complements_are_learned_in_their_direction(
    shop: Shop, of_the_shop: DualEmbedding
) -> None:
    for source, target in FLOWS.items():
        answered = types_answered(of_the_shop, shop[0], source)
        assert np.mean([kind == target for kind in answered]) > 0.9


def test_input_vectors_alone_find_products_of_the_same_kind(shop: Shop) -> None:
    model = trained(shop, retrieval="in_in", stand_ins=0)
    answered = types_answered(model, shop[0], "phone")
    assert np.mean([kind == "phone" for kind in answered]) > 0.9


def test_output_vectors_alone_find_products_of_the_same_kind(shop: Shop) -> None:
    model = trained(shop, retrieval="out_out", stand_ins=0)
    answered = types_answered(model, shop[0], "tripod")
    assert np.mean([kind == "tripod" for kind in answered]) > 0.9


def test_an_unseen_product_answers_as_the_one_most_like_it_and_is_proposed_behind_it(
    shop: Shop, of_the_shop: DualEmbedding
) -> None:
    catalog = shop[0]
    cold = np.flatnonzero(catalog.frame["product_id"].str.ends_with("-19").to_numpy())
    scores = of_the_shop.score(cold.astype(np.int32))
    assert np.isfinite(scores).any(axis=1).all()
    answered = catalog.frame["type"].to_numpy()[of_the_shop.recommend(cold[:1], 3)[0][0]]
    assert answered.tolist() == ["case"] * 3
    length = np.linalg.norm(of_the_shop.target_vectors[cold], axis=1)
    assert np.all((length > 0) & (length < 1))


def test_a_product_that_was_seen_but_never_as_a_target_is_not_proposed(
    shop: Shop, of_the_shop: DualEmbedding
) -> None:
    phones = shop[0].frame["type"].to_numpy() == "phone"
    assert not of_the_shop.target_vectors[phones][:19].any()


def test_without_stand_ins_nothing_is_said_of_unseen_products(shop: Shop) -> None:
    model = trained(shop, stand_ins=0, max_epochs=1)
    cold = np.array([19, 39], dtype=np.int32)
    assert np.isneginf(model.score(cold)).all()
    assert np.isneginf(model.score(np.arange(100, dtype=np.int32))[:, cold]).all()


def test_synthetic_pairs_let_more_products_be_proposed(shop: Shop) -> None:
    settings: dict[str, object] = {"stand_ins": 0, "max_epochs": 2}
    plain = trained(shop, **settings)
    more = trained(shop, gamma=0.5, threshold=0.3, neighbours=20, **settings)
    proposable = [np.count_nonzero(m.target_vectors.any(axis=1)) for m in (plain, more)]
    assert proposable[1] > proposable[0]


def test_pairs_viewed_as_alternatives_are_never_synthesised(shop: Shop) -> None:
    graph = shop[1]
    model = DualEmbedding(DualEmbeddingConfig(gamma=0.9, threshold=0, neighbours=10))
    alike = ItemSimilarity(
        np.zeros((graph.n, 1), dtype=np.float32), sparse.csr_matrix(np.full((100, 1), 1.0, "f"))
    )
    added = model._synthetic(graph, alike)
    views = graph["co_view"].count
    assert added.nnz
    assert not added.multiply(views + views.T).nnz


@pytest.mark.parametrize("settings", [{}, {"gamma": 0.5, "subsample": 0.01}])
def test_degenerate_shops_fit(settings: dict[str, object]) -> None:
    bare = Catalog(pl.DataFrame({"product_id": [str(i) for i in range(6)]}))
    pairs = [(0, 1, "co_purchase"), (1, 2, "co_purchase")]
    views = [(3, 4, "co_view"), (4, 5, "co_view")]
    for edges in ([], pairs, views, pairs + views):
        model = trained((bare, RelationGraph.from_edges(6, edges)), max_epochs=2, **settings)
        assert np.isfinite(model.source_vectors).all()
        assert np.isfinite(model.target_vectors).all()


@pytest.mark.one_processor
def test_a_killed_run_goes_on_and_ends_with_the_same_vectors(shop: Shop, tmp_path: Path) -> None:
    settings = {"dimension": 8, "max_epochs": 4, "gamma": 0.3, "patience": 9}
    config = DualEmbeddingConfig.model_validate(settings)
    whole = DualEmbedding(config).fit(*shop)

    class KilledError(Exception):
        pass

    def kill(name: str, epoch: EpochRecord) -> None:
        if epoch["epoch"] == 2:
            raise KilledError

    killed = DualEmbedding(config)
    killed.checkpoints, killed.on_epoch = tmp_path, kill
    with pytest.raises(KilledError):
        killed.fit(*shop)
    seen: list[int] = []
    resumed = DualEmbedding(config)
    resumed.checkpoints = tmp_path
    resumed.on_epoch = lambda name, epoch: seen.append(epoch["epoch"])
    resumed.fit(*shop)
    assert seen == [3, 4]
    assert np.array_equal(resumed.source_vectors, whole.source_vectors)
    assert np.array_equal(resumed.target_vectors, whole.target_vectors)
    figures = [
        [(e["epoch"], e["loss"], e["validation"]) for e in m.history] for m in (resumed, whole)
    ]
    assert figures[0] == figures[1]
