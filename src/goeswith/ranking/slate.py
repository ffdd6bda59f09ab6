"""From a ranked list to the few products that are shown: types, quotas, diversity, pins.

Greedy: of what is left, the product with the highest

    relevance (1 - diversity)^c      c: how many of its type are chosen already

is next, ties to the earlier one. diversity 0 is the ranking itself; 1 shows one product of every
type before a second of any. Discounting by what is chosen already is maximal marginal relevance
(Carbonell & Goldstein, SIGIR 1998) with "same type" as the similarity, and multiplied, so that it
does not depend on the scale of relevance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows


def rank_relevance(count: int) -> npt.NDArray[np.float64]:
    """(count,) 1 / log2(place + 1): relevance where scores of a list cannot be compared.

    The discount of NDCG (Jarvelin & Kekalainen, 2002).
    """
    relevance: npt.NDArray[np.float64] = 1 / np.log2(np.arange(count) + 2)
    return relevance


def choose(
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
    """The places, in a ranked list, of the products to show.

    Args:
        products: (c,) rows, pins first and then best first; a repeat of an earlier one and -1 are
            passed over.
        types: (c,) type of each, -1 for none: such a product shares a type with nothing.
        k: at most so many.
        relevance: (c,) not negative; `rank_relevance` where left out.
        allowed: (c,) what may be shown; all where left out.
        pinned: how many from the start come first, in order, whatever their types; they count
            towards quotas and diversity.
        per_type: at most so many of a type; no limit where left out.
        diversity: 0 to 1, see the module.

    Returns:
        (at most k,) places in `products`, distinct, in the order to show.
    """
    left = products >= 0
    if allowed is not None:
        left &= allowed
    first = np.zeros(len(products), dtype=bool)
    able = np.flatnonzero(left)
    first[able[np.unique(products[able], return_index=True)[1]]] = True
    left &= first
    if not diversity and per_type is None:
        return np.flatnonzero(left)[: max(k, 0)]
    if relevance is None:
        relevance = rank_relevance(len(products))
    kinds, kind = np.unique(types, return_inverse=True)
    counts = np.zeros(len(kinds), dtype=np.int64)
    limit = np.where(kinds < 0, k, k if per_type is None else per_type)
    chosen: list[int] = []
    pins = list(np.flatnonzero(left[:pinned]))
    while len(chosen) < k:
        if pins:
            best = int(pins.pop(0))
        else:
            open_ = left & (counts[kind] < limit[kind])
            if not open_.any():
                break
            value = relevance * (1 - diversity) ** counts[kind]
            best = int(np.argmax(np.where(open_, value, -1.0)))
        chosen.append(best)
        left[best] = False
        counts[kind[best]] += kinds[kind[best]] >= 0
    return np.array(chosen, dtype=np.int64)


def reciprocal_ranks(count: int) -> npt.NDArray[np.float64]:
    """(count,) 1 / (60 + rank), rank from 1: what lists add up when they are fused.

    Reciprocal rank fusion (Cormack, Clarke & Buettcher, SIGIR 2009, k = 60).
    """
    ranks: npt.NDArray[np.float64] = 1 / (60 + np.arange(1, count + 1))
    return ranks
