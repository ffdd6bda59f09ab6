"""Cosine index of sparse attributes: cosines with the products that share an attribute."""

from __future__ import annotations

from typing import Final

import numpy as np

from goeswith.core.arrays import Sparse, entry_rows, scale_columns, scale_rows

_LARGE_INDEX: Final = 20_000
"""Products above which common tokens do not retrieve: the cost grows with their square."""
_COMMON_TOKEN: Final = 5_000
"""Products that hold a common token, more than this."""


class CosineIndex:
    """Retrieves the products that share a token with others, and their cosines.

    Above 20,000 indexed products, tokens of more than 5,000 of them do not retrieve products. Such
    tokens still count in the cosine.
    """

    def __init__(self, vectors: Sparse) -> None:
        """Index m products by token; `vectors` is (m, v) CSR, rows of length 1."""
        self.by_token, self.common = vectors.T.tocsr(), None
        product_counts = np.diff(self.by_token.indptr)
        if vectors.shape[0] > _LARGE_INDEX and (product_counts > _COMMON_TOKEN).any():
            is_rare = (product_counts <= _COMMON_TOKEN).astype(np.float32)
            self.common = scale_columns(vectors, 1 - is_rare)
            self.common.eliminate_zeros()
            self.by_token = scale_rows(self.by_token, is_rare)
            self.by_token.eliminate_zeros()

    def cosines(self, vectors: Sparse) -> Sparse:
        """(b, m) CSR of the cosines of b products (b, v) with the retrieved products."""
        cosines = vectors @ self.by_token
        if self.common is not None and cosines.nnz:
            shared = vectors[entry_rows(cosines)].multiply(self.common[cosines.indices])
            cosines.data += np.asarray(shared.sum(axis=1)).ravel()
        return cosines
