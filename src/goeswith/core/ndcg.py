"""Normalised discounted cumulative gain (Jarvelin & Kekalainen, 2002): the discount of a rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def rank_discounts(count: int) -> npt.NDArray[np.float64]:
    """(count,) 1 / log2(rank + 1) of the ranks 1 to `count`.

    >>> rank_discounts(3).round(3).tolist()
    [1.0, 0.631, 0.5]
    """
    discounts: npt.NDArray[np.float64] = 1 / np.log2(np.arange(count) + 2)
    return discounts


def ideal_dcg(counts: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.float64]:
    """(n,) DCG@k of the best ranking of each number of relevant products; 1 for none."""
    gains = np.cumsum(rank_discounts(k))
    ideal: npt.NDArray[np.float64] = gains[np.clip(counts.astype(np.int64), 1, k) - 1]
    return ideal


def single_target_ndcg(
    ranks: npt.NDArray[np.integer[Any] | np.floating[Any]], k: int
) -> npt.NDArray[np.float64]:
    """(m,) nDCG@k of rankings with one relevant product each.

    Args:
        ranks: (m,) rank of that product, from 1; 0 where the ranking does not hold it.
        k: ranks that count.
    """
    in_top_k = ((ranks > 0) & (ranks <= k)).astype(np.float64)
    gains: npt.NDArray[np.float64] = in_top_k / np.log2(np.maximum(ranks, 1) + 1)
    return gains
