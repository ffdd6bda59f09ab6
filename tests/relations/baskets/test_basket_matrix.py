"""Baskets of a log as a matrix."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from goeswith.relations.baskets.basket_matrix import basket_matrix, with_baskets


def held(events: pl.DataFrame, max_basket: int | None = None) -> list[list[int]]:
    purchases = with_baskets(events)
    assert purchases is not None
    matrix = basket_matrix(purchases, 9, max_basket)
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
