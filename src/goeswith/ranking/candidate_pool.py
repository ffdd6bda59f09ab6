"""The candidate pool of a block of sources: all products, or in a large shop those near them.

In a large shop the pool holds the products that the paths of a block of sources reach, and the most
popular products of their complement types. The features of `candidate_paths` and `cold_sources` are
computed for the products of the pool only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, blocks, entry_rows, row_top_k_mask
from goeswith.models.paths import walk
from goeswith.ranking.item_features import ItemFeatures

_TOP_PER_PATH: Final = 60
"""Best products of a source by each path."""
_MAX_TYPE_PRODUCTS: Final = 1500
"""Products of the complement types of a source's type, about."""
_MAX_PER_TYPE: Final = 300
"""Most popular products of each complement type, at most."""
_BLOCK_SOURCES: Final = 64
"""Sources of a block, at most: of one type, so that they share complement types."""


@dataclass(frozen=True)
class CandidatePool:
    """The products to score for b sources, and conversions from arrays of all products.

    Attributes:
        items: of the shop.
        columns: (c,) rows in order; None for all.
    """

    items: ItemFeatures
    columns: Rows | None = None

    @property
    def holds_all(self) -> bool:
        """Whether the pool holds all products."""
        return self.columns is None

    @property
    def rows(self) -> Rows:
        """(c,) rows of the products."""
        if self.columns is None:
            return np.arange(self.items.n, dtype=np.int32)
        return self.columns

    def take(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(c, ...) of values (n, ...)."""
        return values if self.columns is None else values[self.columns]

    def dense(self, block: Any) -> Floats:
        """(b, c) of values (b, n); sparse, unless the pool holds all products."""
        if self.columns is None:
            return np.asarray(block.toarray() if sparse.issparse(block) else block)
        column = self._place[block.indices]
        in_pool = column >= 0
        values = np.zeros((block.shape[0], len(self.columns)), dtype=np.float32)
        values[entry_rows(block)[in_pool], column[in_pool]] = block.data[in_pool]
        return values

    @cached_property
    def _place(self) -> Rows:
        """(n,) position of each product among the columns, -1 for the others."""
        place = np.full(self.items.n, -1, dtype=np.int32)
        place[self.columns] = np.arange(len(self.rows), dtype=np.int32)
        return place

    def rows_of_codes(self, matrix: Sparse, codes: Rows) -> Floats:
        """(b, c) the row of each code of a (k, n) matrix; zeros for -1."""
        unique_codes, row = np.unique(codes, return_inverse=True)
        values = np.zeros((len(unique_codes), len(self.rows)), dtype=np.float32)
        values[unique_codes >= 0] = self.dense(matrix[unique_codes[unique_codes >= 0]])
        return values[row]

    def smooth_tokens(self, weights: Floats) -> Floats:
        """The input of `regress` from weights of tokens (b, v)."""
        return dense_walk(weights, self.items.by_frequent_token) if self.holds_all else weights

    def regress(self, step: str, smoothed: Floats) -> Floats:
        """(b, c) scores of a regression of edges on attributes.

        Args:
            step: name of the edges, see `ItemFeatures.edges`.
            smoothed: of `smooth_tokens`.
        """
        if self.holds_all:
            return dense_walk(smoothed, self.items.edges(step))
        return np.asarray((self.items.source_tokens(step)[self.columns] @ smoothed.T).T)

    def token_scores(self, block: Floats) -> Floats:
        """(b, c) sums of (b, v) token weights over the tokens of each product."""
        if self.holds_all:
            return dense_walk(block, self.items.by_frequent_token)
        return np.asarray((self.items.frequent[self.columns] @ block.T).T)

    def cosines(self, content: Sparse) -> Floats:
        """(b, c) cosines of rows (b, v) of TF-IDF tokens with the products."""
        if self.holds_all:
            return walk(content, self.items.by_token)
        return np.asarray((content @ self.items.attributes.content[self.columns].T).toarray())


def dense_walk(block: Floats, step: Sparse) -> Floats:
    """(b, n) dense product of a dense block and a sparse matrix."""
    return np.asarray((step.T @ np.ascontiguousarray(block.T)).T, dtype=np.float32)


def propagate(block: Sparse | Floats, step: Sparse) -> Floats:
    """(b, n) dense product of scores of products and the next edges of a path."""
    return walk(block, step) if sparse.issparse(block) else dense_walk(block, step)


def propagate_sparse(block: Sparse, step: Sparse) -> Sparse:
    """(b, n) CSR of `propagate`, computed for the reached products only.

    A sparse product has a cost for each of its columns, also for empty ones.
    """
    middle, middle_index = _unique(block.indices, block.shape[1])
    rows = step[middle]
    targets, target_index = _unique(rows.indices, step.shape[1])
    left = sparse.csr_matrix(
        (block.data, middle_index, block.indptr), shape=(block.shape[0], len(middle))
    )
    right = sparse.csr_matrix(
        (rows.data, target_index, rows.indptr), shape=(len(middle), len(targets))
    )
    product = (left @ right).tocsr()
    shape = (block.shape[0], step.shape[1])
    return sparse.csr_matrix((product.data, targets[product.indices], product.indptr), shape=shape)


def _unique(values: Rows, n: int) -> tuple[Rows, Rows]:
    """The distinct values, and the index of each value among them, for values below n.

    As np.unique, without sorting.
    """
    present = np.zeros(n, dtype=np.bool_)
    present[values] = True
    unique = np.flatnonzero(present).astype(np.int32)
    position = np.empty(n, dtype=np.int32)
    position[unique] = np.arange(len(unique), dtype=np.int32)
    return unique, position[values]


def reachable_pool(items: ItemFeatures, walks: Mapping[str, Sparse], types: Rows) -> CandidatePool:
    """The candidate pool of b sources in a large shop.

    Args:
        items: of the shop.
        walks: path -> (b, n) CSR of its scores.
        types: (b,) of the sources.
    """
    parts = [
        items.complement_type_products(code, _MAX_TYPE_PRODUCTS, _MAX_PER_TYPE)
        for code in np.unique(types)
    ]
    parts += [block.indices[row_top_k_mask(block, _TOP_PER_PATH)] for block in walks.values()]
    return CandidatePool(items, np.unique(np.concatenate(parts)).astype(np.int32))


def blocks_by_type(sources: Rows, types: Rows) -> Iterator[Rows]:
    """Small blocks of sources of one type each.

    Args:
        sources: (b,) rows, in any order.
        types: (n,) of all products.
    """
    sources = sources[np.argsort(types[sources], kind="stable")]
    cuts = np.flatnonzero(np.diff(types[sources])) + 1
    for rows in np.split(sources, cuts):
        yield from blocks(rows, _BLOCK_SOURCES)
