"""Intervals and alarms that hold at every look."""

from __future__ import annotations

from math import inf, log, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaln

from goeswith.core.errors import ConfigError
from goeswith.results.experiments.power import crossing_shares, shoppers_needed
from goeswith.results.experiments.sequential_interval import half_width, split_p_value
from goeswith.results.experiments.team_draft import team_draft


def test_the_half_width_is_that_of_the_equation() -> None:
    tuning = -2 * log(0.05)
    x = tuning + log(tuning + 1)  # at the planned number
    assert half_width(2.0, 500, 500, 0.05) == pytest.approx(
        2 * sqrt((1 + 1 / x) * log((1 + x) / 0.05**2))
    )
    # wider than the interval of one look, narrowest near the planned number
    ratios = {n: half_width(1 / sqrt(n), n, 500, 0.05) * sqrt(n) / 1.96 for n in (5, 500, 50_000)}
    assert 1 < ratios[500] < min(ratios[5], ratios[50_000])
    assert half_width(nan, 10, 500, 0.05) == half_width(0.0, 10, 500, 0.05) == inf


def test_the_interval_of_a_random_walk_holds_at_every_look() -> None:
    rng = np.random.default_rng(0)
    paths = rng.normal(size=(2000, 200)).cumsum(axis=1)
    bounds = [half_width(1 / sqrt(n), n, 200, 0.1) * n for n in range(1, 201)]
    missed = (np.abs(paths) > bounds).any(axis=1).mean()
    assert missed <= 0.1
    assert (np.abs(paths) > 1.645 * np.sqrt(np.arange(1, 201))).any(axis=1).mean() > 0.4


@given(st.integers(0, 300), st.integers(0, 300), st.floats(0.05, 0.95))
def test_the_split_is_tested_by_the_bayes_factor(first: int, second: int, share: float) -> None:
    factor = betaln(1 + first, 1 + second) - first * log(share) - second * log(1 - share)
    expected = min(1.0, float(np.exp(-min(factor, 700))))
    found = split_p_value([first, second], [share, 1 - share])
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-290)


def test_the_split_alarm_needs_a_difference() -> None:
    assert split_p_value([5000, 5000], [0.5, 0.5]) == 1
    assert split_p_value([5300, 4700], [0.5, 0.5]) < 0.001
    assert split_p_value([100, 810, 90], [0.1, 0.8, 0.1]) > 0.05


def test_the_power_is_that_of_the_walk_and_more_shoppers_find_smaller_effects() -> None:
    assert crossing_shares(0.0, 28, 0.05)[-1] < 0.05
    assert crossing_shares(6.0, 28, 0.05)[-1] > 0.99
    found = shoppers_needed(0.2, 0.4, 0.1)
    assert found.power == pytest.approx(0.8, abs=0.01)
    assert found.fixed < found.shoppers < 2.5 * found.fixed
    assert found.half_after < found.shoppers
    # half the effect needs four times as many
    assert shoppers_needed(0.2, 0.4, 0.05).shoppers == pytest.approx(4 * found.shoppers, rel=1e-3)
    with pytest.raises(ConfigError, match="must be above 0"):
        shoppers_needed(0.0, 1.0, 0.1)
    with pytest.raises(ConfigError, match="and finite"):
        shoppers_needed(float("inf"), 1.0, 0.1)
    with pytest.raises(ConfigError, match="too small to be detected"):
        shoppers_needed(1e-9, 1e3, 0.0001)


@given(
    st.lists(st.integers(0, 9), unique=True, max_size=8),
    st.lists(st.integers(0, 9), unique=True, max_size=8),
    st.integers(0, 12),
    st.lists(st.booleans(), min_size=20, max_size=20),
)
def test_a_draft_takes_the_best_left_of_each_ranking(
    first: list[int], second: list[int], k: int, coins: list[bool]
) -> None:
    merged, teams = team_draft(first, second, k, str, lambda i: coins[i])
    assert len(merged) == len(teams) == min(k, len({*first, *second}))
    taken: set[int] = set()
    for product, team in zip(merged, teams, strict=True):
        left = [p for p in (first, second)[team] if p not in taken]
        assert product == left[0]
        taken.add(product)
    # after every round both have picked once, while both have products left
    for end in range(2, len(teams) + 1, 2):
        seen = set(merged[: end - 1])
        if set(first) - seen and set(second) - seen:
            assert sum(teams[:end]) == end // 2
