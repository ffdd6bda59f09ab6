"""Sentences about the order of complements for one shopper."""

from __future__ import annotations

from typing import Final

_NOTABLE: Final = 1.1
"""A factor that is named as a reason, or its inverse."""


_FOR: Final = {
    "together": "more baskets hold both products",
    "popular": "it is bought often",
    "history": "it is often bought with what she bought before",
    "bought": "she bought it before",
}
_AGAINST: Final = {
    "together": "fewer baskets hold both products",
    "popular": "it is bought less often",
    "history": "it is seldom bought with what she bought before",
    "bought": "she did not buy it before",
}


def moved_by_text(rank_for_all: int, rank: int, best: str | None, worst: str | None) -> str:
    """Why trees gave a product another rank than in the list for all.

    Args:
        rank_for_all: its rank there.
        rank: its rank now.
        best: what speaks for it most: `together`, `popular`, `history` or `bought`.
        worst: what speaks against it most.

    >>> moved_by_text(7, 3, "history", None)
    'Up from 7: it is often bought with what she bought before.'
    """
    if rank == rank_for_all:
        return "The same rank as for all shoppers."
    if rank < rank_for_all:
        reason = _FOR[best] if best else "others moved down or are left out"
        return f"Up from {rank_for_all}: {reason}."
    return f"Down from {rank_for_all}: {_AGAINST[worst] if worst else 'others moved up'}."


def moved_text(rank_for_all: int, rank: int, trial: float, similar: float) -> str:
    """Why a product has another rank than in the list for all.

    Args:
        rank_for_all: its rank there.
        rank: its rank now.
        trial: how much more often it finds new buyers than other products of the list.
        similar: how much more often similar shoppers buy it than all shoppers.

    >>> moved_text(7, 3, 1.0, 2.0)
    'Up from 7: shoppers with similar purchases buy it more often.'
    >>> moved_text(2, 4, 0.5, 1.0)
    'Down from 2: mostly those buy it who bought it before.'
    """
    if rank == rank_for_all:
        return "The same rank as for all shoppers."
    is_up = rank < rank_for_all
    reasons = []
    if is_up and similar > _NOTABLE:
        reasons.append("shoppers with similar purchases buy it more often")
    if is_up and trial > _NOTABLE:
        reasons.append("it finds many new buyers")
    if not is_up and similar < 1 / _NOTABLE:
        reasons.append("shoppers with similar purchases buy it less often")
    if not is_up and trial < 1 / _NOTABLE:
        reasons.append("mostly those buy it who bought it before")
    if not reasons:
        reasons = ["others moved down or are left out" if is_up else "others moved up"]
    return f"{'Up' if is_up else 'Down'} from {rank_for_all}: {'; '.join(reasons)}."


def owned_text(rate: float | None, limit: float | None) -> str:
    """Why a product that the shopper bought is left out.

    Args:
        rate: share of its buyers who bought it again; None if it is not known.
        limit: the rate below which it is left out; None if all of hers are.

    >>> owned_text(0.034, 0.05)
    'Bought before, and 3.4 % of its buyers bought it again (limit 5 %).'
    """
    if rate is None or limit is None:
        return "Bought before."
    return (
        f"Bought before, and {100 * rate:.3g} % of its buyers bought it again "
        f"(limit {100 * limit:.3g} %)."
    )
