"""Metrics of candidate lists whose first product is the relevant one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats
from goeswith.core.ndcg import single_target_ndcg


def first_ranks(scores: Floats) -> npt.NDArray[np.float64]:
    """(m,) place of the first of each list by its scores (m, c), from 1; ties share the middle.

    >>> places(np.array([[2.0, 3.0, 1.0], [0.0, 0.0, 0.0]])).tolist()
    [2.0, 2.0]
    """
    right = scores[:, :1]
    others = scores[:, 1:]
    ranks: npt.NDArray[np.float64] = (
        1 + (others > right).sum(axis=1) + (others == right).sum(axis=1) / 2
    )
    return ranks


def list_metrics(scores: Floats, k: int = 5) -> dict[str, npt.NDArray[np.float64]]:
    """hr@k and ndcg@k of each list; with ties, that of the middle place.

    >>> {name: value.tolist() for name, value in list_metrics(np.array([[1.0, 2.0]])).items()}
    {'hr@5': [1.0], 'ndcg@5': [0.6309297535714575]}
    """
    place = first_ranks(scores)
    hit = (place <= k).astype(np.float64)
    return {f"hr@{k}": hit, f"ndcg@{k}": single_target_ndcg(place, k)}
