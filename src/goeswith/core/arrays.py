"""Array types, top-k of rows, and operations on sparse matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Rows: TypeAlias = npt.NDArray[np.int32]
"""Products by their row in the catalogue."""
Floats: TypeAlias = npt.NDArray[np.float32]
Sparse: TypeAlias = Any
"""A scipy.sparse CSR matrix (scipy ships no types): n x n, row = source, column = target."""

SPARSE_BLOCK_ROWS: Final = 256
"""Rows of a block of sparse scores."""


def blocks(rows: Rows, size: int) -> Iterator[Rows]:
    """`rows` in blocks of at most `size`, so that memory stays at (size, n)."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def block_size(n: int, budget_mb: int = 64) -> int:
    """Number of dense float32 rows of length `n` that fit in `budget_mb`, from 1 to 1024."""
    return int(np.clip(budget_mb * 2**20 // (4 * max(n, 1)), 1, 1024))


def top_k(scores: Floats, k: int) -> tuple[Rows, Floats]:
    """The `k` best columns of each row, best first; ties go to the lower column.

    Args:
        scores: (b, n); -inf marks what must not be recommended.
        k: at most n are returned.

    Returns:
        products (b, min(k, n)) int32, padded with -1 where fewer are finite, and their scores
        (b, min(k, n)) float32, padded with -inf.
    """
    k = min(k, scores.shape[1])
    if k == 0:
        empty = np.zeros((len(scores), 0))
        return empty.astype(np.int32), empty.astype(np.float32)
    products = np.full((len(scores), k), -1, dtype=np.int32)
    best = np.full((len(scores), k), -np.inf, dtype=np.float32)
    for i, row in enumerate(scores):
        # rows are mostly -inf: these columns are dropped before anything is sorted
        columns = np.flatnonzero(np.isfinite(row))
        columns, values = best_columns(columns, row[columns], k)
        products[i, : len(columns)], best[i, : len(columns)] = columns, values
    return products, best


def best_columns(
    columns: npt.NDArray[Any], values: npt.NDArray[Any], k: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The `k` columns with the largest values, best first, and these values.

    Ties go to the lower column.

    Args:
        columns: (m,) distinct columns, in any order.
        values: (m,) their values, all finite.
        k: at most m are returned.
    """
    if len(values) > k:
        # every column at or above the k-th value is sorted, so that ties break by column
        above = values >= np.partition(values, len(values) - k)[len(values) - k]
        columns, values = columns[above], values[above]
    order = np.lexsort((columns, -values))[:k]
    return columns[order], values[order]


def row_top_k_mask(matrix: Sparse, k: int, *, prefer_last: bool = False) -> npt.NDArray[np.bool_]:
    """(nnz,) mask of the `k` largest entries of each row.

    Args:
        matrix: CSR, in any order within a row.
        k: at least 1.
        prefer_last: whether ties go to the higher column; to the lower one otherwise.
    """
    mask = np.ones(matrix.nnz, dtype=np.bool_)
    for row in np.flatnonzero(np.diff(matrix.indptr) > k).tolist():
        entries = slice(int(matrix.indptr[row]), int(matrix.indptr[row + 1]))
        values = matrix.data[entries]
        threshold = np.partition(values, len(values) - k)[len(values) - k]
        above = values > threshold
        ties = np.flatnonzero(values == threshold)
        missing = k - int(np.count_nonzero(above))
        if missing < len(ties):
            order = np.argsort(matrix.indices[entries][ties])
            ties = ties[order[-missing:] if prefer_last else order[:missing]]
        above[ties] = True
        mask[entries] = above
    return mask


def scale_rows(matrix: Sparse, factors: npt.NDArray[np.floating[Any]]) -> Sparse:
    """`diag(factors) @ matrix`, keeping CSR and float32."""
    scaled = matrix.copy()
    scaled.data = (matrix.data * np.repeat(factors, np.diff(matrix.indptr))).astype(np.float32)
    return scaled


def scale_columns(matrix: Sparse, factors: npt.NDArray[np.floating[Any]]) -> Sparse:
    """`matrix @ diag(factors)`, keeping CSR and float32."""
    scaled = matrix.copy()
    scaled.data = (matrix.data * factors[matrix.indices]).astype(np.float32)
    return scaled


def inverse_power(values: npt.NDArray[np.floating[Any]], power: float) -> npt.NDArray[np.float64]:
    """`values ** -power`, and 0 where a value is 0."""
    values = np.asarray(values, dtype=np.float64)
    out = np.zeros_like(values)
    np.power(values, -power, where=values > 0, out=out)
    return out


def entry_rows(matrix: Sparse) -> Rows:
    """The row of every stored entry of a CSR matrix, aligned with `.indices` and `.data`."""
    return np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))


def repeated_groups(codes: Rows) -> npt.NDArray[np.bool_]:
    """(b, m) of each row of group codes, -1 for none: whether the group was there before."""
    order = np.argsort(codes, axis=1, kind="stable")
    in_order = np.take_along_axis(codes, order, axis=1)
    repeated = np.zeros(codes.shape, dtype=bool)
    same = (in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] >= 0)
    np.put_along_axis(repeated, order[:, 1:], same, axis=1)
    return repeated
