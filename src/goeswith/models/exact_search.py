"""The best inner products of all, exactly, at about the price of the matrix product itself.

A row of scores is never looked at twice: products are scored a tile at a time, and of a tile only
what is above the k-th best so far is kept. After a few tiles that is next to nothing. Of a large
catalogue a loop that numba compiles looks at a tile while it is in the processor's cache; without
numba, and of a small one, numpy does. Both find the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows
from goeswith.core.compiled import available, compiled

_SOURCES: Final = 512
"""Sources scored at a time."""
_TILE: Final = 2048
"""Products of a tile: 4 MB of scores, that stay in the processor's cache."""
_FOLD: Final = 16
"""Products of which only the largest is compared at first."""
_FEW: Final = 512
"""Products whose k-th best is where the first tile starts from."""
_LARGE: Final = 30_000
"""Products from which on loading numba pays: the catalogue is asked whole, in two seconds less."""


def best_products(
    vectors: Floats, targets: Floats, sources: Rows, k: int, exclude: Sparse | None
) -> tuple[Rows, Floats]:
    """The k targets with the largest inner product with each vector.

    Args:
        vectors: (b, d); a row of zeros has no answers.
        targets: (n, d); a row of zeros is never an answer.
        sources: (b,) rows of `targets` that are not answers themselves; -1 where that is none.
        k: how many, at most n.
        exclude: (n, n) CSR; an entry in a source's row is a product to leave out.

    Returns:
        products (b, k) int32, best first, ties by the lower one, padded with -1; scores (b, k)
        float32, padded with -inf.
    """
    products = np.full((len(vectors), k), -1, dtype=np.int32)
    best = np.full((len(vectors), k), -np.inf, dtype=np.float32)
    nothing = np.flatnonzero(~np.asarray(targets.any(axis=1))).astype(np.int32)
    room = np.empty(min(len(vectors), _SOURCES) * _TILE, dtype=np.float32)
    look = compiled(_look) if len(targets) >= _LARGE and available() else None
    for start in range(0, len(vectors), _SOURCES):
        block = slice(start, start + _SOURCES)
        out = _left_out(sources[block], exclude)
        _fill(products[block], best[block], vectors[block], targets, out, nothing, room, look)
    return products, best


def _fill(  # noqa: PLR0917
    products: Rows,
    best: Floats,
    vectors: Floats,
    targets: Floats,
    left_out: tuple[Rows, Rows],
    nothing: Rows,
    room: Floats,
    look: Callable[..., Any] | None,
) -> None:
    """`best_products` of one block of sources, into products and best."""
    b, n, k = len(vectors), len(targets), best.shape[1]
    out_row, out_column = left_out
    silent = ~np.asarray(vectors.any(axis=1))
    best[silent] = np.inf  # above which there is nothing
    least = best[:, -1].copy()
    sources = np.ascontiguousarray(vectors.T)
    for start in range(0, n, _TILE):
        stop = min(start + _TILE, n)
        # a column a source: this way round BLAS is faster by a quarter
        scores = room[: b * (stop - start)].reshape(stop - start, b)
        np.matmul(targets[start:stop], sources, out=scores)
        here = slice(*np.searchsorted(out_column, [start, stop]))
        scores[out_column[here] - start, out_row[here]] = -np.inf
        here = slice(*np.searchsorted(nothing, [start, stop]))
        scores[nothing[here] - start] = -np.inf
        if look is not None:
            look(scores, start, least, products, best)
            continue
        least = best[:, -1]
        if not start and k < stop:
            # above the k-th of a few: that is not many, and includes the best
            few = np.ascontiguousarray(scores[: max(_FEW, k + 1)].T)
            kth = np.partition(few, few.shape[1] - k, axis=1)[:, few.shape[1] - k]
            least = np.maximum(least, np.nextafter(kth, np.float32(-np.inf)))
        row, column = _above(scores, least)
        if len(row):
            _take(products, best, (row, column + start), scores[column, row])
    best[silent] = -np.inf


def _look(scores: Any, start: int, least: Any, products: Any, best: Any) -> None:
    """Put what is above the last place of its source in its place; numba compiles this.

    Args:
        scores: (m, b) of products from `start` on.
        start: row of the first product.
        least: (b,) what stands in the last places, changed in place, as are
        products: (b, k), and
        best: (b, k).
    """
    m, b = scores.shape
    last = best.shape[1] - 1
    for j in range(m):
        row = scores[j]
        for first in range(0, b, 64):
            if first + 64 <= b:
                # mostly none is above; so written, LLVM compares many at a time
                values, lasts, above = row[first : first + 64], least[first : first + 64], 0
                for c in range(64):
                    above |= values[c] > lasts[c]
                if above == 0:
                    continue
            for c in range(first, min(first + 64, b)):
                if row[c] > least[c]:
                    place = last
                    # one as good that stands there has a lower row
                    while place > 0 and best[c, place - 1] < row[c]:
                        best[c, place] = best[c, place - 1]
                        products[c, place] = products[c, place - 1]
                        place -= 1
                    best[c, place], products[c, place] = row[c], start + j
                    least[c] = best[c, last]


def _above(scores: Floats, least: Floats) -> tuple[Rows, Rows]:
    """Source and product of the scores (m, b) above the least of their source, by both in order."""
    m, b = scores.shape
    if m % _FOLD:
        column, row = _where(scores > least)
    else:
        # one pass for the largest of every few products, and a look at those alone
        folded = scores.reshape(_FOLD, m // _FOLD, b)
        place, source = _where(folded.max(axis=0) > least)
        fold, at = _where(folded[:, place, source] > least[source])
        row, column = source[at], fold * (m // _FOLD) + place[at]
    order = np.lexsort((column, row))
    return row[order].astype(np.int32), column[order].astype(np.int32)


def _where(true: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """What np.nonzero says of two dimensions, by way of its much faster one."""
    row, column = np.divmod(np.flatnonzero(true), true.shape[1])
    return row, column


def _take(products: Rows, best: Floats, found: tuple[Rows, Rows], scores: Floats) -> None:
    """Put products that are above the last place of their row in their places.

    Args:
        products: (b, k), changed in place, as is
        best: (b, k).
        found: (m,) rows among the b, in order, and products, in order within each.
        scores: (m,) theirs.
    """
    rows, row = np.unique(found[0], return_inverse=True)
    place = np.arange(len(row)) - np.searchsorted(row, row)
    shape = (len(rows), int(place.max()) + 1)
    values = np.full(shape, -np.inf, dtype=np.float32)
    taken = np.full(shape, -1, dtype=np.int32)
    values[row, place], taken[row, place] = scores, found[1]
    values = np.concatenate([best[rows], values], axis=1)
    taken = np.concatenate([products[rows], taken], axis=1)
    # what stood there has lower columns, and those found are in order
    order = np.argsort(-values, axis=1, kind="stable")[:, : best.shape[1]]
    best[rows] = np.take_along_axis(values, order, axis=1)
    products[rows] = np.take_along_axis(taken, order, axis=1)


def _left_out(sources: Rows, exclude: Sparse | None) -> tuple[Rows, Rows]:
    """Row among the b and column of what must not be an answer, by column."""
    row, column = np.arange(len(sources), dtype=np.int32), np.asarray(sources, dtype=np.int32)
    if exclude is not None:
        out = exclude[sources]
        row = np.concatenate([row, entry_rows(out)])
        column = np.concatenate([column, out.indices])
    order = np.argsort(column, kind="stable")
    return row[order], column[order]
