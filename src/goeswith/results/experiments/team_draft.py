"""Interleaving of two rankings by team draft (Radlinski, Kurup, Joachims, CIKM 2008, algorithm 2).

In every round a coin decides which ranking picks first; each picks its best product that is not in
the list yet. A click counts for the ranking that picked the product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def team_draft(
    first: Sequence[T],
    second: Sequence[T],
    k: int,
    key: Callable[[T], str],
    coin: Callable[[int], bool],
) -> tuple[list[T], list[int]]:
    """The merged list, and for each rank 0 or 1: which ranking picked the product.

    Args:
        first: a ranking, best first.
        second: another one.
        k: length of the list.
        key: id of a product, by which the rankings are compared.
        coin: round -> whether the first ranking picks first.
    """
    merged: list[T] = []
    teams: list[int] = []
    taken: set[str] = set()
    left = [list(reversed(first)), list(reversed(second))]
    draft_round = 0
    while len(merged) < k and (left[0] or left[1]):
        order = (0, 1) if coin(draft_round) else (1, 0)
        draft_round += 1
        for team in order:
            while left[team] and key(left[team][-1]) in taken:
                left[team].pop()
            if left[team] and len(merged) < k:
                product = left[team].pop()
                taken.add(key(product))
                merged.append(product)
                teams.append(team)
    return merged, teams
