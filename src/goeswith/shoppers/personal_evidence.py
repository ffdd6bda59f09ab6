"""What speaks for a product in a list of complements for one shopper, as columns of figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.core.arrays_file import Arrays
from goeswith.shoppers.histories import Histories
from goeswith.shoppers.shop_counts import ShopCounts

NAMES: Final = (
    "confidence",
    "confidence, of best",
    "lift",
    "share of baskets",
    "share of latest baskets",
    "first purchases",
    "repeat rate",
    "share of baskets, source",
    "repeat rate, source",
    "beside history",
    "beside history, of best",
    "bought before",
    "products of shopper",
)
GROUPS: Final = {
    "together": slice(0, 3),
    "popular": slice(3, 7),
    "history": slice(9, 11),
    "bought": slice(11, 12),
}
"""Columns that are one reason for a person."""
_SHARE: Final = 1e-5
"""Added to the share of baskets in a lift."""
_FLOATS: Final = ("share", "latest", "discoveries", "repeats")


@dataclass(frozen=True)
class PersonalEvidence:
    """Counts over the baskets of all shoppers.

    Attributes:
        share, latest, discoveries, beside: as in `ShopCounts`.
        repeats: (n,) share of the purchases of a product that a later one of the shopper follows.
    """

    share: Floats
    latest: Floats
    discoveries: Floats
    repeats: Floats
    beside: Sparse

    @classmethod
    def count(cls, histories: Histories) -> Self:
        """Count in histories."""
        counts = ShopCounts.count(histories, histories.usual_interval)
        return cls(
            counts.share,
            counts.latest,
            counts.discoveries,
            counts.intervals.repeats,
            counts.beside,
        )

    def columns(self, own: Rows, source: int, products: Rows) -> Floats:
        """(c, 13) float32 what speaks for products, in the order of `NAMES`.

        Args:
            own: distinct rows that the shopper bought.
            source: row of the product that they go with.
            products: (c,) rows.
        """
        confidence = _row(self.beside[source], products)
        beside = self.beside[own] if len(own) else self.beside[:0]
        history: Floats = _row(beside.sum(axis=0), products) / np.float32(max(len(own), 1))
        columns = np.empty((len(products), len(NAMES)), dtype=np.float32)
        for i, values in enumerate(
            (
                confidence,
                _of_best(confidence),
                confidence / (self.share[products] + _SHARE),
                self.share[products],
                self.latest[products],
                self.discoveries[products],
                self.repeats[products],
                self.share[source],
                self.repeats[source],
                history,
                _of_best(history),
                np.isin(products, own),
                len(own),
            )
        ):
            columns[:, i] = values
        return columns

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        return {**{name: getattr(self, name) for name in _FLOATS}, "beside": self.beside}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`.

        Raises:
            ValueError: they are damaged.
        """
        n = len(arrays["share"])
        for name in _FLOATS:
            if arrays[name].shape != (n,) or arrays[name].dtype != np.float32:
                raise ValueError(f"{name} does not hold a float32 for each product")
        if arrays["beside"].shape != (n, n):
            raise ValueError("beside is no square matrix of the products")
        return cls(**{name: arrays[name] for name in (*_FLOATS, "beside")})


def _row(row: Sparse, products: Rows) -> Floats:
    """(c,) entries of a matrix of one row."""
    dense = row.toarray() if hasattr(row, "toarray") else np.asarray(row)
    values: Floats = dense.ravel()[products].astype(np.float32)
    return values


def _of_best(values: Floats) -> Floats:
    return values / max(float(values.max(initial=0)), 1e-9)
