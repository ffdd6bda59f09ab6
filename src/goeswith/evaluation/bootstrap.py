"""Paired bootstrap over sources: is one model better than another?

Resample sources with replacement, compute both models' metric on the same resample, and look at
how the difference spreads (Efron and Tibshirani 1993, chapters 13 and 16).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goeswith.core.errors import GoesWithError
from goeswith.evaluation.metrics import Parts, PerSource


@dataclass(frozen=True)
class BootstrapResult:
    """One model minus another.

    Attributes:
        difference: of the metric, over all sources.
        low: lower end of the 95 % percentile interval of the difference.
        high: its upper end.
        p: two-sided p-value; 1 for identical models.
    """

    difference: float
    low: float
    high: float
    p: float


def paired_bootstrap(
    first: PerSource, second: PerSource, resamples: int = 2000, seed: int = 0
) -> BootstrapResult:
    """Compare two models by one metric, source by source.

    A source with several queries (of several seeds) is drawn with all of them.

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
    block = max(1, 2**22 // max(q, 1))
    samples = []
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        draws = rng.integers(q, size=(size, q)) + q * np.arange(size)[:, None]
        times = np.bincount(draws.ravel(), minlength=size * q).reshape(size, q)
        samples.append(_difference(times.astype(np.float64) @ parts))
    differences = np.concatenate(samples)
    low, high = np.quantile(differences, [0.025, 0.975])
    below, above = (differences <= 0).sum(), (differences >= 0).sum()
    return BootstrapResult(
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
