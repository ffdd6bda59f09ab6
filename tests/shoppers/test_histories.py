"""Histories: order, weights, splits, and what a log without shoppers says."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.shoppers.histories import Histories, histories_from_events
from goeswith.shoppers.intervals import Intervals, Purchases

BASKETS = st.lists(st.sets(st.integers(0, 5), min_size=1), min_size=1, max_size=5)


def listed(histories):
    dense = histories.baskets.toarray()
    rows = [np.flatnonzero(row).tolist() for row in dense]
    ends = histories.starts.tolist()
    return [rows[start:end] for start, end in pairwise(ends)]


def events(lines, **columns):
    frame = pl.DataFrame(lines, schema=["user_id", "basket_id", "product"], orient="row")
    frame = frame.with_columns(pl.col("product").cast(pl.Int32), event=pl.lit("purchase"))
    return frame.with_columns(pl.Series(name, values) for name, values in columns.items())


@settings(max_examples=25)
@given(st.lists(BASKETS, min_size=1, max_size=4))
def test_the_last_basket_is_held_out_and_the_others_stay(shoppers):
    histories = Histories.from_rows([[list(b) for b in s] for s in shoppers], 6)
    earlier, tested, baskets = histories.split_last(2)
    assert tested.tolist() == [i for i, s in enumerate(shoppers) if len(s) >= 2]
    expected = [[sorted(b) for b in (s[:-1] if len(s) >= 2 else s)] for s in shoppers]
    assert listed(earlier) == expected
    last = [sorted(s[-1]) for s in shoppers if len(s) >= 2]
    assert [np.flatnonzero(row).tolist() for row in baskets.toarray()] == last


@settings(max_examples=25)
@given(st.lists(BASKETS, min_size=1, max_size=4), st.integers(1, 3))
def test_counts_shares_and_the_tail_are_those_of_the_lists(shoppers, longest):
    histories = Histories.from_rows([[list(b) for b in s] for s in shoppers], 6)
    counts = [[sum(i in b for b in s) for i in range(6)] for s in shoppers]
    assert histories.counts.toarray().tolist() == counts
    shares = np.array(counts) / [[len(s)] for s in shoppers]
    np.testing.assert_allclose(histories.shares().toarray(), shares, rtol=1e-6)
    assert listed(histories.tail(longest)) == [[sorted(b) for b in s[-longest:]] for s in shoppers]
    back = histories.take(np.arange(len(shoppers))[::-1])
    assert listed(back) == [[sorted(b) for b in s] for s in shoppers[::-1]]


def test_baskets_are_in_order_of_time_and_ages_are_days():
    times = [datetime(2024, 1, day) for day in (9, 1, 1, 5)]
    log = events([("b", "y", 1), ("b", "x", 0), ("b", "x", 2), ("a", "z", 3)], timestamp=times)
    histories, ids = histories_from_events(log, 4)
    assert ids.to_list() == ["a", "b"]
    assert listed(histories) == [[[3]], [[0, 2], [1]]]
    assert histories.ages().tolist() == [4, 8, 0]
    assert histories.usual_interval == 8
    earlier, _, _ = histories.split_last()
    assert earlier.ages().tolist() == [4, 8]  # the second shopper at her last basket


def test_positions_order_baskets_without_times_and_ages_are_baskets():
    log = events([("a", "x", 0), ("a", "y", 1)], position=[2, 1])
    histories, _ = histories_from_events(log, 2)
    assert listed(histories) == [[[1], [0]]]
    assert histories.ages().tolist() == [2, 1]


def test_views_and_guests_are_no_history_and_a_log_without_shoppers_is_refused():
    log = events([("a", "x", 0), (None, "y", 1)])
    histories, ids = histories_from_events(log, 2)
    assert ids.to_list() == ["a"]
    assert len(histories) == 1
    for useless in (log.drop("user_id"), log.with_columns(event=pl.lit("view"))):
        with pytest.raises(DataError, match="need purchases with user_id"):
            histories_from_events(useless, 2)


def test_waits_are_those_between_purchases_of_one_product_by_one_shopper():
    histories = Histories.from_rows([[[0], [1], [0], [0, 1]], [[0]]], 2)
    purchases = Purchases.from_histories(histories, 1.0)
    assert purchases.counts.tolist() == [3, 2, 1]
    assert purchases.steps.tolist() == [3, 1, 0, 2, 0, 0]
    waits = Intervals.from_purchases(purchases, 2)
    shop = 2 * np.log(2) / 3  # waits of two and one baskets for product 0, of two for product 1
    assert waits.mean == pytest.approx([(np.log(2) + 5 * shop) / 7, (np.log(2) + 5 * shop) / 6])
    assert waits.repeats[0] == pytest.approx((2 + 5 * 3 / 6) / (4 + 5))
