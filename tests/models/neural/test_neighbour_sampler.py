"""Sampled neighbours are real, distinct, as many as there are, and every one as likely."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goeswith.models.neural.neighbour_sampler import sample_neighbours
from goeswith.relations.relation import csr


def star(degree: int) -> np.ndarray:
    return csr(degree + 1, np.zeros(degree), np.arange(1, degree + 1), np.ones(degree))


@given(st.integers(0, 12), st.integers(1, 8), st.integers(0, 5))
def test_neighbours_are_real_and_distinct_and_padded_at_the_end(
    degree: int, fan_out: int, seed: int
) -> None:
    rows = np.array([0, degree, 0], dtype=np.int32)
    got = sample_neighbours(star(degree), rows, fan_out, np.random.default_rng(seed))
    assert got.shape == (3, fan_out)
    assert got.dtype == np.int32
    for row, neighbours in zip(rows, got.tolist(), strict=True):
        count = min(fan_out, degree if row == 0 else 0)
        assert neighbours[count:] == [-1] * (fan_out - count)
        assert len(set(neighbours[:count])) == count
        assert all(1 <= v <= degree for v in neighbours[:count])


def test_every_neighbour_is_as_likely_as_another() -> None:
    rows = np.zeros(20_000, dtype=np.int32)
    got = sample_neighbours(star(6), rows, 3, np.random.default_rng(0))
    shares = np.bincount(got.ravel(), minlength=7)[1:] / len(rows)
    np.testing.assert_allclose(shares, 0.5, atol=0.02)


def test_the_same_seed_draws_the_same_neighbours() -> None:
    rows = np.zeros(50, dtype=np.int32)
    first, second, other = (
        sample_neighbours(star(40), rows, 5, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_no_rows_give_no_neighbours() -> None:
    none = np.array([], dtype=np.int32)
    assert sample_neighbours(star(3), none, 4, np.random.default_rng(0)).shape == (0, 4)
