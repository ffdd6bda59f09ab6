"""What all baskets say about products: how often, after which others, and beside which others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Sparse, row_top_k_mask, scale_rows
from goeswith.core.arrays_file import Arrays
from goeswith.shoppers.histories import Histories
from goeswith.shoppers.intervals import Intervals, Purchases
from goeswith.shoppers.top_frequency import basket_shares

_PRIOR: Final = 10.0
"""Baskets without the pair that a confidence is averaged with."""
_MAX_BASKET: Final = 100
"""Larger baskets (of a wholesaler) say little about which products go together."""
_MAX_LINKS: Final = 200
"""Products that are stored beside or after each product, the most frequent ones."""


@dataclass(frozen=True)
class ShopCounts:
    """Counts over the baskets of all shoppers.

    Attributes:
        share: (n,) share of all baskets that hold each product.
        latest: (n,) share of the shoppers' last baskets that hold it.
        discoveries: (n,) share of the baskets in which a shopper bought it for the first time.
        beside: (n, n) CSR confidence that a basket with the row's product holds the column's.
        after: (n, n) CSR confidence that the next basket of the shopper holds it.
        intervals: of repeats.
    """

    share: Floats
    latest: Floats
    discoveries: Floats
    beside: Sparse
    after: Sparse
    intervals: Intervals

    @classmethod
    def count(cls, histories: Histories, unit: float) -> Self:
        """Count in histories, with waits in days over `unit`."""
        baskets, n = histories.baskets, histories.n
        is_small = np.diff(baskets.indptr) <= _MAX_BASKET
        small = scale_rows(baskets, is_small.astype(np.float32))
        small.eliminate_zeros()
        has_next = np.flatnonzero(np.diff(histories.shopper_index) == 0)
        beside = (small.T @ small).tocsr()
        beside.setdiag(0)
        after = (small[has_next].T @ small[has_next + 1]).tocsr()
        last = baskets[histories.steps_back == 0]
        purchases = Purchases.from_histories(histories, unit)
        first = purchases.product[purchases.starts[:-1]]
        return cls(
            basket_shares(histories),
            (np.bincount(last.indices, minlength=n) / max(last.shape[0], 1)).astype(np.float32),
            (np.bincount(first, minlength=n) / max(baskets.shape[0], 1)).astype(np.float32),
            _confidence(beside, np.bincount(small.indices, minlength=n)),
            _confidence(after, np.bincount(small[has_next].indices, minlength=n)),
            Intervals.from_purchases(purchases, n),
        )

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        waits = self.intervals
        return {
            "share": self.share,
            "latest": self.latest,
            "discoveries": self.discoveries,
            "beside": self.beside,
            "after": self.after,
            "wait": waits.mean,
            "wait_spread": waits.spread,
            "repeats": waits.repeats,
        }

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`."""
        intervals = Intervals(arrays["wait"], arrays["wait_spread"], arrays["repeats"])
        names = ("share", "latest", "discoveries", "beside", "after")
        return cls(**{name: arrays[name] for name in names}, intervals=intervals)


def _confidence(pairs: Sparse, held: npt.NDArray[np.integer[Any]]) -> Sparse:
    """Counted pairs over the baskets of the row's product; the most frequent of each row."""
    pairs.eliminate_zeros()
    confidence = scale_rows(pairs, 1 / (held + _PRIOR))
    confidence.data[~row_top_k_mask(confidence, _MAX_LINKS)] = 0
    confidence.eliminate_zeros()
    return confidence


def count_shoppers(histories: Histories) -> npt.NDArray[np.int64]:
    """(n,) number of shoppers who bought each product."""
    return np.bincount(histories.counts.indices, minlength=histories.n)
