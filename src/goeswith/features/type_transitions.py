"""Which types follow which, counted: a prior for models that predict complement types."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows

_SHRINKAGE = 10.0
"""Edges of a type of which as many are taken to be distributed as those of all types."""


@dataclass(frozen=True)
class CountedTransitions:
    """log p(c | w) of complement types c of a type w, less what depends on w alone.

    It is `source[w] @ complement[c] + log_share[c]`, of limited rank, with

        p(c | w) = (edges from w to c + m p(c)) / (edges from w + m)

    and m edges distributed as those of all types, so that rare types follow the others.

    Attributes:
        source: (types, r).
        complement: (types, r).
        log_share: (types,) log p(c); types that are no target count as one edge.
    """

    source: Floats
    complement: Floats
    log_share: Floats

    @classmethod
    def count(
        cls, edges: Sparse, types: Rows, count: int, rank: int, seed: int
    ) -> CountedTransitions:
        """Count the edges between types.

        Args:
            edges: (n, n) CSR.
            types: (n,) of the products.
            count: of types.
            rank: r at most.
            seed: of the randomised SVD (Halko, Martinsson & Tropp, 2011).
        """
        from sklearn.utils.extmath import randomized_svd

        ends = (types[entry_rows(edges)], types[edges.indices])
        between = sparse.csr_matrix((np.ones(edges.nnz), ends), shape=(count, count))
        into = np.asarray(between.sum(axis=0), dtype=np.float64).ravel()
        share = (into + 1) / (into.sum() + count)
        between.data = np.log1p(between.data / (_SHRINKAGE * share[between.indices]))
        left, values, right = randomized_svd(between, min(rank, count), n_iter=5, random_state=seed)
        root = np.sqrt(values)
        return cls(
            (left * root).astype(np.float32),
            (right.T * root).astype(np.float32),
            np.log(share).astype(np.float32),
        )
