"""The best of few: answers of models that score few products of a source, without a row of all.

A dense row costs as much as the catalogue is large, for each of its products: time grows with the
square. What is done here is in proportion to what the models have to say.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows


def best_of_few(
    scores: Sparse, sources: Rows, k: int, exclude: Sparse | None
) -> tuple[Rows, Floats]:
    """What `top_k` says of the dense rows, of their finite entries alone.

    Args:
        scores: (b, n) CSR without repeated entries; what has no entry is never recommended.
        sources: (b,) rows, never their own answer.
        k: how many.
        exclude: (n, n) CSR; an entry in a source's row is a product to leave out.

    Returns:
        products (b, k) int32, best first, ties by the lower one, padded with -1; and their scores
        (b, k) float32, padded with -inf.
    """
    b, n = scores.shape
    products = np.full((b, k), -1, dtype=np.int32)
    best = np.full((b, k), -np.inf, dtype=np.float32)
    allowed = ~_among(
        entry_rows(scores) * np.int64(n) + scores.indices, _left_out(sources, n, exclude)
    )
    starts = scores.indptr.tolist()
    for row in range(b):
        kept = allowed[starts[row] : starts[row + 1]]
        columns = scores.indices[starts[row] : starts[row + 1]][kept]
        values = scores.data[starts[row] : starts[row + 1]][kept]
        if len(values) > k:
            above = values >= np.partition(values, len(values) - k)[len(values) - k]
            columns, values = columns[above], values[above]
        order = np.lexsort((columns, -values))[:k]
        products[row, : len(order)] = columns[order]
        best[row, : len(order)] = values[order]
    return products, best


def first_allowed(
    ranked: Rows, scores: Floats, sources: Rows, k: int, exclude: Sparse | None
) -> tuple[Rows, Floats]:
    """The answers of sources that all have one ranking, but for what each must not be told.

    Args:
        ranked: (m,) products, best first.
        scores: (m,) theirs.
        sources: (b,) rows, never their own answer.
        k: how many.
        exclude: see `best_of_few`.

    Returns:
        see `best_of_few`.
    """
    b = len(sources)
    n = int(max(sources.max(initial=0), ranked.max(initial=0))) + 1
    if exclude is not None:
        n = max(n, exclude.shape[1])
    out = _left_out(sources, n, exclude)
    most_out = int(np.bincount(out // n, minlength=b).max(initial=0))
    near = ranked[: k + most_out]
    keys = np.arange(b, dtype=np.int64)[:, None] * n + near
    allowed = ~_among(keys.ravel(), out).reshape(keys.shape)
    place = np.cumsum(allowed, axis=1) - 1
    row, column = np.nonzero(allowed & (place < k))
    products = np.full((b, k), -1, dtype=np.int32)
    best = np.full((b, k), -np.inf, dtype=np.float32)
    products[row, place[row, column]] = near[column]
    best[row, place[row, column]] = scores[column]
    return products, best


def _left_out(sources: Rows, n: int, exclude: Sparse | None) -> npt.NDArray[np.int64]:
    """Sorted keys row * n + column of what the b sources must not be told."""
    at = np.arange(len(sources), dtype=np.int64)
    keys = [at * n + sources]
    if exclude is not None:
        out = exclude[sources]
        keys.append(entry_rows(out) * np.int64(n) + out.indices)
    return np.unique(np.concatenate(keys))


def _among(keys: npt.NDArray[np.int64], some: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which keys are among some that are sorted."""
    if not len(some):
        return np.zeros(len(keys), dtype=np.bool_)
    place = np.minimum(np.searchsorted(some, keys), len(some) - 1)
    found: npt.NDArray[np.bool_] = some[place] == keys
    return found
