"""Search for sets: pairs bought together, extended while baskets hold all of their products."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import best_columns
from goeswith.offers.joint_baskets import JointBaskets
from goeswith.relations.graph import RelationGraph
from goeswith.relations.measures import wilson_lower
from goeswith.relations.relation import CO_PURCHASE

_BEAM: Final = 2_000
"""Best sets of a size that are extended."""


class ProductSet(NamedTuple):
    """A set: its rows, ascending, the baskets that hold all, and those expected by chance."""

    rows: tuple[int, ...]
    baskets: int
    expected: float

    @property
    def excess(self) -> float:
        """Baskets above chance."""
        return self.baskets - self.expected

    @property
    def rank_key(self) -> tuple[float, ...]:
        """Ascending: complete baskets above chance, then those expected: a pair that one basket
        holds is the likelier to come again, the more often its products are bought.
        """
        return (-round(self.excess), -self.expected, *self.rows)


@dataclass(frozen=True)
class SearchLimits:
    """What a set has to meet.

    Attributes:
        max_size: products, 2 to 4.
        min_baskets: that hold all of them.
        fits: whether rows, in ascending order, may be one set; it also holds for each part of a
            set that fits.
    """

    max_size: int
    min_baskets: int
    fits: Callable[[tuple[int, ...]], bool]


def find_sets(
    joint: JointBaskets,
    sources: Iterable[int],
    partners: Callable[[int], npt.NDArray[np.int32]],
    limits: SearchLimits,
) -> list[ProductSet]:
    """Sets of two and more products, the best first (`ProductSet.rank_key`).

    Args:
        joint: the baskets.
        sources: rows that sets start from.
        partners: row -> rows that a set with it is extended by.
        limits: of each set.
    """
    neighbours = {row: partners(row) for row in sources}
    pairs = {
        tuple(sorted((row, int(other)))) for row, others in neighbours.items() for other in others
    }
    found = list(_supported(joint, pairs, limits))
    beam = found
    for _ in range(limits.max_size - 2):
        beam = heapq.nsmallest(_BEAM, beam, key=lambda one: one.rank_key)
        larger = {
            tuple(sorted((*one.rows, int(other))))
            for one in beam
            for row in one.rows
            for other in neighbours.get(row, ())
            if int(other) not in one.rows
        }
        beam = list(_supported(joint, larger, limits))
        found += beam
    return sorted(found, key=lambda one: one.rank_key)


def absorbing_sets(sets: Iterable[ProductSet]) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
    """Sets whose place a larger set takes -> the larger sets.

    A larger set takes the place of a part with one product less if it sells more products beside
    the first one, by the lower end of the 95 % interval of the share of the part's baskets.
    """
    by_rows = {one.rows: one for one in sets}
    absorbing: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for larger in by_rows.values():
        size = len(larger.rows)
        for rows in combinations(larger.rows, size - 1):
            part = by_rows.get(rows)
            if part is None:
                continue
            share = float(wilson_lower(np.array(larger.baskets), part.baskets))
            if share * (size - 1) > size - 2:
                absorbing.setdefault(rows, []).append(larger.rows)
    return absorbing


def most_bought_with(graph: RelationGraph, k: int) -> Callable[[int], npt.NDArray[np.int32]]:
    """A function: row -> the `k` rows that it was most often bought with."""
    counts = graph[CO_PURCHASE].count

    def partners(row: int) -> npt.NDArray[np.int32]:
        entries = slice(counts.indptr[row], counts.indptr[row + 1])
        return best_columns(counts.indices[entries], counts.data[entries], k)[0]

    return partners


def _supported(
    joint: JointBaskets, candidates: Iterable[tuple[int, ...]], limits: SearchLimits
) -> Iterator[ProductSet]:
    for rows in sorted(candidates):
        if not limits.fits(rows):
            continue
        rarest, *others = sorted(rows, key=lambda row: int(joint.counts[row]))
        baskets = joint.of_product(rarest)
        for row in others:
            if len(baskets) < limits.min_baskets:
                break
            baskets = joint.with_product(baskets, row)
        enough = len(baskets) >= max(limits.min_baskets, 1)
        if enough and joint.is_above_chance(rows, len(baskets)):
            yield ProductSet(rows, len(baskets), joint.expected(rows))
