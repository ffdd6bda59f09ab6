"""Batches of sequences as rectangular arrays, and their order in training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows
from goeswith.sequential.sequences import Ints, Sequences

PlaceMask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SequenceBatch:
    """b sequences in l places, oldest first, the shorter ones filled up behind.

    Attributes:
        products: (b, l) int64 rows; 0 where a place is empty or masked.
        filled: (b, l) whether there is a product, or a mask.
        masked: (b, l) whether a mask hides it.
        seconds: (b, l) int64 time of each; None if there is only an order.
    """

    products: Ints
    filled: PlaceMask
    masked: PlaceMask
    seconds: Ints | None

    @classmethod
    def from_sequences(cls, sequences: Sequences, spare: int = 0) -> SequenceBatch:
        """With as many places as the longest sequence, at least one, and `spare` empty ones."""
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

    def up_to(self, end: int) -> SequenceBatch:
        """The places before `end`."""
        seconds = None if self.seconds is None else self.seconds[:, :end]
        return SequenceBatch(
            self.products[:, :end], self.filled[:, :end], self.masked[:, :end], seconds
        )

    def mask_places(self, masked: PlaceMask) -> SequenceBatch:
        """With masks in some places, which hide their products."""
        products = np.where(masked, 0, self.products)
        return SequenceBatch(products, self.filled | masked, masked, self.seconds)


def select_examples(
    examples: tuple[SequenceBatch, PlaceMask, Ints], rows: Ints
) -> tuple[SequenceBatch, PlaceMask, Ints]:
    """Select examples of a training step by sequence.

    Args:
        examples: b sequences, the places (b, l) of predictions, and their targets (p,).
        rows: (c,) the sequences, in ascending order.
    """
    batch, places, targets = examples
    seconds = None if batch.seconds is None else batch.seconds[rows]
    selected = SequenceBatch(batch.products[rows], batch.filled[rows], batch.masked[rows], seconds)
    return selected, places[rows], targets[np.isin(places.nonzero()[0], rows)]


def shuffled_batches(lengths: Ints, size: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Batches of `size` rows in random order, each of sequences of similar length."""
    order = rng.permutation(len(lengths)).astype(np.int32)
    order = order[np.argsort(lengths[order], kind="stable")]
    steps = [order[start : start + size] for start in range(0, len(order), size)]
    for step in rng.permutation(len(steps)):
        yield steps[step]


class SequenceValidation:
    """hit@10 of held-out last products of at most 2,000 sequences.

    The complete catalogue is ranked; if no sequence repeats a product, without the prefix.
    """

    MAX_SEQUENCES = 2000

    def __init__(self, sequences: Sequences, share: float, seed: int) -> None:
        long_enough = np.flatnonzero(sequences.lengths > 2)  # the rest still has a transition
        count = min(int(share * len(long_enough)), self.MAX_SEQUENCES)
        held_back = np.sort(np.random.default_rng(seed).permutation(long_enough)[:count])
        # blocks of similar length have few empty places
        held_back = held_back[np.argsort(sequences.lengths[held_back], kind="stable")]
        self.prefixes, self.targets = sequences.take(held_back).split_last()
        self.new_only = not sequences.has_repeats
        self.train = sequences.without(sequences.starts[held_back + 1] - 1)

    def hits(self, scores: Floats, start: int) -> int:
        """Number of the targets from `start` on among the top ten of their row."""
        targets = self.targets[start : start + len(scores)]
        target = scores[np.arange(len(scores)), targets][:, None]
        above = (scores > target).sum(axis=1)
        return int((np.isfinite(target[:, 0]) & (above < 10)).sum())
