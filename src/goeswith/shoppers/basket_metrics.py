"""Recall, nDCG and personal hit ratio of a predicted basket."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows, Sparse, entry_rows
from goeswith.core.ndcg import rank_discounts

Parts = npt.NDArray[np.float64]


def hits(shown: Rows, truth: Sparse) -> npt.NDArray[np.bool_]:
    """(t, k) whether each product shown, -1 for none, is in the row of `truth` (t, n)."""
    n = truth.shape[1]
    keys = entry_rows(truth).astype(np.int64) * n + truth.indices
    listed = np.arange(len(shown), dtype=np.int64)[:, None] * n + shown
    found: npt.NDArray[np.bool_] = np.isin(listed, keys) & (shown >= 0)
    return found


def recall(hit: npt.NDArray[np.bool_], sizes: npt.NDArray[np.int64], k: int) -> Parts:
    """(t,) share of each basket's products among the first k; 0 for an empty basket."""
    return np.asarray(hit[:, :k].sum(axis=1) / np.maximum(sizes, 1), dtype=np.float64)


def ndcg(hit: npt.NDArray[np.bool_], sizes: npt.NDArray[np.int64], k: int) -> Parts:
    """(t,) nDCG@k with gains 0 and 1; 0 for an empty basket."""
    discount = rank_discounts(k)
    shown = hit[:, :k].astype(np.float64)
    gain: Parts = np.asarray(shown @ discount[: shown.shape[1]], dtype=np.float64)
    ideals: Parts = np.append(0.0, np.cumsum(discount))
    ideal: Parts = np.maximum(ideals[np.minimum(sizes, k)], 1e-12)
    return gain / ideal


def hit_ratio(hit: npt.NDArray[np.bool_], k: int) -> Parts:
    """(t,) 1 where one of the first k products is in the basket (PHR)."""
    return np.asarray(hit[:, :k].any(axis=1), dtype=np.float64)
