"""Estimates of a policy's value against the truth of a simulated log."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import ConfigError, DataError
from goeswith.results.policies.log_columns import LogColumns
from goeswith.results.policies.policy_log import PolicyLog, make_policy_log
from goeswith.results.policies.policy_value import PolicyEvaluation, evaluate_policy
from goeswith.results.policies.weighted_rate import heavy_weight, value_interval

LOGGED = np.array([0.4, 0.3, 0.2, 0.1])
EVALUATED = np.array([0.1, 0.1, 0.3, 0.5])
CLICKS = np.array([0.05, 0.1, 0.2, 0.3])
POLICY = pl.DataFrame({"product_id": list("abcd"), "probability": EVALUATED})
TRUTH = float(EVALUATED @ CLICKS)


def simulated(n: int = 4000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    shown = rng.choice(4, n, p=LOGGED)
    return pl.DataFrame(
        {
            "product_id": np.array(list("abcd"))[shown],
            "reward": (rng.random(n) < CLICKS[shown]).astype(float),
            "propensity": LOGGED[shown],
        }
    )


def by_name(evaluation: PolicyEvaluation) -> dict[str, float]:
    return {estimate.estimator: estimate.value for estimate in evaluation.estimates}


def test_estimates_equal_their_definitions() -> None:
    frame = simulated(500)
    log = make_policy_log(frame, LogColumns(), POLICY)
    found = by_name(evaluate_policy(log))
    ratio = dict(zip("abcd", EVALUATED / LOGGED, strict=True))
    w = np.array([ratio[product] for product in frame["product_id"]])
    r = frame["reward"].to_numpy()
    assert found["logged"] == pytest.approx(r.mean())
    assert found["ips"] == pytest.approx((w * r).mean())
    assert found["snips"] == pytest.approx((w * r).sum() / w.sum())
    assert list(found) == ["logged", "ips", "snips", "dr"]


@pytest.mark.parametrize("model", ["linear", "trees"])
def test_the_intervals_hold_the_truth(model: str) -> None:
    held: dict[str, list[bool]] = {}
    for seed in range(10 if model == "linear" else 1):
        log = make_policy_log(simulated(1500, seed), LogColumns(), POLICY)
        for estimate in evaluate_policy(log, reward_model=model).estimates[1:]:
            held.setdefault(estimate.estimator, []).append(estimate.low <= TRUTH <= estimate.high)
            assert estimate.value == pytest.approx(TRUTH, abs=0.08)
    assert set(held) == {"ips", "snips", "dr"}
    assert all(np.mean(values) >= 0.7 for values in held.values())


def test_dr_is_right_where_the_propensities_are_wrong_but_the_model_is_right() -> None:
    wrong = simulated().with_columns(pl.col("propensity") * 0 + 0.25)
    log = make_policy_log(wrong, LogColumns(), POLICY)
    found = by_name(evaluate_policy(log, max_unsupported=1))
    assert abs(found["dr"] - TRUTH) < 0.02 < abs(found["ips"] - TRUTH)


def test_contexts_select_the_probabilities() -> None:
    frame = simulated(800).with_columns(pl.Series("source", ["x", "y"] * 400))
    policy = pl.DataFrame({"source": ["x", "y"], "target_id": ["d", "a"], "score": [0.3, 0.4]})
    log = make_policy_log(frame, LogColumns(context=("source",)), policy)
    assert log.keys == ("product_id", "source")
    shown = (frame["product_id"] == "d") & (frame["source"] == "x")
    shown |= (frame["product_id"] == "a") & (frame["source"] == "y")
    assert (log.target == shown.to_numpy()).all()
    truth = (CLICKS[3] + CLICKS[0]) / 2
    assert by_name(evaluate_policy(log))["dr"] == pytest.approx(truth, abs=0.06)


def slates(n: int) -> tuple[pl.DataFrame, float]:
    """Two ranks without repetition; a click below needs a click above. Evaluated: d, then c."""
    rng = np.random.default_rng(3)
    orders = list(permutations(range(4), 2))
    chances = np.array([LOGGED[a] * LOGGED[b] / (1 - LOGGED[a]) for a, b in orders])
    marginal = np.array(
        [sum(chances[i] for i, o in enumerate(orders) if o[1] == b) for b in range(4)]
    )
    rows = []
    for slate in range(n):
        a, b = orders[rng.choice(len(orders), p=chances)]
        top = rng.random() < CLICKS[a]
        below = top and rng.random() < 0.5 + CLICKS[b]
        rows += [
            ("abcd"[a], 1, float(top), LOGGED[a], LOGGED[a], slate, float(a == 3)),
            ("abcd"[b], 2, float(below), marginal[b], LOGGED[b] / (1 - LOGGED[a]), slate,
             float(b == 2)),
        ]  # fmt: skip
    names = ["product_id", "rank", "reward", "propensity", "conditional_propensity", "slate"]
    frame = pl.DataFrame(rows, schema=[*names, "target_probability"], orient="row")
    return frame, CLICKS[3] + CLICKS[3] * (0.5 + CLICKS[2])


def test_the_cascade_estimator_sees_that_a_click_depends_on_the_products_above() -> None:
    frame, truth = slates(6000)
    log = make_policy_log(frame, LogColumns(slate="slate"))
    cascade = evaluate_policy(log, interaction="cascade").estimates[1]
    position = evaluate_policy(log).estimates[1]
    assert cascade.estimator == position.estimator == "ips"
    assert cascade.low <= truth <= cascade.high
    assert abs(position.value - truth) > 0.1  # blind to it


def test_units_that_depend_on_each_other_widen_the_interval() -> None:
    frame = simulated(1000)
    fourfold = pl.concat([frame] * 4).with_columns(pl.Series("user", list(range(1000)) * 4))
    alone = evaluate_policy(make_policy_log(fourfold, LogColumns(), POLICY)).estimates[1]
    units = make_policy_log(fourfold, LogColumns(unit="user"), POLICY)
    together = evaluate_policy(units).estimates[1]
    assert together.value == pytest.approx(alone.value)
    assert together.error == pytest.approx(2 * alone.error, rel=0.01)


def test_features_of_products_reach_a_product_that_was_rarely_shown() -> None:
    features = pl.DataFrame({"product_id": list("abcd"), "price": CLICKS})
    log = make_policy_log(simulated(), LogColumns(), POLICY, features)
    assert by_name(evaluate_policy(log))["dr"] == pytest.approx(TRUTH, abs=0.03)


@pytest.mark.parametrize(
    ("log", "policy", "message"),
    [
        (simulated(), pl.DataFrame({"product_id": ["d"]}), None),
        (simulated(60), POLICY, "effective sample of"),
        (simulated(), pl.DataFrame({"product_id": ["z"]}), "none of the products"),
        (
            simulated(),
            pl.DataFrame({"product_id": ["a", "z"], "probability": [0.9, 0.1]}),
            "10.0% of what the evaluated policy shows was never shown",
        ),
        (
            simulated().with_columns(pl.col("propensity") / 2),
            POLICY,
            "the propensities are too small",
        ),
    ],
)
def test_too_little_overlap_is_refused(
    log: pl.DataFrame, policy: pl.DataFrame, message: str | None
) -> None:
    checked: PolicyLog = make_policy_log(log, LogColumns(), policy)
    if message is None:
        assert evaluate_policy(checked).overlap.effective == (log["product_id"] == "d").sum()
        return
    with pytest.raises(DataError, match=message):
        evaluate_policy(checked)


def test_the_cascade_needs_slates() -> None:
    with pytest.raises(ConfigError, match="--slate"):
        evaluate_policy(make_policy_log(simulated(), LogColumns(), POLICY), interaction="cascade")


@given(
    value=st.floats(0, 1e3),
    error=st.floats(0, 1e3),
    event=st.floats(0, 1e3),
    confidence=st.floats(0.5, 0.99),
)
def test_an_interval_holds_its_estimate(
    value: float, error: float, event: float, confidence: float
) -> None:
    low, high = value_interval(value, error, event, confidence)
    assert 0 <= low <= value * (1 + 1e-9) <= high * (1 + 1e-8) + 1e-300


def test_an_interval_of_plain_counts_is_that_of_a_poisson_count() -> None:
    # Garwood (1936): 3 events, 95 %
    low, high = value_interval(3, 3**0.5, 1, 0.95)
    assert (low, high) == pytest.approx((0.6187, 8.7673), abs=1e-4)
    assert value_interval(0, 0, 1, 0.95) == pytest.approx((0, 3.6889), abs=1e-4)
    assert heavy_weight(np.ones(5)) == 1
