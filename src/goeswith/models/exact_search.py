"""Exact search for the largest inner products, at about the cost of the matrix product.

A row of scores is never read twice: products are scored tile by tile, and of a tile only
the scores above the current k-th best are candidates. After a few tiles these are few. For a large
catalogue a loop compiled by numba reads a tile while it is in the processor's cache; without
numba, and for a small one, numpy does. Both have the same result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows
from goeswith.core.jit import has_numba, jit_compile

_BLOCK_SOURCES: Final = 512
"""Sources of a block."""
_TILE_PRODUCTS: Final = 2048
"""Products of a tile: 4 MB of scores, that stay in the processor's cache."""
_FOLD: Final = 16
"""Products whose maximum is compared first."""
_INITIAL_PRODUCTS: Final = 512
"""Products whose k-th best is the initial threshold."""
_MIN_COMPILED_PRODUCTS: Final = 30_000
"""Products from which on loading numba pays: a search for all products takes two seconds less."""


def best_products(
    vectors: Floats, targets: Floats, sources: Rows, k: int, exclude: Sparse | None
) -> tuple[Rows, Floats]:
    """The k targets with the largest inner product with each vector.

    Args:
        vectors: (b, d); a row of zeros has no answers.
        targets: (n, d); a row of zeros is never an answer.
        sources: (b,) rows of `targets` that are not answers themselves; -1 where that is none.
        k: how many, at most n.
        exclude: (n, n) CSR; an entry in a source's row is an excluded product.

    Returns:
        products (b, k) int32, best first, ties by the lower one, padded with -1; scores (b, k)
        float32, padded with -inf.
    """
    products = np.full((len(vectors), k), -1, dtype=np.int32)
    best = np.full((len(vectors), k), -np.inf, dtype=np.float32)
    zero_targets = np.flatnonzero(~np.asarray(targets.any(axis=1))).astype(np.int32)
    buffer = np.empty(min(len(vectors), _BLOCK_SOURCES) * _TILE_PRODUCTS, dtype=np.float32)
    insert = (
        jit_compile(_insert_above)
        if len(targets) >= _MIN_COMPILED_PRODUCTS and has_numba()
        else None
    )
    for start in range(0, len(vectors), _BLOCK_SOURCES):
        block = slice(start, start + _BLOCK_SOURCES)
        excluded = _excluded_entries(sources[block], exclude)
        _fill(
            products[block],
            best[block],
            vectors[block],
            targets,
            excluded,
            zero_targets,
            buffer,
            insert,
        )
    return products, best


def _fill(  # noqa: PLR0917
    products: Rows,
    best: Floats,
    vectors: Floats,
    targets: Floats,
    excluded: tuple[Rows, Rows],
    zero_targets: Rows,
    buffer: Floats,
    insert: Callable[..., Any] | None,
) -> None:
    """`best_products` of one block of sources, into products and best."""
    b, n, k = len(vectors), len(targets), best.shape[1]
    excluded_row, excluded_column = excluded
    zero_sources = ~np.asarray(vectors.any(axis=1))
    best[zero_sources] = np.inf  # above which there is nothing
    least = best[:, -1].copy()
    sources = np.ascontiguousarray(vectors.T)
    for start in range(0, n, _TILE_PRODUCTS):
        stop = min(start + _TILE_PRODUCTS, n)
        # one column a source: BLAS is faster by a quarter in this layout
        scores = buffer[: b * (stop - start)].reshape(stop - start, b)
        np.matmul(targets[start:stop], sources, out=scores)
        here = slice(*np.searchsorted(excluded_column, [start, stop]))
        scores[excluded_column[here] - start, excluded_row[here]] = -np.inf
        here = slice(*np.searchsorted(zero_targets, [start, stop]))
        scores[zero_targets[here] - start] = -np.inf
        if insert is not None:
            insert(scores, start, least, products, best)
            continue
        least = best[:, -1]
        if not start and k < stop:
            # the k-th best of the initial products is a lower bound of the final k-th best
            initial = np.ascontiguousarray(scores[: max(_INITIAL_PRODUCTS, k + 1)].T)
            kth = np.partition(initial, initial.shape[1] - k, axis=1)[:, initial.shape[1] - k]
            least = np.maximum(least, np.nextafter(kth, np.float32(-np.inf)))
        row, column = _entries_above(scores, least)
        if len(row):
            _merge_into(products, best, (row, column + start), scores[column, row])
    best[zero_sources] = -np.inf


