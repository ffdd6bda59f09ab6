"""What every model of the next product promises, whatever it believes.

The round: products follow each other in a circle, each session a part of it. A model that learns
anything knows what comes next.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.same import assert_same_answers, assert_same_scores

from goeswith.core.arrays import top_k
from goeswith.core.errors import BundleError, ConfigError
from goeswith.data.catalog import Catalog
from goeswith.sequential import SESSION_MODELS, TRAINED
from goeswith.sequential.base import SessionModel
from goeswith.sequential.sequences import Sequences

N = 10
QUICK = {name: {"max_epochs": 2, "dimension": 8} for name in TRAINED}
COUNTS_ALONE = ("frequent",)
"""Models that do not look at what follows what."""

pytestmark = pytest.mark.parametrize("name", SESSION_MODELS.names)


def catalog() -> Catalog:
    return Catalog(
        pl.DataFrame(
            {"product_id": [f"p{i}" for i in range(N)], "title": [f"t{i}" for i in range(N)]}
        )
    )


def a_round(sequential: int = 40) -> Sequences:
    rng = np.random.default_rng(0)
    starts, lengths = rng.integers(0, N, sequential), rng.integers(2, 5, sequential)
    return Sequences.from_rows(
        [
            [(start + k) % N for k in range(length)]
            for start, length in zip(starts, lengths, strict=True)
        ]
    )


def fitted(name: str, sequential: int = 40, **settings) -> SessionModel:
    return SESSION_MODELS.make(name, {name: QUICK.get(name, {}) | settings}).fit(
        catalog(), a_round(sequential)
    )


def test_scores_are_one_row_for_each_prefix_and_never_no_number(name):
    prefixes = Sequences.from_rows([[0], [1, 2, 3], [9, 9], []])
    scores = fitted(name).score(prefixes)
    assert scores.shape == (4, N)
    assert scores.dtype == np.float32
    assert not np.isnan(scores).any()
    assert not (scores == np.inf).any()


def test_shares_of_a_prefix_add_up_to_one_or_say_nothing(name):
    shares = fitted(name).shares(Sequences.from_rows([[0], [4, 5]]))
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)


def test_the_same_seed_and_data_give_the_same_scores(name):
    prefixes = Sequences.from_rows([[0, 1], [5]])
    np.testing.assert_array_equal(fitted(name).score(prefixes), fitted(name).score(prefixes))


def test_a_prefix_is_scored_alike_alone_and_among_others(name):
    model = fitted(name)
    together = model.score(Sequences.from_rows([[0, 1, 2], [5], [7, 8]]))
    alone = model.score(Sequences.from_rows([[7, 8]]))
    np.testing.assert_allclose(together[2], alone[0], rtol=1e-4, atol=1e-5)


def test_a_saved_model_answers_as_it_did(name, tmp_path):
    model, prefixes = fitted(name), Sequences.from_rows([[0, 1], [5], []])
    model.save(tmp_path)
    loaded = SESSION_MODELS.find(name).load(tmp_path)
    assert loaded.n == N
    assert_same_scores(loaded.score(prefixes), model.score(prefixes))


def test_a_folder_of_another_model_is_refused(name, tmp_path):
    other = "frequent" if name != "frequent" else "successors"
    fitted(other).save(tmp_path)
    with pytest.raises(BundleError, match=other):
        SESSION_MODELS.find(name).load(tmp_path)


def test_recommendations_are_the_best_scores_and_can_leave_out_what_was_seen(name):
    model, prefixes = fitted(name), Sequences.from_rows([[3, 4], [8]])
    answers = model.recommend(prefixes, 4)
    assert_same_answers(answers, top_k(model.score(prefixes), 4))
    assert (answers[1][:, 1:] <= answers[1][:, :-1]).all()
    unseen, _ = model.recommend(prefixes, N, exclude_seen=True)
    assert not {3, 4} & set(unseen[0].tolist())
    assert 8 not in unseen[1]


def test_few_stored_scores_are_those_of_the_dense_matrix(name):
    model, prefixes = fitted(name), Sequences.from_rows([[3, 4, 3], [], [8]])
    few = model.few_scores(prefixes)
    if few is None:
        pytest.skip("dense scores alone")
    scores = model.score(prefixes)
    np.testing.assert_array_equal(few.dense(), np.where(scores > 0, scores, 0))
    row, column = np.indices(scores.shape)
    np.testing.assert_array_equal(few.take(row.ravel(), column.ravel()), few.dense().ravel())
    np.testing.assert_allclose(few.totals(), few.dense().sum(axis=1), rtol=1e-6)
    assert_same_answers(few.top(4), top_k(np.where(scores > 0, scores, -np.inf), 4))
    unseen = few.without(prefixes).dense()
    assert not unseen[0, [3, 4]].any()
    assert not unseen[2, 8]


def test_no_prefix_gets_no_answer(name):
    products, scores = fitted(name).recommend(Sequences.from_rows([]), 3)
    assert products.shape == scores.shape == (0, 3)


def test_what_follows_in_every_session_is_learned(name):
    if name in COUNTS_ALONE:
        pytest.skip("looks at no order")
    longer = {"max_epochs": 12, "patience": 12, "dimension": 16, "dropout": 0}
    settings = {**longer, "learning_rate": 0.01} if name in TRAINED else {}
    prefixes = Sequences.from_rows([[i] for i in range(N)])
    for seed in range(2 if name in TRAINED else 1):
        seeds = {"seed": seed} if name in TRAINED else {}
        # a step holds more of more sessions: that takes no longer, and every one is met often
        model = fitted(name, 200, **settings, **seeds)
        products, _ = model.recommend(prefixes, 2, exclude_seen=True)
        following = np.array([(i + 1) % N in products[i] for i in range(N)])
        assert following.mean() >= 0.8, seed


def test_an_unknown_setting_is_refused_by_name(name):
    with pytest.raises(ConfigError, match="no_such_setting"):
        SESSION_MODELS.make(f"{name}:no_such_setting=1")
