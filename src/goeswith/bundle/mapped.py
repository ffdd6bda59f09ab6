"""Arrays and strings read by memory map: nothing is loaded that is not asked for.

Plain numpy over the safetensors format (https://huggingface.co/docs/safetensors: eight bytes of
header length, a JSON header, the arrays), since the library's own numpy reader copies.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.errors import BundleError

MappedArrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

_DTYPES: Final = {
    "I8": np.int8,
    "U8": np.uint8,
    "I32": np.int32,
    "I64": np.int64,
    "F32": np.float32,
    "F64": np.float64,
}


def map_arrays(path: Path) -> MappedArrays:
    """Every array of a safetensors file, read-only and backed by the file.

    Raises:
        FileNotFoundError: there is no such file.
        BundleError: it is not a whole safetensors file.
    """
    with path.open("rb") as file:
        try:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            start = 8 + int.from_bytes(memory[:8], "little")
            if start > len(memory):
                raise ValueError("its header is cut short")
            header = json.loads(memory[8:start])
            return {
                name: _view(memory, start, entry)
                for name, entry in header.items()
                if name != "__metadata__"
            }
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise BundleError(f"{path} is not a whole safetensors file: {error}") from error


def _view(memory: mmap.mmap, start: int, entry: dict[str, Any]) -> npt.NDArray[Any]:
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end or (end - begin) % dtype.itemsize:
        raise ValueError(f"impossible offsets {begin}, {end}")
    flat = np.frombuffer(memory, dtype, (end - begin) // dtype.itemsize, start + begin)
    return flat.reshape(entry["shape"])


def pack_strings(name: str, values: list[str | None]) -> dict[str, npt.NDArray[Any]]:
    """Two arrays from which `Strings` reads: all bytes in a row, and where each value starts."""
    encoded = [(value or "").encode("utf-8", "replace") for value in values]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(value) for value in encoded], out=offsets[1:])
    joined = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    return {f"{name}.bytes": joined, f"{name}.offsets": offsets}


@dataclass(frozen=True)
class Strings:
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
    def of(cls, arrays: MappedArrays, name: str) -> Strings:
        """The column that `pack_strings` wrote under `name`."""
        return cls(arrays[f"{name}.bytes"], arrays[f"{name}.offsets"])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def raw(self, row: int) -> bytes:
        """A value in UTF-8."""
        return bytes(self._bytes[self._ends[row] : self._ends[row + 1]])

    def __getitem__(self, row: int) -> str:
        return str(self._bytes[self._ends[row] : self._ends[row + 1]], "utf-8", "replace")

    def containing(self, text: str) -> Iterator[int]:
        """Rows whose value contains `text`, upper and lower case alike for ASCII."""
        pattern = re.compile(re.escape(text.encode("utf-8", "replace")), re.IGNORECASE)
        start = 0
        while found := pattern.search(self.data.data, start):
            row = int(np.searchsorted(self.offsets, found.start(), side="right")) - 1
            start = int(self.offsets[row + 1])  # one match is enough, and one past the end is none
            if found.end() <= start:
                yield row


@dataclass(frozen=True)
class SortedIds:
    """Product ids, found by bisection over their sorted order: no table of all ids is built."""

    ids: Strings
    order: npt.NDArray[np.int32]
    """(n,) rows in the order of their ids' bytes."""

    def place(self, product_id: str) -> int:
        """Where `product_id` stands, or would stand, in the order."""
        key = product_id.encode("utf-8", "replace")
        low, high = 0, len(self.order)
        while low < high:
            middle = (low + high) // 2
            if self.ids.raw(int(self.order[middle])) < key:
                low = middle + 1
            else:
                high = middle
        return low

    def row(self, product_id: str) -> int | None:
        """The row of an id; None where no product has it."""
        place = self.place(product_id)
        if place < len(self.order):
            row = int(self.order[place])
            if self.ids[row] == product_id:
                return row
        return None

    def around(self, product_id: str, width: int) -> list[int]:
        """Rows of the `width` ids before and after where an id would stand."""
        place = self.place(product_id)
        return [int(row) for row in self.order[max(place - width, 0) : place + width]]


def sorted_order(ids: list[str]) -> npt.NDArray[np.int32]:
    """Rows in the order of their ids' bytes, as `SortedIds` expects them."""
    encoded = [value.encode("utf-8", "replace") for value in ids]
    return np.array(sorted(range(len(ids)), key=encoded.__getitem__), dtype=np.int32)
