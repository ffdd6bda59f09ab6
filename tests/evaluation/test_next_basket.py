"""The protocol of the next basket: what is held out, what is measured, and a planted leak."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from goeswith.core.errors import ConfigError, DataError, LeakError
from goeswith.data.catalog import Catalog
from goeswith.evaluation.comparison import benchmark
from goeswith.evaluation.leak_check import check_last_baskets
from goeswith.evaluation.protocols import protocol
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.settings.sections import Settings
from goeswith.shoppers import SHOPPER_MODELS
from goeswith.shoppers.histories import Histories

QUICK = Settings.model_validate({"evaluation": {"bootstrap": 100}})


@pytest.fixture
def ground(make_dataset):
    def make(shoppers, n=6):
        catalog = Catalog(pl.DataFrame({"product_id": [f"p{i}" for i in range(n)]}))
        lines = [
            {"product": row, "user_id": f"u{i}", "basket_id": f"{i}-{place}", "position": place}
            for i, baskets in enumerate(shoppers)
            for place, basket in enumerate(baskets)
            for row in basket
        ]
        events = pl.DataFrame(lines).with_columns(pl.col("product").cast(pl.Int32))
        return BenchmarkData(make_dataset(catalog, events=events), QUICK)

    return make


SHOPPERS = [[[0], [0, 1], [0, 1, 5]], [[2], [3]], [[4], [4], [2, 3]]]


def test_the_last_basket_of_shoppers_with_three_is_the_test(ground):
    (case,) = protocol("next_basket")(ground(SHOPPERS), 0)
    assert case.shoppers.tolist() == [0, 2]
    assert case.baskets.toarray().astype(int).tolist() == [[1, 1, 0, 0, 0, 1], [0, 0, 1, 1, 0, 0]]
    assert case.train.lengths.tolist() == [2, 2, 2]


def test_metrics_are_those_one_computes_by_hand(ground):
    (case,) = protocol("next_basket")(ground(SHOPPERS), 0)
    model = SHOPPER_MODELS.make("gp_topfreq")
    answers = case.answer(case.fit(model))
    # by count of the shopper, then of the shop: 0 and 4 in two baskets, 1 2 3 in one
    assert answers["all"].tolist() == [[0, 1, 4, 2, 3, -1], [4, 0, 1, 2, 3, -1]]
    assert answers["again"][:, 0].tolist() == [0, 4]
    assert answers["new"].tolist()[0] == [4, 2, 3, -1, -1, -1]
    values = case.measure(answers).values()
    assert values["recall@10"] == pytest.approx((2 / 3 + 2 / 2) / 2)
    assert values["phr@10"] == 1
    gains = 1 / np.log2(np.arange(2, 8))
    first = (gains[0] + gains[1]) / gains[:3].sum()
    second = (gains[3] + gains[4]) / gains[:2].sum()
    assert values["ndcg@10"] == pytest.approx((first + second) / 2)
    assert values["recall@10.repeat"] == 1  # the second shopper repeats nothing
    assert values["recall@10.explore"] == pytest.approx((0 + 1) / 2)
    assert values["ndcg@10.again"] == 1
    third_and_fourth = (gains[2] + gains[3]) / gains[:2].sum()
    assert values["ndcg@10.new"] == pytest.approx((0 + third_and_fourth) / 2)


def test_a_benchmark_compares_shopper_models_and_no_others(ground):
    data = ground(SHOPPERS * 4).dataset
    found = benchmark(data, ["p_topfreq", "g_topfreq"], ["next_basket"], [0, 1], QUICK)
    by_model = {result["model"]: result["metrics"] for result in found["results"]}
    assert by_model["p_topfreq"]["recall@10.explore"]["mean"] == 0
    assert by_model["g_topfreq"]["recall@10.explore"]["mean"] > 0
    assert "deployed" not in found
    with pytest.raises(ConfigError, match="no shopper model 'ease'"):
        benchmark(data, ["ease"], ["next_basket"], [0], QUICK)


def test_a_planted_last_basket_is_found():
    complete = Histories.from_rows(SHOPPERS, 6)
    train, shoppers, _ = complete.split_last(3)
    check_last_baskets(train, complete, shoppers)
    swapped = Histories.from_rows([[[0], [0, 1, 5]], [[2], [3]], [[4], [4]]], 6)
    for planted in (complete, swapped):
        with pytest.raises(LeakError, match=r"Histories\.split_last"):
            check_last_baskets(planted, complete, shoppers)


def test_data_in_which_no_shopper_has_three_baskets_are_refused(ground):
    with pytest.raises(DataError, match=r"no shopper has 3 baskets \(the most is 2\)"):
        next(protocol("next_basket")(ground([[[0], [1]]]), 0))
