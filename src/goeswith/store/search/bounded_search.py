"""The best products of a query with a word that no product has, without adding up all near ones.

The products bought most are scored completely. Another product is better than the last of these
only if it holds enough words: those that hold none but the most frequent ones, which together are
worth no more, need not be looked at (MaxScore; Turtle & Flood, 1995). All others are looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from goeswith.store.mapped_matrix import positions_in

if TYPE_CHECKING:
    import numpy.typing as npt

    from goeswith.core.arrays import Rows

FIRST_PRODUCTS: Final = 65_536
"""Of the products bought most: those that are scored completely."""
_MAX_LOOKUPS: Final = 150_000
"""Products that are looked up in the lists of all words; more take longer than adding up."""


@dataclass(frozen=True)
class TermLists:
    """The products of a term.

    Attributes:
        lists: (value, ranks in order) of words, the most valuable last.
        prefix: of the words that begin with the term, which replace values up to this one.
        prefix_value: 0 for a term that is not there.
        exact: ranks of the term itself, with its value; None where it is no word.
    """

    lists: list[tuple[int, Rows]]
    prefix: Rows
    prefix_value: int
    exact: tuple[int, Rows] | None

    def all_lists(self) -> list[tuple[int, Rows]]:
        """The value and the ranks of each list."""
        found = [*self.lists, (self.prefix_value, self.prefix)]
        return found if self.exact is None else [*found, self.exact]

    @property
    def highest(self) -> int:
        """The most that the term is worth."""
        return max(value for value, _ in self.all_lists())

    def values(self, ranks: Rows, products: int, least: int) -> npt.NDArray[np.uint16]:
        """(c,) what the term is worth in some products, of so many; 0 for some below `least`."""
        worth = np.zeros(len(ranks), dtype=np.uint16)
        for value, held in self.lists:
            if value >= least:
                worth[_places_held(ranks, held)] = value
        has_others = self.exact is None or len(self.prefix) > len(self.exact[1])
        if len(self.prefix) and has_others and self.prefix_value >= least:
            has_prefix = np.zeros(products, dtype=np.bool_)
            has_prefix[self.prefix] = True
            worth[has_prefix[ranks]] = self.prefix_value
        if self.exact is not None:
            worth[_places_held(ranks, self.exact[1])] = self.exact[0]
        return worth


def _places_held(ranks: Rows, held: Rows) -> npt.NDArray[np.int64]:
    """Places of the ranks that a list holds, both in order."""
    if len(held) < len(ranks):
        at = positions_in(ranks, held)
        return at[at >= 0]
    return np.flatnonzero(positions_in(held, ranks) >= 0)


def better_outside(
    terms: list[TermLists], threshold: int, first: int, products: int
) -> tuple[Rows, npt.NDArray[np.uint16]] | None:
    """Ranks from `first` on whose score is above a threshold, in order, and their scores.

    Args:
        terms: of the query.
        threshold: a score.
        first: rank.
        products: number of all.

    Returns:
        None where so many would have to be looked up that adding up is faster.
    """
    by_size = sorted(
        ((place, *one) for place, term in enumerate(terms) for one in term.all_lists()),
        key=lambda one: len(one[2]),
        reverse=True,
    )
    # a product of the lists that are left out is worth no more than `bounds` together
    bounds, essential = [0] * len(terms), [np.zeros(0, dtype=np.int32)]
    for place, value, ranks in by_size:
        more = max(bounds[place], value)
        if sum(bounds) - bounds[place] + more <= threshold:
            bounds[place] = more
        else:
            essential.append(ranks)
    most = sum(map(len, essential))
    if sum(min(most, len(ranks)) for _, _, ranks in by_size) > _MAX_LOOKUPS:
        return None
    held = np.unique(np.concatenate(essential))
    ranks = held[held.searchsorted(np.int32(first)) :]
    score = np.zeros(len(ranks), dtype=np.uint16)
    remaining = sum(term.highest for term in terms)
    for term in sorted(terms, key=lambda one: sum(len(held) for _, held in one.all_lists())):
        remaining -= term.highest
        so_far = int(score.max(initial=0))
        score += term.values(ranks, products, threshold + 1 - remaining - so_far)
        is_open = score + remaining > threshold
        ranks, score = ranks[is_open], score[is_open]
    return ranks, score
