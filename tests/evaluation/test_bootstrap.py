import numpy as np
import pytest

from goeswith.core.errors import GoesWithError
from goeswith.evaluation.bootstrap import paired_bootstrap
from goeswith.evaluation.metrics import PerSource


def measured(values, sources=None):
    values = np.asarray(values, dtype=float)
    at = np.arange(len(values)) if sources is None else np.asarray(sources)
    return PerSource(at, values, np.ones(len(values)))


@pytest.fixture
def values():
    return np.random.default_rng(0).random(300)


def test_a_model_does_not_differ_from_itself(values):
    same = paired_bootstrap(measured(values), measured(values))
    assert (same.difference, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_a_model_that_is_better_everywhere_is_better_beyond_doubt(values):
    better = paired_bootstrap(measured(values + 0.1), measured(values), resamples=1000)
    assert better.difference == pytest.approx(0.1)
    assert better.low == pytest.approx(0.1)
    assert better.p == pytest.approx(2 / 1001)


def test_noise_is_not_a_difference(values):
    noise = np.random.default_rng(1).normal(0, 0.2, len(values))
    noise -= noise.mean()
    compared = paired_bootstrap(measured(values + noise), measured(values))
    assert compared.low < 0 < compared.high
    assert compared.p > 0.5


def test_the_interval_is_about_two_standard_errors_wide(values):
    noise = np.random.default_rng(2).normal(0.3, 0.2, len(values))
    compared = paired_bootstrap(measured(values + noise), measured(values), resamples=4000)
    error = noise.std() / np.sqrt(len(noise))
    assert compared.high - compared.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_turning_the_comparison_round_turns_the_sign(values):
    other = np.roll(values, 1)
    there = paired_bootstrap(measured(values + 0.02), measured(other), seed=3)
    back = paired_bootstrap(measured(other), measured(values + 0.02), seed=3)
    assert there.difference == pytest.approx(-back.difference)
    assert there.low == pytest.approx(-back.high)
    assert there.p == back.p


def test_a_source_queried_in_several_seeds_is_drawn_as_a_whole(values):
    noise = np.random.default_rng(4).normal(0, 0.2, len(values))
    once = paired_bootstrap(measured(values + noise), measured(values), seed=5)
    sources = np.tile(np.arange(len(values)), 4)
    fourfold = paired_bootstrap(
        measured(np.tile(values + noise, 4), sources),
        measured(np.tile(values, 4), sources),
        seed=5,
    )
    # four copies of the same answers are no more evidence than one
    assert (fourfold.low, fourfold.high) == pytest.approx((once.low, once.high))


def test_the_same_seed_gives_the_same_interval(values):
    one, two = (
        paired_bootstrap(measured(values), measured(np.roll(values, 3)), seed=7) for _ in range(2)
    )
    assert one == two


def test_models_measured_on_different_sources_are_not_compared(values):
    with pytest.raises(GoesWithError, match="same sources"):
        paired_bootstrap(measured(values), measured(values, np.arange(len(values)) + 1))
