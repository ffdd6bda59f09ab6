"""The ranker of shoppers: the trees have to beat every member, else one of them ranks."""

from __future__ import annotations

import numpy as np
import pytest
from tests.same import assert_same_scores

from goeswith.shoppers.histories import Histories
from goeswith.shoppers.members import Members
from goeswith.shoppers.shopper_features import NAMES, candidate_table
from goeswith.shoppers.shopper_ranker import ShopperRanker

N = 40


@pytest.fixture(scope="module")
def rhythm():
    """Shoppers who buy a product of their own in every second basket, and noise."""
    rng = np.random.default_rng(3)
    found = []
    for shopper in range(320):
        own, first = shopper % 20, int(rng.integers(2))
        length = int(rng.integers(5, 9))
        found.append(
            [
                [own if (step + first) % 2 else 20 + own, 39 - int(rng.integers(4))]
                for step in range(length)
            ]
        )
    return Histories.from_rows(found, N)


@pytest.fixture(scope="module")
def trained(catalog, rhythm):
    return ShopperRanker(trees=40).fit(catalog, rhythm)


def test_trees_that_learn_the_rhythm_rank(trained, rhythm):
    assert "trees rank, by nDCG@10 on the last baskets of 80 shoppers" in trained.choice.reason
    last = rhythm.baskets[rhythm.starts[1:] - 1].toarray()
    scores = trained.score(rhythm)
    own = np.arange(320) % 20
    rows = np.arange(320)
    bought_own = last[rows, own] > 0
    due = np.where(bought_own, scores[rows, 20 + own], scores[rows, own])
    just_bought = np.where(bought_own, scores[rows, own], scores[rows, 20 + own])
    assert (due > just_bought).mean() > 0.95
    assert sum(trained.importances().values()) == pytest.approx(1)


def test_a_saved_ranker_answers_as_it_did(trained, rhythm, tmp_path):
    trained.save(tmp_path)
    some = rhythm.take(np.arange(4))
    assert_same_scores(ShopperRanker.load(tmp_path).score(some), trained.score(some))


def test_few_shoppers_are_ranked_by_the_best_member_and_it_is_said(catalog, histories):
    messages = []
    model = ShopperRanker(tune=False)
    model.set_checkpoints(None, messages.append)
    model.fit(catalog, histories)
    assert model.choice.booster is None
    assert model.choice.member in {"gp_topfreq", "time_frequency", "up_cf", "tifu_knn"}
    assert "are too few to learn from" in messages[0]
    assert model.importances() == {}


def test_candidates_are_what_was_bought_and_the_best_new_products(catalog, histories):
    some = histories.take(np.arange(10))
    table = candidate_table(Members.learn(catalog, histories), some)
    assert table.columns.shape == (len(table.product), len(NAMES))
    pairs = set(zip(table.shopper.tolist(), table.product.tolist(), strict=True))
    assert set(zip(*some.counts.nonzero(), strict=True)) <= pairs
    times = table.columns[:, NAMES.index("times")]
    bought = some.counts.toarray()[table.shopper, table.product]
    np.testing.assert_array_equal(np.nan_to_num(times), bought)
    assert (np.diff(table.shopper) >= 0).all()
