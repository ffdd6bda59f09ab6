"""Intervals and alarms that hold at every look, however often you look.

Intervals: asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas,
"Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 2024,
theorem 2.2). With the standard error s of n observations, x = n rho^2, the interval is

    estimate +- s * sqrt((1 + 1/x) * log((1 + x) / alpha^2))

It is the mixture sequential probability ratio test with a normal mixture (Robbins 1970). rho is
chosen so that the interval is narrowest at a planned number of observations (their appendix B.2).

Split: the Bayes factor of a multinomial against a flat Dirichlet prior (Lindon and Malek,
"Anytime-valid inference for multinomial count data", NeurIPS 2022, equation 4). Under the planned
shares it exceeds 1/alpha at any time with probability alpha at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, lgamma, log, sqrt


def half_width(error: float, n: float, planned: float, alpha: float) -> float:
    """Half the width of the sequential interval.

    Args:
        error: standard error of the estimate; nan or 0 gives an infinite interval.
        n: number of observations, at least 1.
        planned: number of observations at which the interval is narrowest.
        alpha: probability that the interval ever misses the truth.
    """
    if not error > 0 or n <= 0:
        return inf
    tuning = -2 * log(alpha)
    x = n * (tuning + log(tuning + 1)) / planned
    return error * sqrt((1 + 1 / x) * log((1 + x) / alpha**2))


def split_p_value(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Sequential p-value of the hypothesis that units are split by these shares.

    Args:
        counts: units of each group.
        shares: planned share of each group, positive, with the sum 1.
    """
    n, groups = sum(counts), len(counts)
    log_factor = lgamma(groups) - lgamma(groups + n) + sum(lgamma(1 + c) for c in counts)
    log_factor -= sum(c * log(share) for c, share in zip(counts, shares, strict=True))
    return min(1.0, exp(-log_factor)) if log_factor > 0 else 1.0
