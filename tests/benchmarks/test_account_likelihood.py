"""The likelihood of accounts, on the small synthetic log of the fake shoppers."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def account_likelihood():
    sys.path.insert(0, str(BENCHMARKS))
    import account_likelihood as module

    yield module
    sys.path.remove(str(BENCHMARKS))
    for name in ("account_likelihood", "fake_shoppers"):
        sys.modules.pop(name, None)


def test_an_account_of_pairs_that_nobody_else_buys_is_the_least_likely(account_likelihood):
    rows = [
        (f"u{u}", f"u{u}-{b}", p)
        for u in range(8)
        for b in range(2)
        for p in ((0, 1), (2, 3))[u % 2]
    ]
    rows += [("odd", "odd-0", 0), ("odd", "odd-0", 3), ("single", "s", 1)]
    events = pl.DataFrame(rows, schema=["user_id", "basket_id", "product"], orient="row")
    found = dict(account_likelihood.likelihoods(events, 4).rows())
    assert min(found, key=found.get) == "odd"
    assert "single" not in found
    # of the 15 baskets of others, 7 hold product 0, 6 product 1, 6 both
    assert found["u0"] == pytest.approx(np.log((6 + 0.5) / (7 * 6 / 15 + 0.5)))
    assert account_likelihood.suspicious(events, 4) == set()  # a twentieth of nine is none


def test_the_lowest_twentieth_is_left_out(account_likelihood):
    log = account_likelihood.Log.of(account_likelihood.simulated(), 20)
    n = len(log.dataset.catalog)
    out = account_likelihood.suspicious(log.events, n)
    scores = account_likelihood.likelihoods(log.events, n)
    assert len(out) == round(0.05 * scores.height)
    low = scores.filter(pl.col("user_id").is_in(list(out)))["likelihood"].max()
    assert low <= scores.filter(~pl.col("user_id").is_in(list(out)))["likelihood"].min()
    left = account_likelihood.without(log.events, out)
    assert set(left["user_id"].unique()).isdisjoint(out)
