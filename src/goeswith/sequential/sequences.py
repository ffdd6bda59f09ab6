"""Sequences of products in order: one run for each session, user or basket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.arrays import Floats, Rows
from goeswith.core.errors import DataError

Ints = npt.NDArray[np.int64]

CONTEXTS: Final = ("session_id", "user_id", "basket_id")
"""Columns that group events to sequences: the first of these that a table has."""


@dataclass(frozen=True)
class Sequences:
    """Runs of products, oldest first, one after the other.

    Attributes:
        products: (m,) rows of the catalogue.
        starts: (s + 1,) where each run starts in `products`, and the end.
        seconds: (m,) time of each, in seconds; None if there is only an order.
    """

    products: Rows
    starts: Ints
    seconds: Ints | None = None

    @classmethod
    def from_rows(cls, runs: Iterable[Sequence[int]]) -> Sequences:
        """From runs of rows.

        >>> Sequences.from_rows([[3, 1], [2]]).starts
        array([0, 2, 3])
        """
        parts = [np.asarray(run, dtype=np.int32) for run in runs]
        products = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
        return cls(products, _starts([len(part) for part in parts]))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[Rows]:
        for i in range(len(self)):
            yield self.products[self.starts[i] : self.starts[i + 1]]

    @property
    def lengths(self) -> Ints:
        """(s,) products in each run."""
        return np.diff(self.starts)

    @property
    def run_index(self) -> Ints:
        """(m,) run of each product."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def steps_back(self) -> Ints:
        """(m,) distance of each product to the last of its run."""
        return np.repeat(self.starts[1:], self.lengths) - 1 - np.arange(len(self.products))

    def freshness(self, half_life: float | None) -> Floats:
        """(s,) weight of each run, 1 for the last one, less for older runs.

        Args:
            half_life: share of all runs after which the weight is half; None for no decay.
        """
        if half_life is None:
            return np.ones(len(self), dtype=np.float32)
        age = np.arange(len(self))[::-1] / max(len(self), 1)
        return np.power(0.5, age / half_life).astype(np.float32)

    def take(self, runs: npt.NDArray[np.integer]) -> Sequences:
        """Some runs, in the order of `runs`."""
        lengths = self.lengths[runs]
        starts = _starts(lengths)
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
        return self._select(np.repeat(self.starts[:-1][runs], lengths) + within, starts)

    def tail(self, longest: int) -> Sequences:
        """The last `longest` products of each run."""
        positions = np.flatnonzero(self.steps_back < longest)
        return self._select(positions, _starts(np.minimum(self.lengths, longest)))

    def split_last(self) -> tuple[Sequences, Rows]:
        """Each run without its last product, and those last products (s,): no run is empty.

        >>> before, last = Sequences.from_rows([[3, 1, 4], [2]]).split_last()
        >>> [run.tolist() for run in before], last
        ([[3, 1], []], array([4, 2], dtype=int32))
        """
        positions = np.flatnonzero(self.steps_back > 0)
        last = self.products[self.starts[1:] - 1]
        return self._select(positions, _starts(self.lengths - 1)), last

    def without(self, places: npt.NDArray[np.integer]) -> Sequences:
        """The runs without the products at some places of `products`."""
        is_kept = np.ones(len(self.products), dtype=bool)
        is_kept[places] = False
        starts = np.concatenate([[0], np.cumsum(is_kept)])[self.starts]
        return self._select(np.flatnonzero(is_kept), starts)

    @property
    def has_repeats(self) -> bool:
        """Whether some run holds a product twice."""
        pairs = np.stack([self.run_index, self.products.astype(np.int64)])
        return bool(np.unique(pairs, axis=1).shape[1] < len(self.products))

    def _select(self, places: Ints, starts: Ints) -> Sequences:
        seconds = None if self.seconds is None else self.seconds[places]
        return Sequences(self.products[places], starts, seconds)


def sequences_from_events(events: pl.DataFrame) -> tuple[Sequences, pl.DataFrame]:
    """Events as sequences, by session if there are sessions, else by user, else by basket.

    Args:
        events: as `goeswith.data.clean.clean_events` returns them. In a run they are ordered by
            `timestamp`, else by `position`, else as in the file; ties as in the file.

    Returns:
        the sequences, ordered by their first event (in time if there are timestamps, else in the
        file), and a row for each: its context, and its `locale` if events have one.

    Raises:
        DataError: no event has a context.
    """
    context = next((name for name in CONTEXTS if name in events.columns), None)
    events = events.filter(pl.col(context).is_not_null()) if context else events.clear()
    if context is None or not events.height:
        raise DataError(f"sequences need events with one of {', '.join(CONTEXTS)}")
    order = [name for name in ("timestamp", "position") if name in events.columns][:1]
    if order == ["timestamp"]:
        events = events.sort("timestamp", maintain_order=True)  # so that runs are in that order too
    first_row = pl.col("_first").min().over(context)
    events = events.with_row_index("_first").with_columns(first_row)
    events = events.sort("_first", *order, maintain_order=True)
    columns = [name for name in (context, "locale") if name in events.columns]
    runs = events.group_by("_first", maintain_order=True).agg(pl.len(), pl.col(columns).first())
    seconds = None
    if "timestamp" in events.columns:
        seconds = events["timestamp"].dt.epoch("s").to_numpy()
    products = events["product"].to_numpy().astype(np.int32)
    return Sequences(products, _starts(runs["len"].to_numpy()), seconds), runs.select(columns)


def _starts(lengths: npt.ArrayLike) -> Ints:
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))]).astype(np.int64)
