"""Association measures of product pairs, beyond what their popularity explains.

For a pair in `n_uv` of `N` contexts (baskets, sessions, users), `n_u` of which hold the source
and `n_v` the target:

    confidence = n_uv / n_u                 P(target | source)
    confidence_lower                        lower Wilson bound of the share n_uv / n_u
    lift       = n_uv N / (n_u n_v)         1 where independent
    pmi        = log lift                   pointwise mutual information, nats
    pmi_lower  = log(w N^2 / (n_u n_v))     w: lower Wilson bound of n_uv / N
    llr        = 2 sum O log(O / E)         Dunning's G^2 of the 2 x 2 table, minus it where
                                            lift < 1
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

Measure: TypeAlias = Literal[
    "count", "confidence", "confidence_lower", "lift", "pmi", "pmi_lower", "llr"
]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
Counts: TypeAlias = npt.NDArray[Any]
"""Any float array; results are float64."""

Z_95: Final = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def wilson_lower(successes: Counts, trials: Counts | float, z: float = Z_95) -> Counts:
    """Lower end of Wilson's score interval for a share; 0 where there are no trials.

    >>> wilson_lower(np.array([1.0, 10.0, 100.0]), np.array([2.0, 20.0, 200.0])).round(3).tolist()
    [0.095, 0.299, 0.431]
    """
    n = np.maximum(np.asarray(trials, dtype=np.float64), 1e-12)
    share = np.asarray(successes, dtype=np.float64) / n
    centre = share + z**2 / (2 * n)
    spread = z * np.sqrt(np.maximum(share * (1 - share), 0) / n + z**2 / (4 * n**2))
    lower: Counts = np.maximum((centre - spread) / (1 + z**2 / n), 0)
    return np.where(np.asarray(trials) > 0, lower, 0.0)


def wilson_interval(
    successes: Counts, trials: Counts | float, z: float = Z_95
) -> tuple[Counts, Counts]:
    """Both ends of Wilson's score interval for a share; 0 and 1 where there are no trials.

    >>> low, high = wilson_interval(np.array([5.0]), np.array([10.0]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.237], [0.763])
    """
    failures = np.asarray(trials) - successes
    return wilson_lower(successes, trials, z), 1 - wilson_lower(failures, trials, z)


def lift_bounds(
    n_uv: Counts, n_u: Counts, n_v: Counts, contexts: float, z: float = Z_95
) -> tuple[Counts, Counts]:
    """Both ends of Wilson's interval for the share of contexts with a pair, as lifts.

    The contexts of each product are taken as exact: they are many where the pair is rare.

    >>> low, high = lift_bounds(np.array([2.0]), np.array([20.0]), np.array([2.0]), 100)
    >>> low.round(1).tolist(), high.round(1).tolist()
    ([1.4], [17.5])
    """
    expected = np.maximum(n_u * n_v / max(contexts, 1e-12), 1e-12)
    ends = wilson_interval(n_uv, contexts, z)
    lower, upper = (share * contexts / expected for share in ends)
    return lower, upper


def _xlogx_ratio(observed: Counts, expected: Counts) -> Counts:
    """O log(O / E), 0 where O is 0."""
    out: Counts = np.zeros_like(observed)
    seen = observed > 0
    out[seen] = observed[seen] * np.log(observed[seen] / np.maximum(expected[seen], 1e-300))
    return out


def association(  # noqa: PLR0911 - a formula each
    measure: Measure, n_uv: Counts, n_u: Counts, n_v: Counts, contexts: float
) -> Counts:
    """One measure for many pairs.

    Args:
        measure: a name of `MEASURES`.
        n_uv: (m,) contexts that hold both products.
        n_u: (m,) contexts that hold the source.
        n_v: (m,) contexts that hold the target.
        contexts: N, all contexts.

    Returns:
        (m,) float64.
    """
    n_uv, n_u, n_v = (np.asarray(x, dtype=np.float64) for x in (n_uv, n_u, n_v))
    if measure == "count":
        return n_uv
    if measure == "confidence":
        return n_uv / np.maximum(n_u, 1e-12)
    if measure == "confidence_lower":
        return wilson_lower(n_uv, n_u)
    expected = np.maximum(n_u * n_v / max(contexts, 1e-12), 1e-12)
    if measure == "lift":
        return n_uv / expected
    if measure == "pmi":
        return np.log(np.maximum(n_uv, 1e-12) / expected)
    if measure == "pmi_lower":
        lower = wilson_lower(n_uv, contexts) * contexts
        return np.log(np.maximum(lower, 1e-12) / expected)
    n_only_u = np.maximum(n_u - n_uv, 0)
    n_only_v = np.maximum(n_v - n_uv, 0)
    neither = np.maximum(contexts - n_u - n_v + n_uv, 0)
    g2 = 2 * (
        _xlogx_ratio(n_uv, expected)
        + _xlogx_ratio(n_only_u, n_u * (contexts - n_v) / contexts)
        + _xlogx_ratio(n_only_v, (contexts - n_u) * n_v / contexts)
        + _xlogx_ratio(neither, (contexts - n_u) * (contexts - n_v) / contexts)
    )
    signed: Counts = np.where(n_uv >= expected, g2, -g2)
    return signed


def shown_measures(
    n_uv: Sequence[float], n_u: float, n_v: Sequence[float], contexts: float
) -> list[tuple[float, float, float]]:
    """confidence, lift and pmi_lower of a few pairs of one source, as `association` has them.

    Plain numbers: each step of an array of ten takes longer than all ten.

    >>> [tuple(round(x, 2) for x in pair) for pair in shown_measures([10], 20.0, [50], 1000)]
    [(0.5, 10.0, 1.69)]
    """
    n, z2 = max(contexts, 1e-12), Z_95**2
    centre, variance, scale = z2 / (2 * n), z2 / (4 * n**2), 1 + z2 / n
    sources, sqrt = max(n_u, 1e-12), math.sqrt
    kept, found = [], []
    for count, purchases in zip(n_uv, n_v, strict=True):
        expected = n_u * purchases / n
        expected = max(expected, 1e-12)
        share = count / n
        spread = share * (1 - share)
        spread = Z_95 * sqrt((spread if spread > 0 else 0) / n + variance)
        lower = (share + centre - spread) / scale * contexts if contexts > 0 else 0.0
        kept.append((lower if lower > 1e-12 else 1e-12) / expected)
        found.append((count / sources, count / expected))
    logs = np.log(np.array(kept)).tolist()
    return [(*pair, log) for pair, log in zip(found, logs, strict=True)]
