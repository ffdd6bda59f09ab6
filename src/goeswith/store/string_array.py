"""Strings and ids read from mapped arrays one at a time."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from goeswith.core.mapped_arrays import MappedArrays


def pack_strings(name: str, values: list[str | None]) -> dict[str, npt.NDArray[Any]]:
    """The two arrays of a `StringArray`: all bytes, and the start of each value."""
    encoded = [(value or "").encode("utf-8", "replace") for value in values]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(value) for value in encoded], out=offsets[1:])
    joined = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    return {f"{name}.bytes": joined, f"{name}.offsets": offsets}


@dataclass(frozen=True)
class StringArray:
    """A column of strings; a missing value and an empty one are the same."""

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        # indexing a view gives Python's own numbers and bytes: a third of the time of an array's
        object.__setattr__(self, "_bytes", self.data.data)
        object.__setattr__(self, "_ends", self.offsets.data)

    _bytes: memoryview = field(init=False, repr=False, compare=False)
    _ends: memoryview = field(init=False, repr=False, compare=False)

    @classmethod
    def from_arrays(cls, arrays: MappedArrays, name: str) -> StringArray:
        """The column that `pack_strings` wrote under `name`."""
        return cls(arrays[f"{name}.bytes"], arrays[f"{name}.offsets"])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def raw(self, row: int) -> bytes:
        """A value in UTF-8."""
        return bytes(self._bytes[self._ends[row] : self._ends[row + 1]])

    def between(self, first: int, last: int) -> list[str]:
        """The values from `first` to before `last`, in a quarter of the time of one by one."""
        if first >= last:
            return []
        ends = self.offsets[first : last + 1]
        starts = (ends - ends[0]).tolist()
        content = bytes(self._bytes[int(ends[0]) : int(ends[-1])])
        if content.isascii():
            text = content.decode()
            return [text[start:end] for start, end in pairwise(starts)]
        return [content[start:end].decode("utf-8", "replace") for start, end in pairwise(starts)]

    def __getitem__(self, row: int) -> str:
        return str(self._bytes[self._ends[row] : self._ends[row + 1]], "utf-8", "replace")


@dataclass(frozen=True)
class SortedIds:
    """Product ids looked up by bisection of their sorted order, without a table of all ids."""

    ids: StringArray
    order: npt.NDArray[np.int32]
    """(n,) rows in the order of their ids' bytes."""

    def position(self, product_id: str) -> int:
        """Position of `product_id` in the order, or its insertion point."""
        key = product_id.encode("utf-8", "replace")
        return bisect_left(self.order.data, key, key=self.ids.raw)

    def row(self, product_id: str) -> int | None:
        """The row of an id; None where no product has it."""
        place = self.position(product_id)
        if place < len(self.order):
            row = int(self.order[place])
            if self.ids[row] == product_id:
                return row
        return None


def sorted_order(ids: list[str]) -> npt.NDArray[np.int32]:
    """Rows in the order of their ids' bytes, as `SortedIds` expects them."""
    encoded = [value.encode("utf-8", "replace") for value in ids]
    return np.array(sorted(range(len(ids)), key=encoded.__getitem__), dtype=np.int32)
