"""The best inner products of all, exactly, at about the price of the matrix product itself.

A row of scores is never looked at twice: products are scored a tile at a time, and of a tile only
what is above the k-th best so far is kept. After a few tiles that is next to nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from goeswith.arrays import Floats, Rows, Sparse, entry_rows, top_k

SOURCES: Final = 256
"""Rows scored at a time."""
_TILE: Final = 8192
"""Columns of a tile: 8 MB of scores, that stay in the processor's cache."""


def best_products(
    vectors: Floats, targets: Floats, sources: Rows, k: int, exclude: Sparse | None
) -> tuple[Rows, Floats]:
    """The k targets with the largest inner product with each vector.

    Args:
        vectors: (b, d); a row of zeros has no answers.
        targets: (n, d); a row of zeros is never an answer.
        sources: (b,) rows of `targets` that are not answers themselves.
        k: how many, at most n.
        exclude: (n, n) CSR; an entry in a source's row is a product to leave out.

    Returns:
        products (b, k) int32, best first, ties by the lower one, padded with -1; scores (b, k)
        float32, padded with -inf.
    """
    b, n = len(vectors), len(targets)
    out_row, out_column = _left_out(sources, exclude)
    nothing = np.asarray(~targets.any(axis=1))
    silent = np.asarray(~vectors.any(axis=1))
    products = np.full((b, k), -1, dtype=np.int32)
    best = np.full((b, k), -np.inf, dtype=np.float32)
    for start in range(0, n, _TILE):
        stop = min(start + _TILE, n)
        scores = vectors @ targets[start:stop].T
        here = slice(*np.searchsorted(out_column, [start, stop]))
        scores[out_row[here], out_column[here] - start] = -np.inf
        if nothing[start:stop].any():
            scores[:, nothing[start:stop]] = -np.inf
        scores[silent] = -np.inf
        if not start:
            first, values = top_k(scores, k)
            products[:, : first.shape[1]], best[:, : first.shape[1]] = first, values
            continue
        rows = np.flatnonzero(scores.max(axis=1) > best[:, -1]).astype(np.int32)
        if len(rows):
            _take(products, best, rows, scores[rows], start)
    return products, best


def _take(products: Rows, best: Floats, rows: Rows, scores: Floats, start: int) -> None:
    """Put what a tile has above the last place of some rows in its place, in all of them."""
    row, column = np.nonzero(scores > best[rows, -1:])
    width = int(np.bincount(row).max())
    place = np.arange(len(row)) - np.searchsorted(row, row)
    values = np.full((len(rows), width), -np.inf, dtype=np.float32)
    found = np.full((len(rows), width), -1, dtype=np.int32)
    values[row, place], found[row, place] = scores[row, column], column + start
    values = np.concatenate([best[rows], values], axis=1)
    found = np.concatenate([products[rows], found], axis=1)
    # what stood there has lower columns, and those of a tile are in order
    order = np.argsort(-values, axis=1, kind="stable")[:, : best.shape[1]]
    best[rows] = np.take_along_axis(values, order, axis=1)
    products[rows] = np.take_along_axis(found, order, axis=1)


def _left_out(sources: Rows, exclude: Sparse | None) -> tuple[Rows, Rows]:
    """Row among the b and column of what must not be an answer, by column."""
    row, column = np.arange(len(sources), dtype=np.int32), np.asarray(sources, dtype=np.int32)
    if exclude is not None:
        out = exclude[sources]
        row = np.concatenate([row, entry_rows(out)])
        column = np.concatenate([column, out.indices])
    order = np.argsort(column, kind="stable")
    return row[order], column[order]
