"""Array types, and what every model needs of sparse matrices and top-k."""

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

FEW: Final = 256
"""Rows that are scored at a time where each has few entries."""


def blocks(rows: Rows, size: int) -> Iterator[Rows]:
    """`rows` in runs of at most `size`: what keeps memory at (size, n) and never (n, n)."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def block_size(n: int, budget_mb: int = 64) -> int:
    """How many dense float32 rows of length `n` fit in `budget_mb`; at least 1, at most 1024."""
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
        # rows are mostly -inf: what cannot be recommended is dropped before anything is sorted
        columns = np.flatnonzero(np.isfinite(row))
        values = row[columns]
        if len(values) > k:
            # every column at or above the k-th score, in column order: a stable sort then breaks
            # ties by column whatever the partition did
            above = values >= np.partition(values, len(values) - k)[len(values) - k]
            columns, values = columns[above], values[above]
        order = np.argsort(-values, kind="stable")[:k]
        products[i, : len(order)] = columns[order]
        best[i, : len(order)] = values[order]
    return products, best


def largest_of_rows(matrix: Sparse, k: int) -> npt.NDArray[np.bool_]:
    """(nnz,) which entries are among the `k` largest of their row; ties go to the lower column.

    Args:
        matrix: CSR, in any order within a row.
        k: at least 1.
    """
    kept = np.ones(matrix.nnz, dtype=np.bool_)
    for row in np.flatnonzero(np.diff(matrix.indptr) > k).tolist():
        at = slice(int(matrix.indptr[row]), int(matrix.indptr[row + 1]))
        values = matrix.data[at]
        least = np.partition(values, len(values) - k)[len(values) - k]
        above = values > least
        equal = np.flatnonzero(values == least)
        wanting = k - int(np.count_nonzero(above))
        if wanting < len(equal):
            equal = equal[np.argsort(matrix.indices[at][equal])[:wanting]]
        above[equal] = True
        kept[at] = above
    return kept


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
    """`values ** -power`, with 0 where a value is 0: a product without edges passes nothing on."""
    values = np.asarray(values, dtype=np.float64)
    out = np.zeros_like(values)
    np.power(values, -power, where=values > 0, out=out)
    return out


def entry_rows(matrix: Sparse) -> Rows:
    """The row of every stored entry of a CSR matrix, aligned with `.indices` and `.data`."""
    return np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))
