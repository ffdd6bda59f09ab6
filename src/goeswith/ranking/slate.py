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

from collections import Counter
from collections.abc import Sequence
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
    worth = rank_discounts(len(products)) if relevance is None else relevance
    is_allowed = None if allowed is None else allowed.tolist()
    seen: set[int] = set()
    places: list[int] = []
    for place, row in enumerate(products.tolist()):
        if row >= 0 and row not in seen and (is_allowed is None or is_allowed[place]):
            seen.add(row)
            places.append(place)
    shown = slate_places(
        places,
        types.tolist(),
        worth.tolist(),
        k,
        pinned=pinned,
        per_type=per_type,
        diversity=diversity,
    )
    return np.array(shown, dtype=np.int64)


def slate_places(
    places: list[int],
    types: Sequence[int],
    relevance: Sequence[float],
    k: int,
    *,
    pinned: int = 0,
    per_type: int | None = None,
    diversity: float = 0.0,
) -> list[int]:
    """`build_slate` in plain numbers: of the tens of products of a list, arrays are slower.

    Args:
        places: the positions that may be shown, in order, each of another product.
        types: of every position.
        relevance: of every position.
        k: as of `build_slate`, like what follows.
        pinned: positions before it come first.
        per_type: maximum of products per type.
        diversity: 0 to 1.
    """
    k = max(k, 0)
    if not diversity and per_type is None:
        return places[:k]
    shown = [place for place in places if place < pinned][:k]
    counts = Counter(types[place] for place in shown)
    discounts = ((1 - diversity) ** np.arange(k + 1)).tolist() if diversity else [1.0] * (k + 1)
    limit = k if per_type is None else per_type
    rest = [place for place in places if place >= pinned] if pinned else places
    # most relevant first, the first of equals first
    rest = sorted(rest, key=relevance.__getitem__, reverse=True)
    while len(shown) < k:
        best, most, floor = -1, -1.0, -1.0
        for place in rest:
            value = relevance[place]
            if value < floor or value < most:
                break  # nothing behind is relevant enough, or worth more
            kind = types[place]
            count = counts[kind] if kind >= 0 else 0
            if kind >= 0 and count >= limit:
                continue
            if floor < 0:
                floor = RELEVANCE_FLOOR * value
            value *= discounts[count]
            if value > most or (value == most and place < best):
                best, most = place, value
        if best < 0:
            break
        shown.append(best)
        rest.remove(best)
        counts[types[best]] += 1
    return shown


def reciprocal_ranks(count: int) -> npt.NDArray[np.float64]:
    """(count,) 1 / (60 + rank), rank from 1: the weights of reciprocal rank fusion.

    Cormack, Clarke & Buettcher, SIGIR 2009, k = 60.
    """
    ranks: npt.NDArray[np.float64] = 1 / (60 + np.arange(1, count + 1))
    return ranks
