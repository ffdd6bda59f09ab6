"""Top-k of sparse scores, for models that score few products of a source.

The cost of dense rows grows with the square of the catalogue. Here it is proportional to the number
of scores.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse, best_columns, entry_rows


def sparse_top_k(
    scores: Sparse, sources: Rows, k: int, exclude: Sparse | None
) -> tuple[Rows, Floats]:
    """`top_k` of the rows of a sparse matrix.

    Args:
        scores: (b, n) CSR without repeated entries; products without an entry are never results.
        sources: (b,) rows, never their own answer.
        k: how many.
        exclude: (n, n) CSR; an entry in a source's row is an excluded product.

    Returns:
        products (b, k) int32, best first, ties by the lower one, padded with -1; and their scores
        (b, k) float32, padded with -inf.
    """
    b, n = scores.shape
    products = np.full((b, k), -1, dtype=np.int32)
    best = np.full((b, k), -np.inf, dtype=np.float32)
    allowed = ~_is_in(
        entry_rows(scores) * np.int64(n) + scores.indices, _excluded_keys(sources, n, exclude)
    )
    starts = scores.indptr.tolist()
    for row in range(b):
        is_allowed = allowed[starts[row] : starts[row + 1]]
        columns = scores.indices[starts[row] : starts[row + 1]][is_allowed]
        values = scores.data[starts[row] : starts[row + 1]][is_allowed]
        columns, values = best_columns(columns, values, k)
        products[row, : len(columns)], best[row, : len(columns)] = columns, values
    return products, best


def top_allowed(
    ranking: Rows, scores: Floats, sources: Rows, k: int, exclude: Sparse | None
) -> tuple[Rows, Floats]:
    """The top k of sources that share one ranking, without the excluded products of each.

    Args:
        ranking: (m,) products, best first.
        scores: (m,) theirs.
        sources: (b,) rows, never their own answer.
        k: how many.
        exclude: see `sparse_top_k`.

    Returns:
        see `sparse_top_k`.
    """
    b = len(sources)
    n = int(max(sources.max(initial=0), ranking.max(initial=0))) + 1
    if exclude is not None:
        n = max(n, exclude.shape[1])
    excluded = _excluded_keys(sources, n, exclude)
    max_excluded = int(np.bincount(excluded // n, minlength=b).max(initial=0))
    first_products = ranking[: k + max_excluded]
    keys = np.arange(b, dtype=np.int64)[:, None] * n + first_products
    allowed = ~_is_in(keys.ravel(), excluded).reshape(keys.shape)
    rank = np.cumsum(allowed, axis=1) - 1
    row, column = np.nonzero(allowed & (rank < k))
    products = np.full((b, k), -1, dtype=np.int32)
    best = np.full((b, k), -np.inf, dtype=np.float32)
    products[row, rank[row, column]] = first_products[column]
    best[row, rank[row, column]] = scores[column]
    return products, best


def _excluded_keys(sources: Rows, n: int, exclude: Sparse | None) -> npt.NDArray[np.int64]:
    """Sorted keys row * n + column of the excluded entries of b sources."""
    at = np.arange(len(sources), dtype=np.int64)
    keys = [at * n + sources]
    if exclude is not None:
        excluded = exclude[sources]
        keys.append(entry_rows(excluded) * np.int64(n) + excluded.indices)
    return np.unique(np.concatenate(keys))


def _is_in(
    keys: npt.NDArray[np.int64], sorted_keys: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """(m,) mask of the keys that are among sorted keys."""
    if not len(sorted_keys):
        return np.zeros(len(keys), dtype=np.bool_)
    place = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    is_in: npt.NDArray[np.bool_] = sorted_keys[place] == keys
    return is_in
