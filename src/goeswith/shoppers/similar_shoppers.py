"""What shoppers with similar purchases buy, against all shoppers."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.shoppers.histories import Histories

_NEIGHBOURS: Final = 400
"""Similar shoppers; chosen on earlier baskets, see docs/how-to/shoppers.md."""


class SimilarShoppers:
    """Shoppers by the cosine of the sets of products that they bought."""

    def __init__(self, histories: Histories) -> None:
        self._bought = histories.counts.astype(bool).astype(np.float32).tocsr()
        self._norms = np.sqrt(np.maximum(np.diff(self._bought.indptr), 1))
        buyers = np.bincount(self._bought.indices, minlength=histories.n)
        self._shares = buyers / max(len(histories), 1)

    def lifts(self, own: Rows, products: Rows) -> npt.NDArray[np.float64]:
        """How many times as often similar shoppers bought products as all shoppers did.

        Averaged with 1, so that it is 0.5 where no similar shopper bought a product.

        Args:
            own: rows that the shopper bought.
            products: (c,) rows; 1 for those that came after the fit.

        Returns:
            (c,).
        """
        n = len(self._shares)
        mine = np.zeros(n, dtype=np.float32)
        mine[own[own < n]] = 1
        similarity = (self._bought @ mine) / self._norms
        nearest = np.argsort(-similarity, kind="stable")[:_NEIGHBOURS]
        nearest = nearest[similarity[nearest] > 0]
        lifts = np.ones(len(products))
        at = np.flatnonzero(products < n)
        share = self._shares[products[at]]
        if not len(nearest):
            return lifts
        weights = similarity[nearest].astype(np.float64)
        theirs = (self._bought[nearest].T @ weights)[products[at]] / weights.sum()
        lifts[at] = np.where(share > 0, (theirs + share) / np.maximum(2 * share, 1e-12), 1)
        return lifts