def _insert_above(scores: Any, start: int, least: Any, products: Any, best: Any) -> None:
    """Insert scores above the last of their source in order; numba compiles this.

    Args:
        scores: (m, b) of products from `start` on.
        start: row of the first product.
        least: (b,) the last scores of the sources, changed in place, as are
        products: (b, k), and
        best: (b, k).
    """
    m, b = scores.shape
    last = best.shape[1] - 1
    for j in range(m):
        row = scores[j]
        for first in range(0, b, 64):
            if first + 64 <= b:
                # mostly none is above; LLVM vectorises this loop
                values, lasts, above = row[first : first + 64], least[first : first + 64], 0
                for c in range(64):
                    above |= values[c] > lasts[c]
                if above == 0:
                    continue
            for c in range(first, min(first + 64, b)):
                if row[c] > least[c]:
                    place = last
                    # an equal score in the list has a lower row
                    while place > 0 and best[c, place - 1] < row[c]:
                        best[c, place] = best[c, place - 1]
                        products[c, place] = products[c, place - 1]
                        place -= 1
                    best[c, place], products[c, place] = row[c], start + j
                    least[c] = best[c, last]


def _entries_above(scores: Floats, least: Floats) -> tuple[Rows, Rows]:
    """Source and product of the scores (m, b) above the least of their source, by both in order."""
    m, b = scores.shape
    if m % _FOLD:
        column, row = _nonzero(scores > least)
    else:
        # one pass for the largest of every few products, and a look at those alone
        fold_maxima = scores.reshape(_FOLD, m // _FOLD, b)
        place, source = _nonzero(fold_maxima.max(axis=0) > least)
        fold, at = _nonzero(fold_maxima[:, place, source] > least[source])
        row, column = source[at], fold * (m // _FOLD) + place[at]
    order = np.lexsort((column, row))
    return row[order].astype(np.int32), column[order].astype(np.int32)


def _nonzero(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """np.nonzero of a matrix, by the much faster np.flatnonzero."""
    row, column = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return row, column


def _merge_into(products: Rows, best: Floats, entries: tuple[Rows, Rows], scores: Floats) -> None:
    """Merge products above the last score of their row into the sorted rows.

    Args:
        products: (b, k), changed in place, as is
        best: (b, k).
        entries: (m,) rows among the b, in order, and products, in order within each.
        scores: (m,) theirs.
    """
    rows, row = np.unique(entries[0], return_inverse=True)
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    shape = (len(rows), int(rank.max()) + 1)
    values = np.full(shape, -np.inf, dtype=np.float32)
    candidates = np.full(shape, -1, dtype=np.int32)
    values[row, rank], candidates[row, rank] = scores, entries[1]
    values = np.concatenate([best[rows], values], axis=1)
    candidates = np.concatenate([products[rows], candidates], axis=1)
    # present products have lower columns, and new ones are in order
    order = np.argsort(-values, axis=1, kind="stable")[:, : best.shape[1]]
    best[rows] = np.take_along_axis(values, order, axis=1)
    products[rows] = np.take_along_axis(candidates, order, axis=1)


def _excluded_entries(sources: Rows, exclude: Sparse | None) -> tuple[Rows, Rows]:
    """(m,) row among the b and column of the excluded entries, sorted by column."""
    row, column = np.arange(len(sources), dtype=np.int32), np.asarray(sources, dtype=np.int32)
    if exclude is not None:
        excluded = exclude[sources]
        row = np.concatenate([row, entry_rows(excluded)])
        column = np.concatenate([column, excluded.indices])
    order = np.argsort(column, kind="stable")
    return row[order], column[order]
