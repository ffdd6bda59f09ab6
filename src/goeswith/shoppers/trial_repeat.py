"""Trial and repeat: which products shoppers buy for the first time, and which they buy again."""

from __future__ import annotations

from typing import Final

import numpy as np

from goeswith.core.arrays import Rows, entry_rows
from goeswith.core.arrays_file import Arrays
from goeswith.shoppers.histories import Histories

_PRIOR: Final = 10.0
"""Buyers of the type that those of a product are averaged with, and of the shop for a type."""
_SHARE: Final = 1e-4
"""Share of the baskets that is added to both sides of `trial`, so that rare products have 1."""


def trial_and_repeat(histories: Histories, types: Rows) -> Arrays | None:
    """How products are bought, counted over all shoppers; None if none has two baskets.

    Args:
        histories: of the log.
        types: (n,) type of each product, -1 for none.

    Returns:
        repeat: (n,) share of the buyers with a later basket who bought the product again,
            averaged with that of its type, and that with that of the shop.
        trial: (n,) share of the shoppers' last baskets in which they bought the product for the
            first time, over its share of all baskets. High for a product that finds new buyers
            now, low for one that is bought by regulars.
    """
    earlier, shoppers, last = histories.split_last()
    if not len(shoppers):
        return None
    n = histories.n
    new = last - last.multiply(earlier.counts[shoppers].astype(bool))
    trials = np.asarray(new.sum(axis=0)).ravel() / last.shape[0]
    share = np.bincount(histories.baskets.indices, minlength=n) / histories.baskets.shape[0]
    buyers, again = _buyers(histories)
    rate = again.sum() / max(buyers.sum(), 1)
    prior = np.full(n, rate)
    if (types >= 0).any():
        known = types >= 0
        of_type = np.bincount(types[known], buyers[known]), np.bincount(types[known], again[known])
        rates = (of_type[1] + _PRIOR * rate) / (of_type[0] + _PRIOR)
        prior[known] = rates[types[known]]
    repeat = (again + _PRIOR * prior) / (buyers + _PRIOR)
    trial = (trials + _SHARE) / (share + _SHARE)
    return {"repeat": repeat.astype(np.float32), "trial": trial.astype(np.float32)}


def _buyers(histories: Histories) -> tuple[np.ndarray, np.ndarray]:
    """(n,) buyers with a later basket, and those of them who bought the product again."""
    n, counts = histories.n, histories.counts[np.flatnonzero(histories.lengths)]
    last = histories.baskets[histories.steps_back == 0]
    repeated = counts.data > 1
    # a product of the last basket alone has had no occasion yet
    keys, last_keys = (entry_rows(m).astype(np.int64) * n + m.indices for m in (counts, last))
    had_occasion = repeated | ~np.isin(keys, last_keys)
    buyers = np.bincount(counts.indices[had_occasion], minlength=n)
    return buyers, np.bincount(counts.indices[repeated], minlength=n)
