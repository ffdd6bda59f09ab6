"""Baskets of a log as a matrix."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from goeswith.models.basket_counts import BasketCounts
from goeswith.relations.baskets.basket_matrix import basket_matrix, with_baskets
from goeswith.relations.config import MiningConfig
from goeswith.relations.mine import mine

PURCHASES = st.lists(
    st.tuples(st.sampled_from(["u", "v", "w", None]), st.sets(st.integers(0, 4), min_size=1)),
    min_size=1,
    max_size=20,
)


def log(baskets: list[tuple[str | None, set[int]]]) -> pl.DataFrame:
    """Events of (user, products) baskets, one a day."""
    rows = [
        (product, f"b{day}", user, datetime(2026, 1, 1) + timedelta(days=day))
        for day, (user, products) in enumerate(baskets)
        for product in sorted(products)
    ]
    schema = {
        "product": pl.Int32,
        "basket_id": pl.String,
        "user_id": pl.String,
        "timestamp": pl.Datetime("us"),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def held(
    events: pl.DataFrame, max_basket: int | None = None, cap: int | None = None
) -> list[list[int]]:
    purchases = with_baskets(events)
    assert purchases is not None
    matrix = basket_matrix(purchases, 9, max_basket, cap)
    assert matrix.shape[1] == 9
    return [row.nonzero()[0].tolist() for row in matrix.toarray()]


def test_baskets_come_in_order_of_time_and_hold_each_product_once() -> None:
    events = pl.DataFrame(
        {
            "product": [4, 2, 2, 1, 3, 5],
            "basket_id": ["b", "a", "a", "a", "b", "c"],
            "timestamp": [datetime(2026, 1, day) for day in (9, 2, 2, 2, 9, 1)],
        }
    )
    assert held(events) == [[1, 2], [3, 4]]


def test_without_times_the_last_basket_of_each_user_is_behind_earlier_ones() -> None:
    events = pl.DataFrame(
        {
            "product": [1, 2, 3, 4, 5, 6, 7, 8],
            "basket_id": ["a", "a", "b", "b", "c", "c", "d", "d"],
            "user_id": ["u", "u", "u", "u", "v", "v", None, None],
            "position": [3, 3, 1, 2, 9, 9, 5, 5],
        }
    )
    assert held(events) == [[7, 8], [3, 4], [1, 2], [5, 6]]
    # without users, positions of different baskets are not on one scale
    assert held(events.drop("user_id")) == [[1, 2], [3, 4], [5, 6], [7, 8]]


def test_views_lines_without_an_id_and_baskets_above_the_limit_are_left_out() -> None:
    events = pl.DataFrame(
        {
            "product": [1, 2, 3, 4, 5, 6, 7, 8],
            "basket_id": ["a", "a", "a", "b", "b", "b", None, None],
            "event": ["purchase", "purchase", "view", *["purchase"] * 5],
        }
    )
    assert held(events) == [[1, 2], [4, 5, 6]]
    assert held(events, max_basket=2) == [[1, 2]]


def test_without_baskets_a_day_of_a_user_is_one() -> None:
    moments = [datetime(2026, 1, 1, 9), datetime(2026, 1, 1, 20), datetime(2026, 1, 2, 9)]
    events = pl.DataFrame({"product": [1, 2, 3], "user_id": ["u"] * 3, "timestamp": moments})
    assert held(events) == [[1, 2]]
    assert held(events.drop("timestamp")) == [[1, 2, 3]]


def test_without_ids_there_are_no_baskets() -> None:
    assert with_baskets(pl.DataFrame({"product": np.arange(3)})) is None


@given(baskets=PURCHASES, cap=st.integers(1, 3))
def test_a_product_is_in_the_latest_baskets_of_a_user(
    baskets: list[tuple[str | None, set[int]]], cap: int
) -> None:
    had: Counter[tuple[str, int]] = Counter()
    left = []
    for user, products in reversed(baskets):
        left.append({p for p in products if user is None or had[user, p] < cap})
        had.update((user, p) for p in products if user is not None)
    purchases = with_baskets(log(baskets))
    assert purchases is not None
    matrix = basket_matrix(purchases, 5, per_user_cap=cap).toarray()
    assert [set(row.nonzero()[0].tolist()) for row in matrix] == [
        few for few in reversed(left) if len(few) > 1
    ]


def test_the_baskets_of_a_graph_have_the_votes_that_its_pairs_count() -> None:
    rng = np.random.default_rng(0)
    baskets = [
        (["u", "u", "u", "v", "w", None][rng.integers(6)], set(rng.integers(0, 5, 3).tolist()))
        for _ in range(60)
    ]
    graph = mine(log(baskets), 5, MiningConfig(min_co_purchase=1))
    assert graph.baskets is not None
    assert 0 < graph.baskets.nnz < sum(len(products) for _, products in baskets)
    pairs = BasketCounts.count(graph.baskets, by_basket=False).pairs
    assert (pairs != graph["co_purchase"].count).nnz == 0


def test_without_times_the_latest_by_position_or_else_by_row_have_the_votes() -> None:
    rows = log([("u", {0, 1}), ("u", {0, 1, 2}), ("u", {1, 2, 3})]).drop("timestamp")
    assert held(rows, cap=1) == [[1, 2, 3]]
    assert held(rows, cap=2) == [[0, 1, 2], [1, 2, 3]]
    by_position = rows.reverse().with_columns(position=-pl.int_range(pl.len()))
    assert held(by_position, cap=2) == [[0, 1, 2], [1, 2, 3]]


def test_one_user_of_many_baskets_has_as_many_votes_as_the_median_user() -> None:
    shoppers = [(f"u{i}", {0, 1}) for i in range(9)]
    events = log([*shoppers, *[("loud", {0, 2, 3})] * 20])
    purchases = with_baskets(events)
    assert purchases is not None
    assert basket_matrix(purchases, 5).sum(axis=0).tolist() == [[29, 9, 20, 20, 0]]
    capped = basket_matrix(purchases, 5, per_user_cap="auto")
    assert capped.sum(axis=0).tolist() == [[10, 9, 1, 1, 0]]
    # baskets without a user have nobody to be capped by
    anonymous = purchases.with_columns(pl.lit(None, dtype=pl.String).alias("user_id"))
    assert basket_matrix(anonymous, 5, per_user_cap=1).shape[0] == 29
