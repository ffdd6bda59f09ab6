"""What every model of the next basket promises, and the formulas against slow ones."""

from __future__ import annotations

import numpy as np
import pytest
from tests.same import assert_same_scores

from goeswith.core.errors import BundleError, ConfigError
from goeswith.shoppers import SHOPPER_MODELS
from goeswith.shoppers.histories import Histories
from goeswith.shoppers.tifu_knn import TifuKnn
from goeswith.shoppers.top_frequency import PersonalThenShop
from goeswith.shoppers.up_cf import UpCf

ALL = pytest.mark.parametrize("name", SHOPPER_MODELS.names)


@pytest.fixture(scope="module")
def models(catalog, histories):
    return {
        name: SHOPPER_MODELS.make(f"{name}:tune=false").fit(catalog, histories)
        for name in SHOPPER_MODELS.names
    }


@ALL
def test_scores_are_one_row_for_each_shopper_and_never_no_number(name, models, histories):
    strangers = Histories.from_rows([[[0, 1]], [], [[39]]], histories.n)
    for some in (histories, strangers):
        scores = models[name].score(some)
        assert scores.shape == (len(some), histories.n)
        assert scores.dtype == np.float32
        assert not np.isnan(scores).any()
        assert not (scores == np.inf).any()


@ALL
def test_a_saved_model_answers_as_it_did(name, models, histories, tmp_path):
    models[name].save(tmp_path)
    loaded = SHOPPER_MODELS.find(name).load(tmp_path)
    assert loaded.n == histories.n
    some = histories.take(np.arange(5))
    assert_same_scores(loaded.score(some), models[name].score(some))
    with pytest.raises(BundleError, match=name):
        other = "p_topfreq" if name != "p_topfreq" else "g_topfreq"
        SHOPPER_MODELS.find(other).load(tmp_path)


@ALL
def test_a_shopper_is_scored_alike_alone_and_among_others(name, models, histories):
    together = models[name].score(histories.take(np.arange(6)))
    alone = models[name].score(histories.take(np.array([4])))
    np.testing.assert_allclose(together[4], alone[0], rtol=1e-4, atol=1e-5)


@ALL
def test_again_and_new_are_apart(name, models, histories):
    some = histories.take(np.arange(8))
    bought = some.counts.toarray() > 0
    for again in (True, False):
        products, _ = models[name].recommend(some, 5, bought=again)
        shopper, rank = np.nonzero(products >= 0)
        assert (bought[shopper, products[shopper, rank]] == again).all()
        assert len(rank) or (name == "p_topfreq" and not again)


@ALL
def test_an_unknown_setting_is_refused_by_name(name):
    with pytest.raises(ConfigError, match="no_such_setting"):
        SHOPPER_MODELS.make(f"{name}:no_such_setting=1")


def test_personal_frequency_comes_first_and_the_shop_breaks_ties(catalog):
    histories = Histories.from_rows([[[0], [0, 1, 2]], [[2]], [[3], [3], [3]]], len(catalog))
    model = PersonalThenShop().fit(catalog, histories)
    products, _ = model.recommend(histories.take(np.array([0])), 4)
    assert products.tolist() == [[0, 2, 1, 3]]


def test_tifu_vectors_are_the_decayed_means_of_means_of_the_paper(catalog):
    baskets = [[0], [1], [2], [3], [4]]
    histories = Histories.from_rows([baskets], len(catalog))
    model = TifuKnn(group=2, basket_decay=0.5, group_decay=0.25, tune=False)
    found = model.own_vectors(histories).toarray()[0, :5]
    # groups from the last basket back: [0] [1 2] [3 4]
    expected = [0.25**2, 0.25 * 0.5 / 2, 0.25 / 2, 0.5 / 2, 1 / 2]
    np.testing.assert_allclose(found, np.array(expected) / 3, rtol=1e-6)


def test_tifu_blends_the_vectors_of_the_nearest_shoppers(catalog, histories):
    model = TifuKnn(neighbours=7, own=0.6, tune=False).fit(catalog, histories)
    vectors = model.own_vectors(histories).toarray()
    distance = ((vectors[3] - vectors) ** 2).sum(axis=1)
    near = np.sort(distance)[6]
    if (distance <= near + 1e-9).sum() == 7:
        expected = 0.6 * vectors[3] + 0.4 * vectors[distance <= near].mean(axis=0)
        found = model.score(histories.take(np.array([3])))[0]
        np.testing.assert_allclose(np.where(np.isinf(found), 0, found), expected, atol=1e-6)


def test_up_cf_is_the_formula_of_the_paper(catalog, histories):
    model = UpCf(recency=2, asymmetry=0.25, locality=3, tune=False).fit(catalog, histories)
    popularity = histories.tail(2).shares().toarray().astype(np.float64)
    squares = (popularity**2).sum(axis=1)
    similarity = (popularity @ popularity[5]) / (squares**0.75 * squares[5] ** 0.25)
    expected = similarity**3 @ popularity
    found = model.score(histories.take(np.array([5])))[0]
    np.testing.assert_allclose(np.where(np.isinf(found), 0, found), expected, rtol=1e-4, atol=1e-6)


def test_tuning_leaves_what_was_given(catalog, histories):
    model = TifuKnn(own=0.123)
    config = model.tuned(catalog, histories)
    assert config.own == 0.123
    untuned = TifuKnn(tune=False)
    assert untuned.tuned(catalog, histories) == untuned.config


def test_tuning_takes_the_better_value(catalog):
    # every shopper buys one product of a fixed cycle: only the last basket says which comes next
    shoppers = [[[9], [9], [9], [i % 8], [i % 8], [i % 8]] for i in range(40)]
    histories = Histories.from_rows(shoppers, len(catalog))
    config = TifuKnn().tuned(catalog, histories)
    assert config.group_decay * config.basket_decay <= 0.7 * 0.9 + 1e-9
