"""Is one model better than another? A paired bootstrap over sources.

Resample sources with replacement, compute both models' metric on the same resample, and look at
how the difference spreads (Efron and Tibshirani 1993, chapters 13 and 16).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goeswith.core.errors import GoesWithError
from goeswith.evaluation.metrics import Parts, PerSource


@dataclass(frozen=True)
class Comparison:
    """One model minus another.

    Attributes:
        difference: of the metric, over all sources.
        low: lower end of the 95 % percentile interval of the difference.
        high: its upper end.
        p: two-sided: how readily resampling alone turns the sign; 1 for identical models.
    """

    difference: float
    low: float
    high: float
    p: float


def paired_bootstrap(
    first: PerSource, second: PerSource, resamples: int = 2000, seed: int = 0
) -> Comparison:
    """Compare two models by one metric, source by source.

    A source that was asked several times (in several seeds) is drawn as a whole.

    Args:
        first: parts of the metric of one model.
        second: those of the other, for the same sources.
        resamples: how many.
        seed: the same seed gives the same result.

    Raises:
        GoesWithError: the two were not measured on the same sources.
    """
    if not np.array_equal(first.sources, second.sources):
        raise GoesWithError("a paired comparison needs both models measured on the same sources")
    # (q, 4): totals and weights of both, summed over the appearances of a source
    _, row = np.unique(first.sources, return_inverse=True)
    parts = np.column_stack(
        [
            np.bincount(row, values)
            for values in (first.totals, first.weights, second.totals, second.weights)
        ]
    )
    rng = np.random.default_rng(seed)
    q = len(parts)
    at_once = max(1, 2**22 // max(q, 1))
    drawn = []
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        picks = rng.integers(q, size=(size, q)) + q * np.arange(size)[:, None]
        times = np.bincount(picks.ravel(), minlength=size * q).reshape(size, q)
        drawn.append(_difference(times.astype(np.float64) @ parts))
    differences = np.concatenate(drawn)
    low, high = np.quantile(differences, [0.025, 0.975])
    below, above = (differences <= 0).sum(), (differences >= 0).sum()
    return Comparison(
        difference=float(_difference(parts.sum(axis=0))),
        low=float(low),
        high=float(high),
        p=float(min(1.0, 2 * (min(below, above) + 1) / (resamples + 1))),
    )


def _difference(sums: Parts) -> Parts:
    """(…, 4) sums of totals and weights -> (…,) difference of the two weighted means."""
    first = sums[..., 0] / np.maximum(sums[..., 1], 1e-12)
    second = sums[..., 2] / np.maximum(sums[..., 3], 1e-12)
    difference: Parts = first - second
    return difference
