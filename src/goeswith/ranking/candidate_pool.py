"""Which products a block of sources is asked for: all of a shop, or of a large one those near them.

What a source can be told grows with what leads from it, not with the shop. In a large shop the
answers of a block of sources are looked for among the products that its paths reach, and among
those that are bought most of the types that its types go with; everything else of `features` and
`cold` is then worked out for these columns, as it is for all in a small one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, blocks, entry_rows, largest_of_rows
from goeswith.models.paths import walk
from goeswith.ranking.item_features import Facts

_REACHED: Final = 60
"""Products of a source that are kept of those that a path reaches."""
_OF_TYPES: Final = 1500
"""Products of the types that a source's type goes with, about, and"""
_OF_A_TYPE: Final = 300
"""of any of them, at most: those that are bought most."""
_TOGETHER: Final = 64
"""Sources asked at a time, at most: of one type, so that its complement types serve all."""


@dataclass(frozen=True)
class Targets:
    """Products that b sources are asked for, and how values of all products become theirs.

    Attributes:
        facts: of the shop.
        columns: (c,) rows in order; None for all.
    """

    facts: Facts
    columns: Rows | None = None

    @property
    def all(self) -> bool:
        """Whether these are all products."""
        return self.columns is None

    @property
    def rows(self) -> Rows:
        """(c,) rows of the products."""
        if self.columns is None:
            return np.arange(self.facts.n, dtype=np.int32)
        return self.columns

    def of(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(c, ...) of values (n, ...)."""
        return values if self.columns is None else values[self.columns]

    def dense(self, block: Any) -> Floats:
        """(b, c) of what was worked out for b sources and n products; sparse, but where c is n."""
        if self.columns is None:
            return np.asarray(block.toarray() if sparse.issparse(block) else block)
        place = self._place[block.indices]
        here = place >= 0
        found = np.zeros((block.shape[0], len(self.columns)), dtype=np.float32)
        found[entry_rows(block)[here], place[here]] = block.data[here]
        return found

    @cached_property
    def _place(self) -> Rows:
        """(n,) of each product among the columns, -1 for the others."""
        place = np.full(self.facts.n, -1, dtype=np.int32)
        place[self.columns] = np.arange(len(self.rows), dtype=np.int32)
        return place

    def of_code(self, matrix: Sparse, codes: Rows) -> Floats:
        """(b, c) the row of each code of a (k, n) matrix; zeros for -1."""
        some, row = np.unique(codes, return_inverse=True)
        found = np.zeros((len(some), len(self.rows)), dtype=np.float32)
        found[some >= 0] = self.dense(matrix[some[some >= 0]])
        return found[row]

    def smoothed(self, weights: Floats) -> Floats:
        """What `told` reads, of weights of tokens (b, v): of all products, how each counts."""
        return dense_walk(weights, self.facts.by_frequent_token) if self.all else weights

    def told(self, step: str, smoothed: Floats) -> Floats:
        """(b, c) of a regression of edges on attributes.

        Args:
            step: name of the edges, see `Facts.edges`.
            smoothed: see there.
        """
        if self.all:
            return dense_walk(smoothed, self.facts.edges(step))
        return np.asarray((self.facts.tokens_before(step)[self.columns] @ smoothed.T).T)

    def alike(self, block: Floats) -> Floats:
        """(b, c) of (b, v) weights of tokens: what products that hold them score."""
        if self.all:
            return dense_walk(block, self.facts.by_frequent_token)
        return np.asarray((self.facts.frequent[self.columns] @ block.T).T)

    def cosines(self, content: Sparse) -> Floats:
        """(b, c) of rows (b, v) of TF-IDF tokens and those of the products."""
        if self.all:
            return walk(content, self.facts.by_token)
        return np.asarray((content @ self.facts.attributes.content[self.columns].T).toarray())


def dense_walk(block: Floats, step: Sparse) -> Floats:
    """(b, n) dense product of a dense block and a sparse matrix."""
    return np.asarray((step.T @ np.ascontiguousarray(block.T)).T, dtype=np.float32)


def along(block: Sparse | Floats, step: Sparse) -> Floats:
    """(b, n) dense product of what a path has reached and the edges that it takes next."""
    return walk(block, step) if sparse.issparse(block) else dense_walk(block, step)


def along_few(block: Sparse, step: Sparse) -> Sparse:
    """(b, n) CSR of `along`, among the products alone that are reached.

    A sparse product takes a moment for each of its columns, also of those that nothing reaches.
    """
    via, at = _unique(block.indices, block.shape[1])
    rows = step[via]
    reached, to = _unique(rows.indices, step.shape[1])
    left = sparse.csr_matrix((block.data, at, block.indptr), shape=(block.shape[0], len(via)))
    right = sparse.csr_matrix((rows.data, to, rows.indptr), shape=(len(via), len(reached)))
    found = (left @ right).tocsr()
    shape = (block.shape[0], step.shape[1])
    return sparse.csr_matrix((found.data, reached[found.indices], found.indptr), shape=shape)


def _unique(values: Rows, n: int) -> tuple[Rows, Rows]:
    """What np.unique says of values below n, without sorting them: which, and of each its place."""
    there = np.zeros(n, dtype=np.bool_)
    there[values] = True
    found = np.flatnonzero(there).astype(np.int32)
    place = np.empty(n, dtype=np.int32)
    place[found] = np.arange(len(found), dtype=np.int32)
    return found, place[values]


def near(facts: Facts, reached: Mapping[str, Sparse], types: Rows) -> Targets:
    """The products that b sources of a large shop are asked for.

    Args:
        facts: of the shop.
        reached: path -> (b, n) CSR of what it leads to.
        types: (b,) of the sources.
    """
    some = [facts.of_complement_types(code, _OF_TYPES, _OF_A_TYPE) for code in np.unique(types)]
    some += [block.indices[largest_of_rows(block, _REACHED)] for block in reached.values()]
    return Targets(facts, np.unique(np.concatenate(some)).astype(np.int32))


def of_one_type(sources: Rows, types: Rows) -> Iterator[Rows]:
    """Blocks of sources of one type each, small ones.

    Args:
        sources: (b,) rows, in any order.
        types: (n,) of all products.
    """
    sources = sources[np.argsort(types[sources], kind="stable")]
    cuts = np.flatnonzero(np.diff(types[sources])) + 1
    for together in np.split(sources, cuts):
        yield from blocks(together, _TOGETHER)
