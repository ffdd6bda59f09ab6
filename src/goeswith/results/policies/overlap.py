"""Overlap: how much of what the evaluated policy shows was shown by the logging policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from goeswith.core.errors import DataError
from goeswith.results.policies.policy_table import PROBABILITY

if TYPE_CHECKING:
    from goeswith.results.policies.column_checks import Floats
    from goeswith.results.policies.policy_log import PolicyLog

_ERRORS: Final = 4.0
"""Standard errors from which a mean weight differs from 1 by more than chance."""


@dataclass(frozen=True)
class Overlap:
    """Diagnostics of importance weights.

    Attributes:
        rows: shown products.
        slates: answers.
        matched: share of rows that the evaluated policy can show.
        effective: effective sample size, (sum of weights)^2 / sum of squared weights (Kish), in
            rows; for the cascade estimator, in slates at the last rank.
        max_weight: largest weight.
        mean_weight: 1 where propensities and overlap are complete.
        mean_weight_error: its standard error.
        unsupported: share of what the evaluated policy shows that the log never shows.
    """

    rows: int
    slates: int
    matched: float
    effective: float
    max_weight: float
    mean_weight: float
    mean_weight_error: float
    unsupported: float


def measure_overlap(log: PolicyLog, weights: Floats) -> Overlap:
    """Diagnostics of a log for some weights (n,), one a row or, of a cascade, one a slate."""
    total, squares = float(weights.sum()), float((weights**2).sum())
    mean = float(weights.mean())
    error = float(weights.std(ddof=1) / np.sqrt(len(weights))) if len(weights) > 1 else np.inf
    shortfall = 1 - mean if 1 - mean > _ERRORS * error else 0.0
    return Overlap(
        rows=len(log.reward),
        slates=int(log.slate.max()) + 1,
        matched=float((log.target > 0).mean()),
        effective=total**2 / squares if squares else 0.0,
        max_weight=float(weights.max()),
        mean_weight=mean,
        mean_weight_error=error,
        unsupported=max(shortfall, _never_shown(log)),
    )


def _never_shown(log: PolicyLog) -> float:
    """Share of the policy's probability, in the contexts of the log, on what was never shown."""
    if log.policy is None:
        return 0.0
    keys, product = list(log.keys), log.columns.product
    rest = [key for key in keys if key != product]
    logged = log.frame.select(keys).unique()
    missing = log.policy.join(logged, on=keys, how="anti")
    probability = pl.col(PROBABILITY).sum()
    if not rest:
        return float(missing[PROBABILITY].sum())
    sums = missing.group_by(rest).agg(probability)
    found = log.frame.select(rest).join(sums, on=rest, how="left")[PROBABILITY].fill_null(0.0)
    return float(found.sum()) / log.frame.height


def refuse_small_overlap(overlap: Overlap, min_effective: float, max_unsupported: float) -> None:
    """Refuse a log that cannot say what the evaluated policy would earn.

    Raises:
        DataError: gives the diagnostic, its limit and the remedy.
    """
    o = overlap
    if not o.matched:
        raise DataError(
            "the evaluated policy shows none of the products of the log at their ranks; check that "
            "both have the same product ids and ranks, and that they have the same context columns"
        )
    if o.mean_weight - 1 > max(_ERRORS * o.mean_weight_error, 0.05):
        raise DataError(
            f"the mean weight is {o.mean_weight:.3f} ± {o.mean_weight_error:.3f} where 1 is "
            "expected: the propensities are too small, or are not those of the logging policy at "
            "this rank; correct them"
        )
    if o.unsupported > max_unsupported:
        raise DataError(
            f"too little overlap: {o.unsupported:.1%} of what the evaluated policy shows was never "
            f"shown in the log (limit {max_unsupported:.1%}), and its reward is unknown; log with "
            "exploration, evaluate a policy closer to the logging one, or raise --max-unsupported "
            "to count it as no reward"
        )
    if o.effective < min_effective:
        raise DataError(
            f"too little overlap: an effective sample of {o.effective:,.0f} of {o.rows:,} rows "
            f"(limit {min_effective:,.0f}); log longer or with more exploration, evaluate a policy "
            "closer to the logging one, or lower --min-effective"
        )
