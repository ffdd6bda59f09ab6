"""With which probability a learner shows each candidate.

Thompson sampling (Thompson 1933; Chapelle and Li, NIPS 2011, algorithm 1) draws a click rate of
each candidate from its Beta posterior and shows the largest. The probability of each candidate is
computed, not sampled, and the choice is drawn from these: the same choices, with a propensity that
is exact up to the error of the quadrature.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv

Learner: TypeAlias = Literal["epsilon", "thompson"]
Floats: TypeAlias = npt.NDArray[np.float64]

EPSILON: Final = 0.1
"""Share of uniform choices of the learner `epsilon`."""
SURE: Final = 0.95
"""Probability from which a product is shown to all shoppers."""
MIN_CLICKS: Final = 1.5
"""Clicks from which a product can be shown to all shoppers. One shopper has one at most."""
_TAIL: Final = np.array([1e-9, 1e-6, 1e-4, 2e-3])
_QUANTILES: Final = np.concatenate([_TAIL, np.linspace(0.01, 0.99, 50), 1 - _TAIL[::-1]])
"""Of each posterior; together they are the grid of the quadrature."""
_MAX_GRID: Final = 400
"""Points of the grid."""


def choice_probabilities(
    learner: Learner, alpha: Floats, beta_: Floats, *, epsilon: float = EPSILON
) -> Floats:
    """(n,) probability of each of n candidates.

    Args:
        learner: epsilon shows the candidate with the largest mean, and any in a share of its
            choices; thompson draws from the posterior.
        alpha: (n,) first parameter of the Beta posterior of the click rate of each, above 0.
        beta_: (n,) second parameter, above 0.
        epsilon: share of uniform choices of the learner epsilon.
    """
    if learner == "thompson":
        return _largest(alpha, beta_)
    probabilities = np.full(len(alpha), epsilon / len(alpha))
    probabilities[np.argmax(alpha / (alpha + beta_))] += 1 - epsilon
    return probabilities


def _largest(alpha: Floats, beta_: Floats) -> Floats:
    """Probability that the draw of each is the largest: sum over a grid of dF_i * prod_j!=i F_j."""
    grid = np.unique(betaincinv(alpha, beta_, _QUANTILES[:, None]))
    if len(grid) > _MAX_GRID:
        grid = grid[np.linspace(0, len(grid) - 1, _MAX_GRID).astype(int)]
    shares = betainc(alpha, beta_, grid[:, None])
    below = np.log(np.clip((shares[1:] + shares[:-1]) / 2, 1e-300, None))
    inside = np.diff(shares, axis=0)
    others = np.exp(below.sum(axis=1, keepdims=True) - below)
    probabilities = (inside * others).sum(axis=0)
    total = probabilities.sum()
    return probabilities / total if total > 0 else np.full(len(alpha), 1 / len(alpha))


def surely_better(alpha: Floats, beta_: Floats, clicks: Floats) -> int:
    """The candidate to show to all shoppers; 0, the usual one, unless another is surely better.

    That is the one with the largest mean of those that have enough clicks and whose click rate is
    above that of the first one with a probability of 95 %. The prior corrects for the number of
    candidates: see `click_prior`.

    Args:
        alpha: (n,) first parameter of the Beta posterior of the click rate of each.
        beta_: (n,) second parameter.
        clicks: (n,) of each.
    """
    mean = alpha / (alpha + beta_)
    better = np.flatnonzero((clicks >= MIN_CLICKS) & (mean > mean[0]))
    for one in better[np.argsort(-mean[better], kind="stable")].tolist():
        if _largest(alpha[[0, one]], beta_[[0, one]])[1] >= SURE:
            return int(one)
    return 0


def draw(probabilities: Floats, at: float) -> int:
    """The candidate at a number from 0 to 1; never one with the probability 0."""
    index = int(np.searchsorted(np.cumsum(probabilities), at, side="right"))
    return min(index, int(np.flatnonzero(probabilities)[-1]))
