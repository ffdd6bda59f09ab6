"""Numpy arrays and CSR matrices in one safetensors file: no pickle, read by memory map."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from safetensors.numpy import save_file

from goeswith.core.atomic_files import atomic_path
from goeswith.core.errors import BundleError
from goeswith.core.mapped_arrays import map_arrays

Arrays: TypeAlias = dict[str, Any]
"""Name -> numpy array or scipy CSR matrix."""

Array: TypeAlias = np.ndarray[Any, Any]

_INDEX_DTYPES = (np.dtype(np.int32), np.dtype(np.int64))
_MAX_COLUMNS = 2**31 - 1
_FREE_COLUMNS, _COLUMNS_PER_ENTRY = 2**20, 2**10
"""Columns that any matrix may have, and for each row and entry: products of matrices take memory
for every column, whether it has entries or not.
"""
_CSR = ("data", "indices", "indptr", "shape")


def save_arrays(arrays: Arrays, path: Path) -> None:
    """Write arrays; a CSR matrix `m` becomes m.data, m.indices, m.indptr and m.shape."""
    flat: dict[str, np.ndarray[Any, Any]] = {}
    for name, value in arrays.items():
        if isinstance(value, np.ndarray):
            flat[name] = np.ascontiguousarray(value).reshape(value.shape)  # 0-d stays 0-d
        else:
            parts = (value.data, value.indices, value.indptr, np.array(value.shape))
            for part, array in zip(_CSR, parts, strict=True):
                flat[f"{name}.{part}"] = np.ascontiguousarray(array)
    with atomic_path(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode  # safetensors writes for the owner only
        save_file(flat, temporary)
        temporary.chmod(mode)


def load_arrays(path: Path) -> Arrays:
    """Read arrays that `save_arrays` wrote: read-only, and backed by the file.

    Raises:
        BundleError: the file is missing or damaged.
    """
    try:
        flat = map_arrays(path)
    except OSError as error:
        raise BundleError(f"{path.name} cannot be read: {error}") from error
    arrays: Arrays = {name: value for name, value in flat.items() if "." not in name}
    for name in {name.split(".")[0] for name in flat if "." in name}:
        try:
            arrays[name] = _csr_matrix(*(flat[f"{name}.{part}"] for part in _CSR))
        except (KeyError, ValueError, TypeError, OverflowError, IndexError) as error:
            raise BundleError(f"{path}: the matrix {name!r} is damaged: {error}") from error
    return arrays


def _csr_matrix(data: Array, indices: Array, indptr: Array, shape: Array) -> Any:
    """A matrix with every index in range: scipy reads what an index points to without a check.

    Raises:
        ValueError: it is damaged.
    """
    from scipy import sparse  # only models with matrices pay for it

    for array in (data, indices, indptr, shape):
        if array.ndim != 1:
            raise ValueError(f"an array has {array.ndim} dimensions")
    if indices.dtype not in _INDEX_DTYPES or indptr.dtype not in _INDEX_DTYPES:
        raise ValueError("the indices are no int32 or int64")
    rows, columns = shape.tolist()
    if not (0 <= columns <= _MAX_COLUMNS and len(indptr) == rows + 1 and len(data) == len(indices)):
        raise ValueError("its parts do not match")
    if columns > _FREE_COLUMNS + _COLUMNS_PER_ENTRY * (rows + len(indices)):
        raise ValueError(f"it has {columns:,} columns for {len(indices):,} entries")
    if indptr[0] != 0 or indptr[-1] != len(indices) or (indptr[1:] < indptr[:-1]).any():
        raise ValueError("indptr does not divide the entries into rows")
    if len(indices) and (indices.min() < 0 or indices.max() >= columns):
        raise ValueError(f"an index is not below {columns}")
    return sparse.csr_matrix((data, indices, indptr), shape=(rows, columns))
