"""Intervals of a weighted sum of rare events, such as clicks.

A few clicks with large weights make such a sum skewed: a normal interval, or a bootstrap, is too
low, because the rare click with a large weight has mostly not been seen. The interval of Fay and
Feuer (1997, "Confidence intervals for directly standardized rates: a method based on the gamma
distribution") adds one event to the upper end. They give that event the largest weight, which is
wide; here it has the mean weight of an event, each event weighted by its share in the variance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from goeswith.results.policies.column_checks import Floats

_NO_SPREAD: Final = 1e-6
"""Relative standard error, or degrees of freedom, below which an interval is a point."""


def heavy_weight(weights: Floats) -> float:
    """The mean of the weights, weighted by their squares."""
    squares = float((weights**2).sum())
    return float((weights**3).sum()) / squares if squares else 0.0


def value_interval(
    value: float, error: float, event: float | None, confidence: float
) -> tuple[float, float]:
    """An interval for a mean reward.

    Args:
        value: the estimate.
        error: its standard error.
        event: by how much one further event raises the estimate, for rewards that are not negative;
            None gives a normal interval.
        confidence: such as 0.95.
    """
    from scipy.stats import norm

    tail = (1 - confidence) / 2
    if event is None or not np.isfinite(error):
        half = float(norm.ppf(1 - tail)) * error
        return value - half, value + half
    center = max(value, 0.0)
    low, _ = _gamma_ends(center, error**2, tail)
    _, high = _gamma_ends(center + event, error**2 + event**2, tail)
    return low, max(high, center)


def _gamma_ends(mean: float, variance: float, tail: float) -> tuple[float, float]:
    """Both ends of a gamma distribution of a mean and a variance."""
    from scipy.stats import chi2

    if mean <= 0 or variance <= (_NO_SPREAD * mean) ** 2:
        return mean, mean
    degrees, scale = 2 * mean**2 / variance, variance / (2 * mean)
    if degrees < _NO_SPREAD:  # nearly all of the distribution is at 0
        return 0.0, 0.0
    return scale * float(chi2.ppf(tail, degrees)), scale * float(chi2.ppf(1 - tail, degrees))
