"""Every array of a build is read and compared with what queries take for granted: shapes, ranges
and order. About a second a gigabyte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from goeswith.core.errors import BundleError
from goeswith.kinds.link_reasons import REASONS
from goeswith.store.manifest import (
    AVAILABILITY,
    EVIDENCE,
    EXPLANATIONS,
    KINDS,
    LOOKUP,
    REVERSE,
    SEARCH,
    SIMILARS,
    TRANSITIONS,
    TRIAL_REPEAT,
)
from goeswith.store.manifest import TOP_K as ANSWERS

if TYPE_CHECKING:
    from pathlib import Path

    from goeswith.core.mapped_arrays import MappedArrays

Array = npt.NDArray[Any]


class _Fault(Exception):  # noqa: N818
    """An array is not as it should be; the message says how."""


def check_arrays(
    build: Path, files: Mapping[str, MappedArrays], n: int, types: int, models: int
) -> None:
    """Refuse a build with an array that no fit writes.

    Args:
        build: folder, for messages.
        files: name -> its arrays, of those files that the build has.
        n: products.
        types: product types.
        models: of the manifest.

    Raises:
        BundleError: the message names the file and the array.
    """
    checks: dict[str, Callable[[MappedArrays], None]] = {
        LOOKUP: lambda arrays: _check_lookup(arrays, n, types),
        SEARCH: lambda arrays: _check_search(arrays, n),
        EVIDENCE: lambda arrays: _check_evidence(arrays, n, types),
        ANSWERS: lambda arrays: _check_answers(arrays, n, models),
        SIMILARS: lambda arrays: _check_similars(arrays, n),
        KINDS: lambda arrays: _check_kinds(arrays, n),
        REVERSE: lambda arrays: _check_rows(arrays, "", n, n),
        AVAILABILITY: lambda arrays: _check_availability(arrays, n),
        TRIAL_REPEAT: lambda arrays: _check_trial_repeat(arrays, n),
        TRANSITIONS: lambda arrays: _check_transitions(arrays, n),
        EXPLANATIONS: lambda arrays: _check_explanations(arrays, n),
    }
    for name, check in checks.items():
        if files.get(name):
            with _named(build / name):
                check(files[name])


@contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except _Fault as fault:
        raise BundleError(f"{file} is damaged: {fault}; fit the bundle again") from fault
    except KeyError as error:
        raise BundleError(
            f"{file} is incomplete: the array {error} is missing; fit the bundle again"
        ) from error


def _check_lookup(arrays: MappedArrays, n: int, types: int) -> None:
    for name, length in (("id", n), ("type", types)):
        _strings(arrays, name, length)
    titles = _strings(arrays, "title")
    if titles not in (0, n):
        raise _Fault(f"there are {titles:,} titles of {n:,} products")
    order = _integers(arrays, "id.order", n, 0, n)
    if len(order) and not np.array_equal(np.sort(order), np.arange(n)):
        raise _Fault("id.order does not hold each product once")
    _integers(arrays, "type.codes", n, -1, types)
    _integers(arrays, "variant.codes", n, -1, None)


def _check_search(arrays: MappedArrays, n: int) -> None:
    words = _strings(arrays, "word")
    _integers(arrays, "backwards.word", _strings(arrays, "backwards"), 0, words)
    ranks = arrays["ranks"]
    _starts(arrays, "starts", words, len(ranks))
    _integers(arrays, "ranks", None, 0, n)
    _integers(arrays, "rows", n, 0, n)


def _check_evidence(arrays: MappedArrays, n: int, types: int) -> None:
    for name in ("bought", "out", "into", "viewed", "similar"):
        _check_rows(arrays, f"{name}.", n, n)
        _numbers(arrays, f"{name}.data", len(arrays[f"{name}.indices"]))
    _check_rows(arrays, "alike.", n, types)
    _integers(arrays, "alike.data", len(arrays["alike.indices"]), 0, n)
    pairs = len(arrays["bought.indices"])
    for name in ("bought.source_first", "bought.weight"):
        if name in arrays:
            _numbers(arrays, name, pairs)
    keys = _integers(arrays, "types.keys", None, 0, types * types)
    if (np.diff(keys) <= 0).any():
        raise _Fault("types.keys is not sorted")
    _numbers(arrays, "types.count", len(keys))
    _numbers(arrays, "purchases", n)
    if "source_contexts" in arrays:
        _numbers(arrays, "source_contexts", n)
    if "contexts" in arrays:
        _numbers(arrays, "contexts", 1)


def _check_answers(arrays: MappedArrays, n: int, models: int) -> None:
    products = _integers(arrays, "products", None, -1, n)
    name = "model_index" if "model_index" in arrays else "origin"
    index = _integers(arrays, name, None, -1, models)
    is_filled = products >= 0
    if (index[is_filled] < 0).any():
        raise _Fault(f"{name} has products of no model")
    if not is_filled.all(axis=-1).all() and (is_filled[:, 1:] & ~is_filled[:, :-1]).any():
        raise _Fault("products has empty places before filled ones")
    if np.isnan(_kind(arrays, "scores", "f")).any():
        raise _Fault("scores has values that are not numbers")


def _check_similars(arrays: MappedArrays, n: int) -> None:
    tokens = len(arrays["token.indptr"]) - 1
    _check_rows(arrays, "product.", n, tokens)
    _check_rows(arrays, "token.", tokens, n)
    for name in ("product", "token"):
        _numbers(arrays, f"{name}.data", len(arrays[f"{name}.indices"]))


def _check_kinds(arrays: MappedArrays, n: int) -> None:
    kinds = _strings(arrays, "id")
    _integers(arrays, "codes", n, -1, kinds)
    for name, stop in (("strength", 256), ("reason", len(REASONS))):
        _integers(arrays, name, None, 0, stop)
        _shape(arrays, name, (kinds, kinds))
    _kind(arrays, "replaced", "b")
    _shape(arrays, "replaced", (kinds, kinds))


def _check_availability(arrays: MappedArrays, n: int) -> None:
    _integers(arrays, "flags", n, 0, 4)


def _check_trial_repeat(arrays: MappedArrays, n: int) -> None:
    length = len(arrays["repeat"])
    if length > n:
        raise _Fault("repeat has more entries than there are products")
    for name in ("repeat", "trial"):
        _numbers(arrays, name, length)


def _check_transitions(arrays: MappedArrays, n: int) -> None:
    for name in {key.partition(".")[0] for key in arrays if key.endswith(".indptr")}:
        _check_rows(arrays, f"{name}.", len(arrays[f"{name}.indptr"]) - 1, n)
        _numbers(arrays, f"{name}.data", len(arrays[f"{name}.indices"]))
        if len(arrays[f"{name}.indptr"]) - 1 > n:
            raise _Fault(f"{name}.indptr has more rows than there are products")


def _check_explanations(arrays: MappedArrays, n: int) -> None:
    texts = _strings(arrays, "text")
    targets = _integers(arrays, "targets", None, -1, n)
    _integers(arrays, "place", None, -1, max(texts, 1))
    for name in ("targets", "place"):
        if targets.ndim != 2 or len(targets) > n:
            raise _Fault("targets is not a table of the products")
        _shape(arrays, name, targets.shape)


def _check_rows(arrays: MappedArrays, prefix: str, rows: int, columns: int) -> None:
    """A CSR matrix: `indptr` and `indices`."""
    indices = _integers(arrays, f"{prefix}indices", None, 0, columns)
    _starts(arrays, f"{prefix}indptr", rows, len(indices))


def _strings(arrays: MappedArrays, name: str, length: int | None = None) -> int:
    """How many strings of `pack_strings` there are."""
    content = arrays[f"{name}.bytes"]
    if content.dtype != np.uint8 or content.ndim != 1:
        raise _Fault(f"{name}.bytes holds no bytes")
    count = len(arrays[f"{name}.offsets"]) - 1
    _starts(arrays, f"{name}.offsets", count if length is None else length, len(content))
    return count


def _starts(arrays: MappedArrays, name: str, rows: int, length: int) -> None:
    """Where each of some rows starts among `length` entries, and the end of the last."""
    starts = _integers(arrays, name, rows + 1, 0, length + 1)
    if starts[0] != 0 or starts[-1] != length or (starts[1:] < starts[:-1]).any():
        raise _Fault(f"{name} does not divide {length:,} entries into rows")


def _integers(
    arrays: MappedArrays, name: str, length: int | None, low: int, stop: int | None
) -> Array:
    """Whole numbers from `low` to below `stop`."""
    array = _kind(arrays, name, "iu")
    if length is not None:
        _shape(arrays, name, (length,))
    elif array.ndim not in (1, 2):
        raise _Fault(f"{name} has the shape {array.shape}")
    if array.size and (array.min() < low or (stop is not None and array.max() >= stop)):
        raise _Fault(
            f"{name} goes from {array.min():,} to {array.max():,}, but {low:,} to "
            f"{'any' if stop is None else f'{stop - 1:,}'} are possible"
        )
    return array


def _numbers(arrays: MappedArrays, name: str, length: int) -> None:
    """Finite numbers."""
    array = _kind(arrays, name, "iuf")
    _shape(arrays, name, (length,))
    if not np.isfinite(array).all() or (array.size and abs(float(array.max())) > 1e15):
        raise _Fault(f"{name} has values that are not counts or weights")


def _kind(arrays: MappedArrays, name: str, kinds: str) -> Array:
    array = arrays[name]
    if array.dtype.kind not in kinds:
        raise _Fault(f"{name} has the type {array.dtype}")
    return array


def _shape(arrays: MappedArrays, name: str, shape: tuple[int, ...]) -> None:
    if arrays[name].shape != shape:
        raise _Fault(f"{name} has the shape {arrays[name].shape} instead of {shape}")
