"""Boosted trees over the candidates of a mixture: a planted rule, saving, and the fall back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.same import assert_same_scores

from goeswith.core.errors import BundleError
from goeswith.data.catalog import Catalog
from goeswith.sequential.mixture import Mixture
from goeswith.sequential.sequences import Sequences
from goeswith.sequential.trees.candidates import find_candidates, member_names
from goeswith.sequential.trees.session_columns import SessionColumns
from goeswith.sequential.trees.session_trees import SessionTrees
from goeswith.sequential.trees.tree_training import Lists, draw_folds, draw_prefixes

N = 40
BRANDS = 4
QUICK = {"members": "item_knn+successors", "trees": 30, "learning_rate": 0.2, "leaves": 7}


def catalog() -> Catalog:
    return Catalog(
        pl.DataFrame(
            {
                "product_id": [f"p{i}" for i in range(N)],
                "brand": [f"b{i % BRANDS}" for i in range(N)],
                "price": [None if i % 5 else float(i + 1) for i in range(N)],
            }
        )
    )


def of_one_brand(count: int = 900) -> Sequences:
    """Sessions of all brands; the last product has the brand of the one before it."""
    rng = np.random.default_rng(3)
    runs = []
    for _ in range(count):
        run = rng.choice(N, 4, replace=False).tolist()
        same = [i for i in range(N) if i % BRANDS == run[-1] % BRANDS and i not in run]
        runs.append([*run, int(rng.choice(same))])
    return Sequences.from_rows(runs)


@pytest.fixture(scope="module")
def model() -> SessionTrees:
    return SessionTrees(**QUICK).fit(catalog(), of_one_brand())


def test_a_rule_that_counts_do_not_show_is_learned(model):
    assert model.booster is not None, model.reason
    assert model.reason.startswith("the trees rank, by nDCG@20")
    rng = np.random.default_rng(9)
    prefixes = Sequences.from_rows([rng.choice(N, 4, replace=False).tolist() for _ in range(50)])
    last = np.array([run[-1] for run in prefixes])
    products, _ = model.recommend(prefixes, 5, exclude_seen=True)
    mixture = Mixture(members=QUICK["members"]).fit(catalog(), of_one_brand())
    plain, _ = mixture.recommend(prefixes, 5, exclude_seen=True)
    same = (products % BRANDS == last[:, None] % BRANDS).mean()
    assert same > 0.7
    assert same > (plain % BRANDS == last[:, None] % BRANDS).mean() + 0.2
    assert any("text" in name or "brand" in name for name in list(model.importances())[:5])


def test_saved_trees_score_as_before(model, tmp_path):
    prefixes = Sequences.from_rows([[0, 1], [5], [], [7, 7, 3]])
    model.save(tmp_path)
    loaded = SessionTrees.load(tmp_path)
    assert_same_scores(loaded.score(prefixes), model.score(prefixes))
    np.testing.assert_allclose(loaded.shares(prefixes)[:2].sum(axis=1), 1, rtol=1e-5)
    assert loaded.importances() == pytest.approx(model.importances())


def test_damaged_trees_are_refused(model, tmp_path):
    arrays = model.arrays()
    arrays["trees"] = arrays["trees"][: len(arrays["trees"]) // 2]
    damaged = SessionTrees(**QUICK)
    damaged.arrays = lambda: arrays
    damaged.save(tmp_path)
    with pytest.raises((BundleError, ValueError)):
        SessionTrees.load(tmp_path)


def test_the_same_seed_gives_the_same_trees(model):
    again = SessionTrees(**QUICK).fit(catalog(), of_one_brand())
    assert again.booster.model_to_string() == model.booster.model_to_string()
    other = SessionTrees(**QUICK, seed=1).fit(catalog(), of_one_brand())
    assert other.booster.model_to_string() != model.booster.model_to_string()


def test_a_prefix_is_scored_alike_alone_and_among_others(model):
    together = model.score(Sequences.from_rows([[0, 1, 2], [5], [7, 8], []]))
    alone = model.score(Sequences.from_rows([[7, 8]]))
    np.testing.assert_allclose(together[2], alone[0], rtol=1e-4, atol=1e-6)


def test_only_candidates_are_ordered_and_the_others_follow(model):
    prefixes = Sequences.from_rows([[0, 1], [5, 6, 7]])
    short = SessionTrees(**QUICK, candidates=3)
    short.restore(model.arrays())
    members = [short.members[place] for place in short._proposers]
    candidates = find_candidates(members, prefixes, 3, only_new=True)
    scores = short.score(prefixes)
    mixture = Mixture.score(short, prefixes)
    for row in range(2):
        own = candidates.product[candidates.row == row]
        others = np.setdiff1d(np.arange(N), own)
        assert scores[row, own].min() > scores[row, others].max()
        with_score = others[np.isfinite(mixture[row, others])]
        assert (np.isfinite(scores[row, others]) == np.isfinite(mixture[row, others])).all()
        order = with_score[np.argsort(-scores[row, with_score], kind="stable")]
        before = with_score[np.argsort(-mixture[row, with_score], kind="stable")]
        np.testing.assert_array_equal(order, before)


def test_few_sequences_leave_the_mixture(tmp_path):
    few = of_one_brand(60)
    model = SessionTrees(**QUICK).fit(catalog(), few)
    assert model.booster is None
    assert "too few to learn from" in model.reason
    prefixes = Sequences.from_rows([[0, 1], []])
    mixture = Mixture(members=QUICK["members"]).fit(catalog(), few)
    assert_same_scores(model.score(prefixes), mixture.score(prefixes))
    model.save(tmp_path)
    assert_same_scores(SessionTrees.load(tmp_path).score(prefixes), mixture.score(prefixes))


def test_popularity_alone_has_no_candidates():
    model = SessionTrees(members="frequent:own=0").fit(catalog(), of_one_brand(300))
    assert model.booster is None


def test_a_catalogue_of_ids_has_no_attribute_columns():
    ids = Catalog(pl.DataFrame({"product_id": [f"p{i}" for i in range(N)]}))
    columns = SessionColumns.fit(ids, of_one_brand(50), 0)
    prefixes = Sequences.from_rows([[0, 1]])
    members = Mixture(members="item_knn").fit(ids, of_one_brand(50)).members
    candidates = find_candidates(members, prefixes, 5, only_new=True)
    named = columns.columns(prefixes, candidates)
    assert named.matrix().shape == (len(candidates.product), len(named.names))
    assert not any(word in name for name in named.names for word in ("brand", "text", "price"))
    assert candidates.columns.shape[1] == len(member_names(["item_knn"]))


def test_columns_are_what_is_counted():
    sequences = Sequences.from_rows([[0, 1, 2], [0, 1], [3, 0]])
    columns = SessionColumns.fit(catalog(), sequences, 0)
    prefixes = Sequences.from_rows([[3, 0]])
    members = Mixture(members="item_knn").fit(catalog(), of_one_brand(50)).members
    candidates = find_candidates(members, prefixes, N, only_new=False)
    named = columns.columns(prefixes, candidates)
    values = dict(zip(named.names, named.matrix().T, strict=True))
    at = {product: place for place, product in enumerate(candidates.product.tolist())}
    assert values["product 1 back: next"][at[1]] == 2
    assert values["product 1 back: near it"][at[2]] == 1
    assert values["product 1 back: share next"][at[1]] == pytest.approx(2 / (2 + 2))
    assert values["last product: candidate directly before it"][at[3]] == pytest.approx(1 / 3)
    assert values["positions back"][at[0]] == 0
    assert values["positions back"][at[3]] == 1
    assert values["positions back"][at[1]] == 99
    assert values["popularity"][at[0]] == pytest.approx(np.log(4))
    assert values["product 1 back: same brand"][at[4]] == 1
    assert values["product 1 back: same brand"][at[1]] == 0
    assert values["product 1 back: price ratio"][at[5]] == pytest.approx(np.log(6))
    assert np.isnan(values["product 1 back: price ratio"][at[1]])


def test_folds_are_the_latest_sequences_and_leave_most_of_the_others():
    sequences = Sequences.from_rows([[0, 1]] * 90 + [[2]] * 10)
    timed = replace(sequences, seconds=np.arange(len(sequences.products)))
    folds = list(draw_folds(timed, 60, np.random.default_rng(0)))
    assert len(folds) == 3
    assert sorted(np.concatenate(folds).tolist()) == list(range(30, 90))


def test_without_times_half_of_the_folds_are_drawn_from_all_sequences():
    sequences = Sequences.from_rows([[0, 1]] * 90 + [[2]] * 10)
    used = np.concatenate(list(draw_folds(sequences, 40, np.random.default_rng(0))))
    assert len(used) == len(np.unique(used)) == 40
    assert set(range(70, 90)) < set(used.tolist())
    assert np.sum(used < 35) > 4  # of the first half, of which none is among the latest
    assert sorted(np.concatenate(list(draw_folds(sequences, 500, np.random.default_rng(0))))) == (
        list(range(90))
    )


def test_prefixes_are_beginnings_with_the_product_after_them():
    sequences = Sequences.from_rows([[4, 5, 6, 7], [1, 2]])
    prefixes, targets = draw_prefixes(sequences, 100, np.random.default_rng(0))
    for prefix, target in zip(prefixes, targets.tolist(), strict=True):
        run = [4, 5, 6, 7] if prefix[0] == 4 else [1, 2]
        assert [*prefix.tolist(), target] == run[: len(prefix) + 1]


def test_lists_without_the_next_product_are_left_out_and_others_are_sampled():
    row = np.array([0, 0, 1, 1, 1, 2])
    label = np.array([False, False, False, True, False, True])
    lists = Lists.of(row, np.arange(6.0)[:, None].astype(np.float32), label)
    assert lists.sizes.tolist() == [3, 1]
    assert lists.columns[:, 0].tolist() == [2, 3, 4, 5]
    assert lists.ndcg(np.array([2.0, 1.0, 0.0, 0.0])) == pytest.approx(1 / np.log2(3) + 1)
    sampled = lists.sampled(1, np.random.default_rng(0))
    assert sampled.sizes.tolist() == [2, 1]
    assert sampled.label.sum() == 2
