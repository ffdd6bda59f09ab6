"""Sequences as rectangles of places, and the order in which training meets them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows
from goeswith.sequential.sequences import Sequences, Whole

Places = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Batch:
    """b sequences in l places, oldest first, the shorter ones filled up behind.

    Attributes:
        products: (b, l) int64 rows; 0 where a place is empty or masked.
        filled: (b, l) whether there is a product, or a mask.
        masked: (b, l) whether a mask hides it.
        seconds: (b, l) int64 time of each; None where only the order is known.
    """

    products: Whole
    filled: Places
    masked: Places
    seconds: Whole | None

    @classmethod
    def of(cls, sequences: Sequences, spare: int = 0) -> Batch:
        """As many places as the longest has, one at least, and `spare` empty ones."""
        lengths = sequences.lengths
        places = np.arange(max(int(lengths.max(initial=0)), 1) + spare)
        filled = places < lengths[:, None]
        products = np.zeros(filled.shape, dtype=np.int64)
        products[filled] = sequences.products
        seconds = None
        if sequences.seconds is not None:
            seconds = np.zeros(filled.shape, dtype=np.int64)
            seconds[filled] = sequences.seconds
        return cls(products, filled, np.zeros_like(filled), seconds)

    def until(self, end: int) -> Batch:
        """The places before `end`."""
        seconds = None if self.seconds is None else self.seconds[:, :end]
        return Batch(self.products[:, :end], self.filled[:, :end], self.masked[:, :end], seconds)

    def hide(self, masked: Places) -> Batch:
        """With masks in some places, whose products nobody can read any more."""
        products = np.where(masked, 0, self.products)
        return Batch(products, self.filled | masked, masked, self.seconds)


def part(examples: tuple[Batch, Places, Whole], rows: Whole) -> tuple[Batch, Places, Whole]:
    """Some of the sequences that are read in a step, with what is predicted in them.

    Args:
        examples: b sequences, the places (b, l) where something is predicted, and what (p,).
        rows: (c,) those that are wanted, rising.
    """
    batch, places, targets = examples
    seconds = None if batch.seconds is None else batch.seconds[rows]
    some = Batch(batch.products[rows], batch.filled[rows], batch.masked[rows], seconds)
    return some, places[rows], targets[np.isin(places.nonzero()[0], rows)]


def shuffled(lengths: Whole, size: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Every sequence once, `size` at a time; those of a step are of like length, to fill places."""
    order = rng.permutation(len(lengths)).astype(np.int32)
    order = order[np.argsort(lengths[order], kind="stable")]
    steps = [order[start : start + size] for start in range(0, len(order), size)]
    for step in rng.permutation(len(steps)):
        yield steps[step]


class Validation:
    """hit@10 of last products held back from training: at most 2,000, of as many sequences.

    The whole catalogue is ranked; where no sequence holds a product twice, less what is in front.
    """

    MOST = 2000

    def __init__(self, sequences: Sequences, share: float, seed: int) -> None:
        long_enough = np.flatnonzero(sequences.lengths > 2)  # what is left has something to teach
        count = min(int(share * len(long_enough)), self.MOST)
        held = np.sort(np.random.default_rng(seed).permutation(long_enough)[:count])
        self.prefixes, self.targets = sequences.take(held).part_last()
        self.new_only = not sequences.repeats
        self.train = sequences.without(sequences.starts[held + 1] - 1)

    def hits(self, scores: Floats, start: int) -> int:
        """How many of the targets from `start` on are among the first ten of their row."""
        targets = self.targets[start : start + len(scores)]
        target = scores[np.arange(len(scores)), targets][:, None]
        above = (scores > target).sum(axis=1)
        return int((np.isfinite(target[:, 0]) & (above < 10)).sum())
