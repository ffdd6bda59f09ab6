"""Search for sets: pairs of complements, extended by complements while baskets hold all of them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from goeswith.offers.joint_baskets import JointBaskets

_BEAM: Final = 2_000
"""Best sets of a size that are extended."""


class ProductSet(NamedTuple):
    """A set by rows, ascending, with the baskets that hold all of them and their excess."""

    rows: tuple[int, ...]
    baskets: int
    excess: float

    @property
    def score(self) -> float:
        """Products sold beside the first one, above chance: a larger set sells more of them."""
        return self.excess * (len(self.rows) - 1)


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
    complements: Callable[[int], npt.NDArray[np.int32]],
    limits: SearchLimits,
) -> list[ProductSet]:
    """Sets of two and more products, those with the highest score first.

    Args:
        joint: the baskets.
        sources: rows that sets start from.
        complements: row -> rows that go with it.
        limits: of each set.
    """
    neighbours = {row: complements(row) for row in sources}
    pairs = {
        tuple(sorted((row, int(other)))) for row, others in neighbours.items() for other in others
    }
    found = list(_supported(joint, pairs, limits))
    beam = found
    for _ in range(limits.max_size - 2):
        beam = heapq.nlargest(_BEAM, beam, key=lambda one: one.score)
        larger = {
            tuple(sorted((*one.rows, int(other))))
            for one in beam
            for row in one.rows
            for other in neighbours.get(row, ())
            if int(other) not in one.rows
        }
        beam = list(_supported(joint, larger, limits))
        found += beam
    return sorted(found, key=lambda one: (-one.score, one.rows))


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
        if len(baskets) >= max(limits.min_baskets, 1):
            excess = joint.excess(rows, len(baskets))
            if excess > 0:
                yield ProductSet(rows, len(baskets), excess)
