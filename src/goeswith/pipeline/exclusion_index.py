"""Products that are never recommended for a product: its substitutes and its variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, repeated_groups
from goeswith.data.variants import variant_codes
from goeswith.store.kind_relations import NEVER_TOGETHER, kind_arrays

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.relations.graph import RelationGraph


_DEEPER: Final = 3
"""How many times as many recommendations are looked at where kinds exclude some."""
_MAX_DEEPER: Final = 5
"""Likewise, at most, where variants fill a list."""


class ExclusionIndex:
    """Products that are never recommended: substitutes and variants, looked up in batches."""

    def __init__(self, catalog: Catalog, graph: RelationGraph, *, by_kinds: bool = False) -> None:
        """Args: by_kinds: also products of one kind, and of kinds that replace each other."""
        arrays = kind_arrays(catalog) if by_kinds else {}
        self._kinds = arrays.get("codes")
        if self._kinds is not None:
            # one more kind for products without one, which nothing replaces
            apart = arrays["replaced"] | (arrays["strength"] == NEVER_TOGETHER)
            self._apart = np.pad(apart, ((0, 1), (0, 1)))
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

    @property
    def groups(self) -> Rows:
        """(n,) variant group of each product, -1 for none."""
        return self._codes

    def depth(self, k: int) -> int:
        """How many recommendations to look at, so that k are likely to remain."""
        largest = int(np.diff(self._starts).max(initial=1))
        return k * max(_DEEPER if self._kinds is not None else 1, min(largest, _MAX_DEEPER))

    def drop(self, rows: Rows, products: Rows, scores: Floats, k: int) -> tuple[Rows, Floats]:
        """The first k recommendations of each row that no kind excludes, one of a variant group.

        Args:
            rows: (b,) sources.
            products: (b, m) best first, -1 where there are no more.
            scores: (b, m).
            k: how many.
        """
        if self._kinds is None and not len(self._members):
            return products[:, :k], scores[:, :k]
        out = products < 0
        if self._kinds is not None:
            out |= self._apart[self._kinds[rows][:, None], self._kinds[products]]
        out |= repeated_groups(np.where(out, -1, self._codes[products]))
        order = np.argsort(out, axis=1, kind="stable")[:, :k]
        empty = np.take_along_axis(out, order, axis=1)
        return (
            np.where(empty, -1, np.take_along_axis(products, order, axis=1)).astype(np.int32),
            np.where(empty, -np.inf, np.take_along_axis(scores, order, axis=1)),
        )
