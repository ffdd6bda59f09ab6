from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.arrays import Floats, Rows
from goeswith.ranking.rerank import rerank_positions, score_within_budget

SCORES = st.lists(st.floats(-9, 9, width=16), min_size=1, max_size=12)


@given(SCORES, st.floats(0, 1), st.integers(1, 5))
def test_no_opinion_moves_a_product_beyond_its_reach(
    scores: list[float], weight: float, reach: int
) -> None:
    order = rerank_positions(np.array([scores]), weight=weight, max_shift=reach)[0]
    assert sorted(order.tolist()) == list(range(len(scores)))
    new_place = np.argsort(order)
    # others pass it by at most as much as it is passed
    assert (np.abs(new_place - np.arange(len(scores))) <= 2 * weight * reach).all()


@given(SCORES)
def test_without_weight_nothing_moves_and_with_all_of_it_the_opinion_rules(
    scores: list[float],
) -> None:
    row = np.array([scores])
    assert (rerank_positions(row, weight=0)[0] == np.arange(len(scores))).all()
    assert (np.diff(row[0][rerank_positions(row, weight=1)[0]]) <= 0).all()


def test_a_place_that_holds_nothing_stays_last() -> None:
    order = rerank_positions(np.array([[1.0, 5.0, -np.inf, -np.inf]]), weight=1)
    assert order.tolist() == [[1, 0, 2, 3]]


def test_a_budget_asks_about_the_top_alone() -> None:
    sizes: list[int] = []

    def slow(sources: Rows, targets: Rows) -> Floats:
        sizes.append(len(targets))
        return np.zeros(len(sources), dtype=np.float32)

    sources = np.arange(40, dtype=np.int32)
    products = np.tile(np.arange(6, dtype=np.int32), (40, 1))
    products[0, 3:] = -1
    everything = score_within_budget(sources, products, slow)
    assert np.isfinite(everything).sum() == 40 * 6 - 3
    nothing = score_within_budget(sources, products, slow, milliseconds=1e-9)
    assert not np.isfinite(nothing).any()
    assert sizes[-1] == 0
