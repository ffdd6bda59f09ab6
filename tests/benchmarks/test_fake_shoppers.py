"""The benchmark of fake shoppers, on its small invented log."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fake_shoppers.py"
COUNT, BOUND = "copurchase:measure=count", "copurchase:measure=pmi_lower"


@pytest.fixture(scope="module")
def fake_shoppers():
    spec = importlib.util.spec_from_file_location("fake_shoppers", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fake_shoppers"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["fake_shoppers"]


@pytest.fixture(scope="module")
def shop(fake_shoppers):
    return fake_shoppers.Log.of(fake_shoppers.simulated(), 20)


def test_fake_shoppers_buy_the_pushed_product_in_every_basket(fake_shoppers, shop):
    attack = fake_shoppers.Attack("scattered", 0.01, baskets=3, companions=20)
    pushed = shop.pushed(np.random.default_rng(0))
    false = fake_shoppers.fakes(shop, attack, pushed, np.random.default_rng(0))
    users = max(1, round(0.01 * shop.users))
    assert false["user_id"].n_unique() == users
    assert false["basket_id"].n_unique() == 3 * users
    assert (false["product"] == pushed).sum() == 3 * users
    # no companion twice from one user
    others = false.filter(false["product"] != pushed)
    assert others.select("user_id", "product").is_duplicated().sum() == 0
    assert false["timestamp"].max() <= shop.events["timestamp"].max()


def test_one_vote_a_user_keeps_a_pushed_product_out_of_most_lists(fake_shoppers, shop):
    attack = fake_shoppers.Attack("scattered", 0.01)
    outcome = fake_shoppers.benchmark(shop, [COUNT, BOUND], [attack], [0])
    after = {(row["model"], row["defence"]): row["after"] for row in outcome["results"]}
    assert after[BOUND, "one vote"] < after[BOUND, "none"] / 2
    assert {row["model"] for row in outcome["accuracy"]} == {COUNT, BOUND}
    fake_shoppers.show(outcome)


def test_the_kept_figures_let_the_pushed_product_into_a_tenth_of_the_lists_of_counts():
    kept = json.loads((SCRIPT.parent / "results" / "fake-shoppers.json").read_text("utf-8"))
    assert len(kept["seeds"]) >= 3
    after = {
        (row["model"], row["defence"]): row["of_counts"]
        for row in kept["results"]
        if (row["attack"], row["share"]) == ("scattered", 0.01)
    }
    assert after["copurchase:measure=llr", "default"] <= 0.1


def test_the_page_on_trust_shows_the_kept_figures(fake_shoppers):
    kept = json.loads(fake_shoppers.RESULT.read_text("utf-8"))
    page = SCRIPT.parents[1] / "docs" / "explanation" / "trust.md"
    assert fake_shoppers.markdown(kept) in page.read_text("utf-8")
