"""Clicks and examined impressions of what was shown, by the queried product or its type.

The position-based click model (Craswell et al., WSDM 2008): the click rate of a product at a rank
is its attraction times the propensity of the rank. Both are fitted alternately by the maximum of
the Poisson likelihood, with the propensity of the first rank set to 1. Where a product is shown at
several ranks, its attraction is separated from the propensity of the rank.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.results.exploration.choice_probabilities import MIN_CLICKS
from goeswith.results.exploration.click_prior import PRIOR_IMPRESSIONS, ClickPrior, fit_prior
from goeswith.results.reports.feedback_tables import feedback_connection
from goeswith.results.reports.impression_tables import (
    ArmColumn,
    create_counted_impressions,
    create_impressions,
    has_seen,
)

HALF_LIFE_DAYS: Final = 60
"""After so many days an impression counts half, so that counts expire."""
_MAX_ARMS: Final = 1_000_000
_ROUNDS: Final = 50
_SMALLEST: Final = 1e-3
"""Smallest propensity of a rank."""

Floats = npt.NDArray[np.float64]
CountedBy: TypeAlias = Literal["product", "type", "source"]
"""Arms of which source: products of a type of sources, types of one, or products of a source."""

_TABLE: Final = """
WITH latest AS (SELECT max(day) AS newest FROM counted), cells AS (
    SELECT coalesce({source}, '') AS source, coalesce({arm}, '') AS arm, least(rank, 100) AS rank,
           sum(weight) AS shown, coalesce(sum(weight) FILTER (clicked), 0) AS clicks
    FROM (
        SELECT *, share * pow(0.5, date_diff('day', day, (SELECT newest FROM latest)) / ?) AS weight
        FROM counted
    ) GROUP BY ALL
), arms AS (
    SELECT source, arm FROM cells
    GROUP BY ALL ORDER BY sum(shown) DESC LIMIT ?
)
SELECT source, arm, rank, shown, clicks FROM cells SEMI JOIN arms USING (source, arm)
"""
_COLUMNS: Final[dict[CountedBy, tuple[str, ArmColumn]]] = {
    "product": ("source_type", "product_id"),
    "type": ("source_type", "type"),
    "source": ("source_id", "product_id"),
}


@dataclass(frozen=True)
class ClickCounts:
    """What a learner decides by.

    Attributes:
        counts: (source, arm) -> clicks, examined impressions; see `CountedBy`.
        propensity: of each rank, the first is 1.
        mean: click rate that every arm starts with.
        weight: of it, in examined impressions.
    """

    counts: dict[tuple[str, str], tuple[float, float]]
    propensity: Floats
    mean: float
    weight: float = PRIOR_IMPRESSIONS

    @cached_property
    def clicked_arms(self) -> dict[str, tuple[list[str], Floats, Floats]]:
        """Source -> arms that all shoppers may be shown; mean and variance of their posterior."""
        names: dict[str, list[str]] = {}
        for (source, arm), (clicks, _) in self.counts.items():
            if clicks >= MIN_CLICKS:
                names.setdefault(source, []).append(arm)
        return {
            source: (arms, *moments(*self.posterior(source, arms)))
            for source, arms in names.items()
        }

    def may_be_surely_better(self, source: str, usual: str, listed: Container[str]) -> bool:
        """Whether any arm out of a list may be surely better than the usual one.

        A bound that is cheap to compute: its mean is above by a standard error of the difference.
        """
        if source not in self.clicked_arms:
            return False
        arms, mean, variance = self.clicked_arms[source]
        usual_mean, usual_variance = moments(*self.posterior(source, [usual]))
        is_above = mean - usual_mean >= np.sqrt(variance + usual_variance)
        return any(arms[i] not in listed for i in np.flatnonzero(is_above))

    @cached_property
    def sources(self) -> frozenset[str]:
        """Sources with counts."""
        return frozenset(source for source, _ in self.counts)

    def posterior(self, source: str, arms: list[str]) -> tuple[Floats, Floats]:
        """Parameters of the Beta posterior of each arm."""
        return ClickPrior(self.mean, self.weight).posterior(*self._of_arms(source, arms))

    def clicks(self, source: str, arms: list[str]) -> Floats:
        """Clicks of each arm."""
        return self._of_arms(source, arms)[0]

    def _of_arms(self, source: str, arms: list[str]) -> tuple[Floats, Floats]:
        found = np.array([self.counts.get((source, arm), (0.0, 0.0)) for arm in arms])
        clicks, examined = found.reshape(-1, 2).T
        return clicks, examined


def moments(alpha: Floats, beta_: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of Beta distributions."""
    total = alpha + beta_
    return alpha / total, alpha * beta_ / (total**2 * (total + 1))


NOTHING: Final = ClickCounts({}, np.ones(1), 0.05)
"""Before there is a log."""


def position_based(
    arm: npt.NDArray[np.int64], rank: npt.NDArray[np.int64], shown: Floats, clicks: Floats
) -> tuple[Floats, Floats]:
    """Attraction of each arm and propensity of each rank.

    Args:
        arm: (n,) index of the arm of each cell.
        rank: (n,) rank of each cell, from 0.
        shown: (n,) impressions.
        clicks: (n,) of these.
    """
    propensity = np.ones(int(rank.max()) + 1)
    of_arm, of_rank = np.bincount(arm, clicks), np.bincount(rank, clicks)
    attraction = np.zeros(len(of_arm))
    for _ in range(_ROUNDS):
        attraction = of_arm / np.maximum(np.bincount(arm, shown * propensity[rank]), 1e-12)
        expected = np.bincount(rank, shown * attraction[arm])
        propensity = np.where(expected > 0, of_rank / np.maximum(expected, 1e-12), 0.0)
        propensity = np.clip(propensity / max(propensity[0], 1e-12), _SMALLEST, 1.0)
    return attraction, propensity


def read_click_counts(folder: Path, by: CountedBy = "product") -> ClickCounts:
    """Counts of a folder of feedback, in which one shopper counts once for an arm.

    Args:
        folder: `serve.feedback`.
        by: what the arms are.

    Raises:
        DataError: the folder has no feedback.
    """
    with feedback_connection(folder, memory_mb=500) as db:
        source, arm_column = _COLUMNS[by]
        create_impressions(db, seen=has_seen(db))
        create_counted_impressions(db, arm_column)
        query = _TABLE.format(source=source, arm=arm_column)
        table = db.execute(query, [float(HALF_LIFE_DAYS), _MAX_ARMS]).fetchnumpy()
    if not len(table["rank"]):
        return NOTHING
    names = np.stack([table["source"].astype(str), table["arm"].astype(str)], axis=1)
    arms, arm = np.unique(names, axis=0, return_inverse=True)
    arm, rank = arm.reshape(-1), table["rank"].astype(np.int64) - 1
    shown, clicks = table["shown"].astype(float), table["clicks"].astype(float)
    _, propensity = position_based(arm, rank, shown, clicks)
    examined = np.bincount(arm, shown * propensity[rank]).astype(np.float64)
    clicked = np.bincount(arm, clicks).astype(np.float64)
    counts = {
        (source, product): (c, e)
        for (source, product), c, e in zip(
            arms.tolist(), clicked.tolist(), examined.tolist(), strict=True
        )
    }
    return ClickCounts(counts, propensity, *fit_prior(clicked, examined))
