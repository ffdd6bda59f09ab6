"""Memory-mapped arrays: only accessed pages are loaded, and processes share them.

Plain numpy over the safetensors format (https://huggingface.co/docs/safetensors: eight bytes of
header length, a JSON header, the arrays), since the library's own numpy reader copies.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.errors import BundleError

MappedArrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

_DTYPES: Final = {
    "BOOL": np.bool_,
    "I8": np.int8,
    "U8": np.uint8,
    "I16": np.int16,
    "U16": np.uint16,
    "I32": np.int32,
    "U32": np.uint32,
    "I64": np.int64,
    "U64": np.uint64,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
}

_MAX_DIMENSIONS: Final = 8
_MAX_HEADER: Final = 100_000_000
"""Bytes of a header, as in the safetensors library."""


def map_arrays(path: Path) -> MappedArrays:
    """Every array of a safetensors file, read-only and backed by the file.

    Raises:
        FileNotFoundError: there is no such file.
        BundleError: it is not a complete safetensors file.
    """
    with path.open("rb") as file:
        try:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            start = 8 + int.from_bytes(memory[:8], "little")
            if start > min(len(memory), _MAX_HEADER + 8):
                raise ValueError("its header is cut short")
            header = json.loads(memory[8:start])
            return {
                name: _view(memory, start, entry)
                for name, entry in header.items()
                if name != "__metadata__"
            }
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise BundleError(f"{path} is not a complete safetensors file: {error}") from error


def _view(memory: mmap.mmap, start: int, entry: dict[str, Any]) -> npt.NDArray[Any]:
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end or (end - begin) % dtype.itemsize:
        raise ValueError(f"impossible offsets {begin}, {end}")
    shape = entry["shape"]
    if len(shape) > _MAX_DIMENSIONS or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"impossible shape {shape}")
    flat = np.frombuffer(memory, dtype, (end - begin) // dtype.itemsize, start + begin)
    if dtype == np.bool_ and len(flat) and flat.view(np.uint8).max() > 1:
        raise ValueError("truth values other than 0 and 1")
    return flat.reshape(shape)
