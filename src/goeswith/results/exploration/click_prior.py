"""The prior of the click rates of a shop, learned from all of them.

The click rate of each arm is a draw from one Beta distribution, and its clicks a binomial draw
(empirical Bayes; Casella, The American Statistician 1985). Where the arms hardly differ, the
distribution is narrow, and what a few of them got by chance counts little: comparisons of many arms
with one need no other correction (Gelman, Hill and Yajima, JREE 2012).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, gammaln, logit

PRIOR_IMPRESSIONS: Final = 30.0
"""Weight of the prior before the clicks say otherwise, in examined impressions."""
_SPREAD: Final = 0.5
"""Standard deviation of the logarithm of the weight, before the clicks."""
_WEIGHTS: Final = (3.0, 1e5)
"""Smallest and largest weight."""
_MAX_MEAN: Final = 0.5
_MAX_ARMS: Final = 20_000
"""Arms that the prior is learned from."""

Floats = npt.NDArray[np.float64]


class ClickPrior(NamedTuple):
    """Every arm starts with so many examined impressions, clicked at this rate."""

    mean: float
    weight: float = PRIOR_IMPRESSIONS

    def posterior(self, clicks: Floats, examined: Floats) -> tuple[Floats, Floats]:
        """Parameters of the Beta posterior of each arm."""
        before = self.weight * self.mean
        return clicks + before, np.maximum(examined - clicks, 0) + self.weight - before


def fit_prior(clicks: Floats, examined: Floats) -> ClickPrior:
    """The prior with the largest posterior probability.

    Args:
        clicks: (n,) of each arm.
        examined: (n,) examined impressions.
    """
    from scipy.optimize import minimize  # slow to import

    used = np.flatnonzero(examined > 0)
    if len(used) > _MAX_ARMS:
        used = np.random.default_rng(0).choice(used, _MAX_ARMS, replace=False)
    clicks, examined = clicks[used], np.maximum(examined, clicks)[used]
    # within (0, 1), so that every posterior is proper
    mean = float(np.clip(clicks.sum() / max(examined.sum(), 1.0), 1e-4, _MAX_MEAN))
    start = np.array([logit(mean), np.log(PRIOR_IMPRESSIONS)])

    def loss(at: Floats) -> float:
        weight = np.exp(at[1])
        alpha = weight * expit(at[0])
        beta = weight - alpha
        likelihood = gammaln(clicks + alpha) + gammaln(examined - clicks + beta)
        likelihood -= gammaln(examined + weight)
        likelihood += gammaln(weight) - gammaln(alpha) - gammaln(beta)
        return float(((at[1] - start[1]) / _SPREAD) ** 2 / 2 - likelihood.sum())

    bounds = [(logit(1e-4), logit(_MAX_MEAN)), tuple(np.log(_WEIGHTS))]
    found = minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    return ClickPrior(float(expit(found[0])), float(np.exp(found[1])))
