"""The generator of shops whose truth is known."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.data.folder import load_data

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "shops.py"


@pytest.fixture(scope="module")
def shops():
    spec = importlib.util.spec_from_file_location("shops", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["shops"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["shops"]


@pytest.fixture(scope="module")
def shop(shops):
    return shops.Shop(2000, seed=3)


def test_a_row_leads_back_to_its_product(shop):
    numbers = np.arange(shop.products)
    rows = shop.rows(numbers)
    assert np.array_equal(np.sort(rows), numbers)
    assert np.array_equal(shop.numbers(rows), numbers)


def test_what_goes_with_a_product_never_has_it_as_a_complement(shop):
    rows = np.arange(shop.products)
    goes = shop.goes_with(rows[:, None], rows[None, :])
    assert not (goes & goes.T).any()
    of_a_line = shop.per_type // shop.lines
    assert (goes.sum(axis=1) == shop.complements * of_a_line).all()
    assert not (goes & shop.substitutes(rows[:, None], rows[None, :])).any()


def test_a_basket_holds_what_goes_together_with_the_source_first(shop):
    events = pl.concat(shop.events(20_000))
    bought = events.filter(pl.col("event") == "purchase").with_row_index("at")
    pairs = bought.join(bought, on="session").filter(pl.col("at") < pl.col("at_right"))
    forward = shop.goes_with(pairs["product"].to_numpy(), pairs["product_right"].to_numpy())
    backward = shop.goes_with(pairs["product_right"].to_numpy(), pairs["product"].to_numpy())
    # two accessories of one source do not go with one another
    assert forward.mean() > 0.3
    assert backward.mean() < 0.05
    assert (pairs["timestamp"] < pairs["timestamp_right"]).all()


def test_popularity_follows_a_power_law(shop):
    bought = pl.concat(shop.events(50_000)).group_by("product").len()["len"].sort(descending=True)
    assert bought.head(shop.products // 10).sum() > 0.3 * bought.sum()
    assert len(bought) > 0.9 * shop.products


def test_a_log_is_the_same_however_much_of_it_is_read(shop):
    whole = pl.concat(shop.events(30_000))
    assert whole.head(1000).equals(pl.concat(shop.events(1000)))
    assert not whole.head(1000)["product"].equals(
        pl.concat(type(shop)(2000, seed=4).events(1000))["product"]
    )


def test_a_written_shop_is_read_as_data_and_as_truth(shop, tmp_path):
    shop.write(tmp_path / "shop", events=5000)
    data = load_data(tmp_path / "shop")
    assert len(data.catalog) == 2000
    assert data.events.height == 5000
    assert data.quarantine.counts().is_empty()
    assert type(shop).read(tmp_path / "shop") == shop
    rows = np.arange(2000)
    truth = data.catalog.frame["type"].to_list()
    codes = [int(name.removeprefix("type ")) for name in truth]
    assert np.array_equal(shop.type_of(rows), codes)
    logged = pl.concat(shop.events(5000))
    assert data.events["product"].to_list() == logged["product"].to_list()
    views = data.events.filter(pl.col("event") == "view")
    assert views["basket_id"].null_count() == views.height


@pytest.mark.parametrize(
    "wrong", [{"products": 1010}, {"products": 200}, {"products": 1000, "lines": 7}]
)
def test_a_shop_of_the_wrong_size_is_refused(shops, wrong):
    with pytest.raises(ValueError, match=r"multiple of|too few"):
        shops.Shop(**wrong)
