"""Slates from a ranked list: types, quotas, diversity, pins.

Greedy: of the remaining products, the one with the highest

    relevance (1 - diversity)^c      c: products of its type in the slate

is next, ties to the earlier one, if it has at least half the relevance of the best one left.
diversity 0 is the ranking itself; 1 shows one product of every type that is relevant enough before
a second of any. Discounting by the products in the slate is maximal marginal relevance
(Carbonell & Goldstein, SIGIR 1998) with "same type" as the similarity, and multiplied, so that it
does not depend on the scale of relevance.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.core.ndcg import rank_discounts

RELEVANCE_FLOOR: Final = 0.5
"""Share of the relevance of the best product left that any other has, to be shown before it."""


def build_slate(
    products: Rows,
    types: Rows,
    k: int,
    *,
    relevance: npt.NDArray[np.floating] | None = None,
    allowed: npt.NDArray[np.bool_] | None = None,
    pinned: int = 0,
    per_type: int | None = None,
    diversity: float = 0.0,
) -> npt.NDArray[np.int64]:
    """The positions, in a ranked list, of the products to show.

    Args:
        products: (c,) rows, pins first and then best first; a repeat of an earlier one and -1 are
            skipped.
        types: (c,) type of each, -1 for none: such a product shares a type with nothing.
        k: maximum size of the slate.
        relevance: (c,) not negative; None for `rank_discounts`.
        allowed: (c,) products that may be shown; None for all.
        pinned: number of products at the start that come first, in order, of any type; they count
            towards quotas and diversity.
        per_type: maximum of products per type; None for no limit.
        diversity: 0 to 1, see the module.

    Returns:
        (at most k,) positions in `products`, distinct, in the order to show.
    """
    available = products >= 0
    if allowed is not None:
        available &= allowed
    first = np.zeros(len(products), dtype=bool)
    candidates = np.flatnonzero(available)
    first[candidates[np.unique(products[candidates], return_index=True)[1]]] = True
    available &= first
    if not diversity and per_type is None:
        return np.flatnonzero(available)[: max(k, 0)]
    if relevance is None:
        relevance = rank_discounts(len(products))
    unique_types, type_index = np.unique(types, return_inverse=True)
    counts = np.zeros(len(unique_types), dtype=np.int64)
    limit = np.where(unique_types < 0, k, k if per_type is None else per_type)
    positions: list[int] = []
    pins = list(np.flatnonzero(available[:pinned]))
    while len(positions) < k:
        if pins:
            best = int(pins.pop(0))
        else:
            is_open = available & (counts[type_index] < limit[type_index])
            if not is_open.any():
                break
            is_open &= relevance >= RELEVANCE_FLOOR * relevance[is_open].max()
            value = relevance * (1 - diversity) ** counts[type_index]
            best = int(np.argmax(np.where(is_open, value, -1.0)))
        positions.append(best)
        available[best] = False
        counts[type_index[best]] += unique_types[type_index[best]] >= 0
    return np.array(positions, dtype=np.int64)


def reciprocal_ranks(count: int) -> npt.NDArray[np.float64]:
    """(count,) 1 / (60 + rank), rank from 1: the weights of reciprocal rank fusion.

    Cormack, Clarke & Buettcher, SIGIR 2009, k = 60.
    """
    ranks: npt.NDArray[np.float64] = 1 / (60 + np.arange(1, count + 1))
    return ranks
