"""Clicks of pairs: smoothed evidence, labels of sure pairs, halves that add up."""

from __future__ import annotations

import numpy as np
import pytest

from goeswith.features.pair_clicks import CLICK_RATIO, PairClicks, padded

ROWS = np.array([0, 0, 1], np.int32)
CLICKS = PairClicks(
    4, ROWS, np.array([1, 2, 3], np.int32), np.array([40.0, 1.0, 4.0]),
    np.array([20.0, 0.5, 8.0]), np.array([4.0, 0.0, 1.0]), np.array([2.0, 0.1, 1.0]),
)  # fmt: skip


def test_evidence_is_the_smoothed_ratio() -> None:
    found = CLICKS.evidence()[CLICK_RATIO]
    assert found[0, 1] == pytest.approx(np.log(42 / 22))
    assert found[0, 2] == pytest.approx(np.log(3 / 2.5))  # twice the expectation, of one click
    assert found[1, 3] == pytest.approx(np.log(6 / 10))
    assert found[1, 0] == 0


def test_only_sure_pairs_are_labels() -> None:
    assert CLICKS.labels().nonzero()[1].tolist() == [1]


def test_halves_share_no_click() -> None:
    one, other = CLICKS.split(np.random.default_rng(0))
    assert (one.clicks + other.clicks == CLICKS.clicks).all()
    assert (one.attached + other.attached == CLICKS.attached).all()
    assert (one.expected_clicks * 2 == CLICKS.expected_clicks).all()
    assert 8 < one.clicks[0] < 32


def test_new_products_have_no_evidence() -> None:
    grown = padded({**CLICKS.evidence(), "count": CLICKS.labels()}, 6)
    assert sorted(grown) == ["attach_ratio", "click_ratio"]
    assert grown[CLICK_RATIO].shape == (6, 6)
    assert grown[CLICK_RATIO][0, 1] == pytest.approx(np.log(42 / 22))
