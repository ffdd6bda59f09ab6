"""Estimates of a policy's value: IPS, SNIPS and DR, position-based or cascade, with intervals.

With weights w = p_evaluated / p_logged and rewards r of the ranks k of an answer:

- position-based (Li et al. 2018, "Offline evaluation of ranking policies with click models"): a
  product's reward depends on its rank alone; value = mean over answers of sum_k w_k r_k.
- cascade (McInerney et al. 2020, "Counterfactual evaluation of slate recommendations with
  sequential reward interactions"): it depends on the products above it too; w_k is replaced by
  w_1 ... w_k of probabilities given the products above. There is no DR of it here.
- SNIPS (Swaminathan and Joachims 2015) divides by the sum of the weights of each rank.
- DR (Dudík et al. 2011): expected reward of the policy + w (r - expected reward of the shown).

Standard errors are of the linearised estimate, over independent units. `weighted_rate.py` has the
intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from goeswith.core.errors import ConfigError
from goeswith.results.policies.overlap import Overlap, measure_overlap, refuse_small_overlap
from goeswith.results.policies.reward_model import RewardModelName, expected_rewards
from goeswith.results.policies.weighted_rate import heavy_weight, value_interval

if TYPE_CHECKING:
    from goeswith.results.policies.column_checks import Floats
    from goeswith.results.policies.policy_log import PolicyLog

Interaction = Literal["position", "cascade"]


@dataclass(frozen=True)
class ValueEstimate:
    """The value of a policy: expected reward of an answer.

    Attributes:
        estimator: logged (value of the logging policy), ips, snips or dr.
        value: the estimate.
        error: its standard error.
        low, high: ends of the interval.
    """

    estimator: str
    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class PolicyEvaluation:
    """Estimates and diagnostics.

    Attributes:
        estimates: logging policy first.
        overlap: diagnostics of the weights.
        confidence: of the intervals.
    """

    estimates: list[ValueEstimate]
    overlap: Overlap
    confidence: float


def evaluate_policy(
    log: PolicyLog,
    *,
    interaction: Interaction = "position",
    reward_model: RewardModelName | None = "linear",
    confidence: float = 0.95,
    min_effective: float = 100,
    max_unsupported: float = 0.05,
    seed: int = 0,
) -> PolicyEvaluation:
    """Estimate what the evaluated policy would have earned.

    Args:
        log: rows with rewards, propensities and the probabilities of the evaluated policy.
        interaction: whether a reward depends on the rank alone or on the products above it too.
        reward_model: for DR, which needs the policy as a table and `position`; None leaves DR out.
        confidence: of the intervals.
        min_effective: smallest effective sample size.
        max_unsupported: largest share of the policy that the log never shows.
        seed: of the folds of the reward model.

    Raises:
        DataError: there is too little overlap.
        ConfigError: `interaction` is cascade and the log has no slates.
    """
    if interaction == "cascade" and log.columns.slate is None:
        raise ConfigError("the cascade estimator needs the column of the slates (--slate)")
    weights = log.weights if interaction == "position" else _cascade_weights(log)
    overlap = measure_overlap(log, _diagnosed(log, weights, interaction))
    refuse_small_overlap(overlap, min_effective, max_unsupported)
    terms: dict[str, Floats] = {"logged": log.reward, "ips": weights * log.reward}
    if reward_model is not None and log.policy is not None and interaction == "position":
        shown, expected = expected_rewards(log, reward_model, seed)
        terms["dr"] = expected + weights * (log.reward - shown)
    units = _UnitSums(log, weights)
    event = None
    if log.reward.min() >= 0:
        event = heavy_weight(weights) * float(log.reward.max()) / units.slates
    estimates = []
    for name in ("logged", "ips", "snips", "dr"):
        if name != "snips" and name not in terms:
            continue
        value, error = units.ratio() if name == "snips" else units.mean(terms[name])
        top = event
        if name == "logged" and event is not None:
            top = float(log.reward.max()) / units.slates
        low, high = value_interval(value, error, top, confidence)
        estimates.append(ValueEstimate(name, value, error, low, high))
    return PolicyEvaluation(estimates, overlap, confidence)


def _cascade_weights(log: PolicyLog) -> Floats:
    """(n,) the product of the weights of a row and of the rows above it in its slate."""
    rank = log.frame[log.columns.rank]
    weights = log.target / log.conditional
    rows = pl.DataFrame({"slate": log.slate, "rank": rank, "weight": weights})
    running = pl.col("weight").cum_prod().over("slate", order_by="rank")
    products: Floats = rows.select(running)["weight"].to_numpy()
    return products


def _diagnosed(log: PolicyLog, weights: Floats, interaction: Interaction) -> Floats:
    """The weights to diagnose: all, or of a cascade those of the last rank of each slate."""
    if interaction == "position":
        return weights
    order = np.lexsort((log.frame[log.columns.rank].to_numpy(), log.slate))
    last = np.append(log.slate[order][1:] != log.slate[order][:-1], True)
    diagnosed: Floats = weights[order[last]]
    return diagnosed


class _UnitSums:
    """Means over answers, with standard errors over independent units.

    Attributes:
        slates: number of answers.
    """

    def __init__(self, log: PolicyLog, weights: Floats) -> None:
        self._unit, self._weights, self._reward = log.unit, weights, log.reward
        first = np.zeros(len(log.unit), dtype=bool)
        first[np.unique(log.slate, return_index=True)[1]] = True
        self._slates = np.bincount(log.unit, first)
        self.slates = int(first.sum())
        self._rank = np.zeros(len(log.unit), dtype=np.int64)
        if log.columns.slate is not None:
            ranks = log.frame[log.columns.rank].to_numpy()
            self._rank = np.unique(ranks, return_inverse=True)[1]

    def mean(self, terms: Floats) -> tuple[float, float]:
        """The sum of the terms (n,) an answer, and its standard error."""
        value = float(terms.sum()) / self.slates
        return value, self._error(terms, value)

    def ratio(self) -> tuple[float, float]:
        """SNIPS: at each rank the weighted mean reward, times the rank's rows an answer."""
        total = np.bincount(self._rank, self._weights)
        rows = np.bincount(self._rank)
        reward = np.bincount(self._rank, self._weights * self._reward)
        mean = np.divide(reward, total, out=np.zeros_like(total), where=total > 0)
        scale = np.divide(rows, total, out=np.zeros_like(total), where=total > 0)
        value = float((mean * rows).sum()) / self.slates
        residual = self._weights * (self._reward - mean[self._rank]) * scale[self._rank]
        return value, self._error(residual + mean[self._rank], value)

    def _error(self, terms: Floats, value: float) -> float:
        """Standard error of a mean whose linearised terms (n,) add up to it."""
        influence = (np.bincount(self._unit, terms) - value * self._slates) / self.slates
        n = len(influence)
        return float(np.sqrt((influence**2).sum() * n / (n - 1))) if n > 1 else np.inf
