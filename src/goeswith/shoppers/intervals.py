"""How long shoppers wait before they buy a product again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows
from goeswith.shoppers.histories import Histories

_PRIOR: Final = 5.0
"""Repeats of the shop that those of a product are averaged with."""


@dataclass(frozen=True)
class Purchases:
    """The purchases of shoppers by product: runs of (shopper, product), oldest first.

    Attributes:
        shopper: (m,) of each purchase.
        product: (m,) of each purchase.
        age: (m,) how long ago, as `Histories.ages`.
        steps: (m,) later baskets of the shopper.
        starts: (r + 1,) the first purchase of each run, and the end.
    """

    shopper: npt.NDArray[np.int64]
    product: Rows
    age: Floats
    steps: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]

    @classmethod
    def from_histories(cls, histories: Histories, unit: float) -> Purchases:
        """Sort the products of all baskets; ages are in days over `unit`."""
        basket = np.repeat(np.arange(histories.baskets.shape[0]), np.diff(histories.baskets.indptr))
        shopper, product = histories.shopper_index[basket], histories.baskets.indices
        order = np.lexsort((basket, product, shopper))
        basket, shopper, product = basket[order], shopper[order], product[order]
        first = np.ones(len(order), dtype=bool)
        first[1:] = (np.diff(shopper) != 0) | (np.diff(product) != 0)
        starts = np.append(np.flatnonzero(first), len(order)).astype(np.int64)
        age, steps = histories.ages(unit)[basket], histories.steps_back[basket]
        return cls(shopper, product.astype(np.int32), age, steps, starts)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """(r,) purchases of each run."""
        return np.diff(self.starts)


@dataclass(frozen=True)
class Intervals:
    """The usual wait before a product is bought again.

    Attributes:
        mean: (n,) logarithm of the wait, in units of `Purchases.age`, shrunk to that of the shop.
        spread: (n,) standard deviation of the logarithm.
        repeats: (n,) share of the purchases of a product that a later one of the shopper follows.
    """

    mean: Floats
    spread: Floats
    repeats: Floats

    @classmethod
    def from_purchases(cls, purchases: Purchases, n: int) -> Intervals:
        """Learn from the gaps between the purchases of one product by one shopper."""
        product = purchases.product
        followed = np.zeros(len(product), dtype=bool)
        run = np.repeat(np.arange(len(purchases.counts)), purchases.counts)
        followed[:-1] = np.diff(run) == 0
        at = np.flatnonzero(followed)
        wait = np.log(np.maximum(purchases.age[at] - purchases.age[at + 1], 0.02))
        overall = float(wait.mean()) if len(wait) else 0.0
        variance = float(wait.var()) if len(wait) else 1.0
        number = np.bincount(product[at], minlength=n)
        mean = (np.bincount(product[at], wait, n) + _PRIOR * overall) / (number + _PRIOR)
        squares = np.bincount(product[at], (wait - mean[product[at]]) ** 2, n)
        spread = np.sqrt((squares + _PRIOR * variance) / (number + _PRIOR))
        bought = np.bincount(product, minlength=n)
        rate = followed.mean() if len(product) else 0.0
        repeats = (number + _PRIOR * rate) / (bought + _PRIOR)
        return cls(*(x.astype(np.float32) for x in (mean, np.maximum(spread, 0.1), repeats)))
