from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from goeswith.relations.measures import (
    MEASURES,
    Z_95,
    association,
    shown_measures,
    wilson_lower,
)

# of 100 baskets 20 hold the source, 10 the target and 5 both
TABLE = (np.array([5.0]), np.array([20.0]), np.array([10.0]), 100.0)


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("count", 5.0),
        ("confidence", 0.25),
        ("confidence_lower", 0.11186),  # Wilson's 95 % lower bound of 5 / 20
        ("lift", 2.5),
        ("pmi", 0.9162907318741551),  # log 2.5
        ("pmi_lower", 0.07432),  # Wilson's 95 % lower bound of 5 / 100 is 0.021543
    ],
)
def test_a_measure_has_its_value_by_hand(measure, value):
    assert association(measure, *TABLE) == pytest.approx([value], rel=1e-3)


def test_every_measure_has_a_value_for_every_pair():
    for measure in MEASURES:
        found = association(measure, np.array([0.0, 1, 9]), np.ones(3) * 9, np.ones(3) * 9, 9.0)
        assert found.shape == (3,)
        assert np.isfinite(found).all()


@st.composite
def tables(draw):
    """Both, only source, only target, neither: a 2 x 2 table without an empty margin."""
    both, only_u, only_v, neither = (draw(st.integers(0, 5000)) for _ in range(4))
    return both + 1, only_u, only_v, neither + 1


@settings(max_examples=100, deadline=None)
@given(table=tables())
def test_llr_is_the_g_test_of_scipy_signed_by_the_direction_of_the_association(table):
    both, only_u, only_v, neither = table
    n_u, n_v, contexts = both + only_u, both + only_v, float(sum(table))
    expected = chi2_contingency(
        [[both, only_u], [only_v, neither]], correction=False, lambda_="log-likelihood"
    ).statistic
    found = association("llr", *(np.array([x]) for x in (both, n_u, n_v)), contexts)[0]
    assert abs(found) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    if expected > 1e-6:
        assert (found > 0) == (both * contexts > n_u * n_v)


@settings(max_examples=100, deadline=None)
@given(table=tables())
def test_the_lower_bound_of_pmi_lies_below_it_and_nears_it_with_evidence(table):
    both, only_u, only_v, neither = table

    def gap(times):
        counts = [np.array([times * x]) for x in (both, both + only_u, both + only_v)]
        contexts = float(times * (both + only_u + only_v + neither))
        pmi, lower = (association(m, *counts, contexts)[0] for m in ("pmi", "pmi_lower"))
        return pmi - lower

    assert 0 < gap(100) < gap(1)


def test_wilsons_bound_solves_its_own_equation():
    """The bound is the share p at which the observed one lies z standard errors above."""
    successes, trials = np.array([1.0, 7, 40]), np.array([10.0, 9, 400])
    p = wilson_lower(successes, trials)
    assert np.allclose((successes / trials - p) / np.sqrt(p * (1 - p) / trials), Z_95)
    assert pytest.approx(NormalDist().inv_cdf(0.975)) == Z_95


def test_a_share_of_nothing_has_no_lower_bound():
    assert wilson_lower(np.array([0.0]), np.array([0.0])).tolist() == [0]


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 10_000)), min_size=1, max_size=12),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 1.0, 977.25, 1e6]),
)
def test_the_measures_of_evidence_are_those_of_arrays_to_the_last_bit(pairs, n_u, contexts) -> None:
    counts, purchases = (np.array(column, dtype=np.float64) for column in zip(*pairs, strict=True))
    sources = np.full(len(pairs), float(n_u))
    expected = [
        association(name, counts, sources, purchases, contexts).tolist()
        for name in ("confidence", "lift", "pmi_lower")
    ]
    found = shown_measures(counts.tolist(), float(n_u), purchases.tolist(), contexts)
    assert found == list(zip(*expected, strict=True))
