"""How many shoppers an experiment needs, under the sequential rule that decides it.

The estimate over time is a Brownian motion with drift. Its paths are drawn once, and the share of
those that leave the interval at one of the looks is the power.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from goeswith.core.errors import ConfigError
from goeswith.results.experiments.sequential_interval import half_width

_PATHS: Final = 20_000
_MAX_SHOPPERS: Final = 1e12


@dataclass(frozen=True)
class Power:
    """Size of an experiment.

    Attributes:
        shoppers: of both variants together, with `looks` looks.
        power: probability of a decision by then, if the effect is as given.
        half_after: shoppers after which half of such experiments are decided.
        fixed: shoppers of a test with one look at the end.
    """

    shoppers: int
    power: float
    half_after: int
    fixed: int


def crossing_shares(drift: float, looks: int, alpha: float) -> npt.NDArray[np.float64]:
    """(looks,) share of experiments that are decided at each look or before.

    Args:
        drift: true difference, in standard errors of the last look.
        looks: number of looks, between which as many shoppers arrive; `planned` is the last.
        alpha: of the interval.
    """
    part = np.arange(1, looks + 1) / looks
    steps = np.random.default_rng(0).normal(size=(_PATHS, looks)) / np.sqrt(looks)
    z = (np.cumsum(steps, axis=1) + drift * part) / np.sqrt(part)
    bound = np.array([half_width(1.0, p, 1.0, alpha) for p in part])
    decided = np.maximum.accumulate(np.abs(z) > bound, axis=1)
    return np.asarray(decided.mean(axis=0), dtype=np.float64)


def shoppers_needed(
    value: float,
    deviation: float,
    effect: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    looks: int = 28,
    share: float = 0.5,
) -> Power:
    """Size of an experiment of two variants.

    Args:
        value: mean of a shopper's value today.
        deviation: its standard deviation over shoppers.
        effect: relative change to be found.
        alpha: probability of a wrong decision.
        power: probability of a decision, if the change is as given.
        looks: number of looks, such as days.
        share: of the shoppers in the new variant.

    Raises:
        ConfigError: value or deviation is not positive, or no number of shoppers is enough.
    """
    if not (0 < value < inf and 0 < deviation < inf):
        raise ConfigError(
            f"value ({value:g}) and deviation ({deviation:g}) must be above 0 and finite"
        )
    change = abs(value * effect)
    low, high = 0.0, 20.0
    for _ in range(25):
        middle = (low + high) / 2
        enough = crossing_shares(middle, looks, alpha)[-1] >= power
        low, high = (low, middle) if enough else (middle, high)
    needed = (high * deviation / change) ** 2 / (share * (1 - share))
    if needed > _MAX_SHOPPERS:
        raise ConfigError(
            f"a change of {effect:g} is too small to be detected; give a larger --effect"
        )
    shares = crossing_shares(high, looks, alpha)
    half = int(np.argmax(shares >= 0.5)) + 1
    z = norm.ppf(1 - alpha / 2) + norm.ppf(power)
    fixed = (z * deviation / change) ** 2 / (share * (1 - share))
    return Power(
        int(np.ceil(needed)), float(shares[-1]), int(np.ceil(needed * half / looks)),
        int(np.ceil(fixed)),
    )  # fmt: skip
