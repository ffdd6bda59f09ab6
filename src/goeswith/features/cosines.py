"""Cosines of sparse attributes, with those products alone that share an attribute."""

from __future__ import annotations

from typing import Final

import numpy as np

from goeswith.core.arrays import Sparse, entry_rows, scale_columns, scale_rows

_MANY: Final = 20_000
"""Products asked from which on common tokens find nobody: what is done grows with their square."""
_COMMON: Final = 5_000
"""Products that hold a common token, at least."""


class CosineIndex:
    """Finds the products that share a token with others, and how alike they are.

    Where more than 20,000 are asked, no token that more than 5,000 of them have finds anybody. What
    all have in common counts in the cosine all the same.
    """

    def __init__(self, vectors: Sparse) -> None:
        """Index m products by token; `vectors` is (m, v) CSR, rows of length 1."""
        self.by_token, self.common = vectors.T.tocsr(), None
        holders = np.diff(self.by_token.indptr)
        if vectors.shape[0] > _MANY and (holders > _COMMON).any():
            rare = (holders <= _COMMON).astype(np.float32)
            self.common = scale_columns(vectors, 1 - rare)
            self.common.eliminate_zeros()
            self.by_token = scale_rows(self.by_token, rare)
            self.by_token.eliminate_zeros()

    def cosines(self, vectors: Sparse) -> Sparse:
        """(b, m) CSR of the cosines of b products (b, v) with those found."""
        cosines = vectors @ self.by_token
        if self.common is not None and cosines.nnz:
            shared = vectors[entry_rows(cosines)].multiply(self.common[cosines.indices])
            cosines.data += np.asarray(shared.sum(axis=1)).ravel()
        return cosines
