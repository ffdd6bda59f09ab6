"""A sparse matrix in memory-mapped arrays."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.core.mapped_arrays import MappedArrays


class MappedMatrix:
    """A CSR matrix read row by row, without scipy."""

    def __init__(self, arrays: MappedArrays, name: str) -> None:
        starts = arrays[f"{name}.indptr"]
        self.indices = arrays[f"{name}.indices"]
        self.data = arrays[f"{name}.data"]
        self.rows = len(starts) - 1
        # indexing a view gives Python's own numbers: a third of the time of an array's
        self._starts, self._columns = starts.data, self.indices.data
        self._values = plain_view(self.data)

    def row(self, row: int) -> tuple[Rows, npt.NDArray[Any]]:
        """Columns, sorted, and values of one row."""
        at = slice(self._starts[row], self._starts[row + 1])
        return self.indices[at], self.data[at]

    def columns(self, row: int) -> memoryview:
        """Columns of one row, sorted, of which indexing gives Python's own numbers."""
        return self._columns[self._starts[row] : self._starts[row + 1]]

    def is_empty(self, row: int) -> bool:
        """Whether a row has no entries."""
        return bool(self._starts[row] == self._starts[row + 1])

    def rounded(self, row: int, column: int) -> int:
        """One entry as a whole number; 0 if there is none."""
        at = self.position(row, column)
        return round(self._values[at]) if at >= 0 else 0

    def position(self, row: int, column: int) -> int:
        """Position of one entry in `data`; -1 if there is none."""
        start, stop = self._starts[row], self._starts[row + 1]
        place = bisect_left(self._columns, column, start, stop)
        return place if place < stop and self._columns[place] == column else -1

    def places(self, row: int, columns: list[int]) -> list[int]:
        """`positions` of a few, in plain numbers."""
        start, stop, held = self._starts[row], self._starts[row + 1], self._columns
        found = []
        for column in columns:
            place = bisect_left(held, column, start, stop)
            found.append(place if place < stop and held[place] == column else -1)
        return found

    def places_in(self, rows: list[int], column: int) -> list[int]:
        """Positions of one column in some rows, in plain numbers; -1 where there is none."""
        starts, held = self._starts, self._columns
        found = []
        for row in rows:
            stop = starts[row + 1]
            place = bisect_left(held, column, starts[row], stop)
            found.append(place if place < stop and held[place] == column else -1)
        return found

    def positions(self, row: int, columns: Rows) -> npt.NDArray[np.int64]:
        """Positions of some entries of one row in `data`; -1 for those that do not exist."""
        start = self._starts[row]
        positions = positions_in(self.row(row)[0], columns)
        return np.where(positions < 0, -1, positions + start)


def plain_view(array: npt.NDArray[Any]) -> memoryview:
    """A vector of which indexing gives Python's own numbers, in a third of an array's time."""
    return (array.astype(np.float32) if array.dtype == np.float16 else array).data


def positions_in(haystack: Rows, needles: Rows) -> npt.NDArray[np.int64]:
    """Places of `needles` in the sorted `haystack`; -1 where it is not there."""
    if not len(haystack):
        return np.full(len(needles), -1, dtype=np.int64)
    positions = np.minimum(haystack.searchsorted(needles), len(haystack) - 1)
    return np.where(haystack[positions] == needles, positions, -1)
