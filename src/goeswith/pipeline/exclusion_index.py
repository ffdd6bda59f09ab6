"""Products that are never recommended for a product: its substitutes and its variants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from goeswith.core.arrays import Rows, Sparse
from goeswith.data.variants import variant_codes

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.relations.graph import RelationGraph


class ExclusionIndex:
    """Products that are never recommended: substitutes and variants, looked up in batches."""

    def __init__(self, catalog: Catalog, graph: RelationGraph) -> None:
        similar = graph.similars.count
        self._substitutes = similar.maximum(similar.T).tocsr()
        self._codes = variant_codes(catalog)
        order = np.argsort(self._codes, kind="stable")
        self._members = order[np.searchsorted(self._codes[order], 0) :]
        self._starts = np.searchsorted(
            self._codes[self._members], np.arange(self._codes.max(initial=-1) + 2)
        )

    def for_products(self, rows: Rows) -> Sparse:
        """(n, n) CSR whose rows `rows` have an entry for each; the others are not to be read."""
        n = len(self._codes)
        substitutes = self._substitutes[rows]
        grouped = rows[self._codes[rows] >= 0]
        groups = [
            self._members[self._starts[code] : self._starts[code + 1]]
            for code in self._codes[grouped].tolist()
        ]
        source = [
            np.repeat(rows, np.diff(substitutes.indptr)),
            np.repeat(grouped, [len(group) for group in groups]),
        ]
        at = (np.concatenate(source), np.concatenate([substitutes.indices, *groups]))
        return sparse.csr_matrix((np.ones(len(at[0]), dtype=np.float32), at), shape=(n, n))
