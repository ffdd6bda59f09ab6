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
        from scipy import sparse  # only models with matrices pay for it

        data, indices, indptr, shape = (flat[f"{name}.{part}"] for part in _CSR)
        arrays[name] = sparse.csr_matrix((data, indices, indptr), shape=tuple(shape.tolist()))
    return arrays
