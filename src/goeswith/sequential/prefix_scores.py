"""Scores of prefixes for all products, of which few are stored."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, best_columns, entry_rows
from goeswith.sequential.sequences import Sequences


@dataclass(frozen=True)
class PrefixScores:
    """Scores of b prefixes for n products; a product has a score where it is positive.

    Dense scores cost the catalogue for every prefix, these what is stored.

    Attributes:
        own: (b, n) CSR float32 in order of columns, without repeats.
        common: (n,) scores of the products without an entry in `own`, before
        factor: (b,) by which those of a prefix are multiplied, and
        ranking: (n,) products by them, best first. None where there are none.
    """

    own: Sparse
    common: Floats | None = None
    factor: Floats | None = None
    ranking: Rows | None = None

    @classmethod
    def from_dense(cls, scores: Floats) -> PrefixScores:
        """Of (b, n) scores, which are zero or -inf where there is none."""
        return cls(sparse.csr_matrix(np.where(scores > 0, scores, 0)))

    def totals(self) -> Floats:
        """(b,) sum of the scores of each prefix."""
        row = entry_rows(self.own)
        b = self.own.shape[0]
        total = np.bincount(row, self.own.data, minlength=b)
        if self.common is not None and self.factor is not None:
            replaced = np.bincount(row, self.common[self.own.indices], minlength=b)
            total += self.factor * np.maximum(self.common.sum(dtype=np.float64) - replaced, 0)
        return total.astype(np.float32)

    def scaled(self, factors: Floats) -> PrefixScores:
        """The scores of each prefix times a factor (b,)."""
        own = self.own.copy()
        own.data = own.data * np.repeat(factors, np.diff(own.indptr))
        return replace(self, own=own, factor=None if self.factor is None else self.factor * factors)

    def with_entries(self, row: Rows, column: Rows, values: Floats) -> PrefixScores:
        """With (m,) other scores of distinct pairs of a prefix and a product."""
        n = self.own.shape[1]
        rows = entry_rows(self.own)
        other = ~np.isin(rows.astype(np.int64) * n + self.own.indices, row * np.int64(n) + column)
        at = (
            np.concatenate([rows[other], row]),
            np.concatenate([self.own.indices[other], column]),
        )
        data = np.concatenate([self.own.data[other], values]).astype(np.float32)
        own = sparse.csr_matrix((data, at), shape=self.own.shape)
        own.sort_indices()
        return replace(self, own=own)

    def without(self, prefixes: Sequences) -> PrefixScores:
        """Without scores of the products of each prefix."""
        pairs = np.unique(
            prefixes.run_index.astype(np.int64) * self.own.shape[1] + prefixes.products
        )
        row, column = np.divmod(pairs, self.own.shape[1])
        zeros = np.zeros(len(pairs), dtype=np.float32)
        return self.with_entries(row.astype(np.int32), column.astype(np.int32), zeros)

    def take(self, row: npt.NDArray[np.integer], column: npt.NDArray[np.integer]) -> Floats:
        """(m,) scores of pairs of a prefix and a product, `row` in order; 0 where there is none."""
        found = np.zeros(len(row), dtype=np.float32)
        b, n = self.own.shape
        dense = np.zeros(n, dtype=np.float32) if self.common is None else self.common.copy()
        starts = np.searchsorted(row, np.arange(b + 1)).tolist()
        bounds = self.own.indptr.tolist()
        for i in range(b):
            if starts[i] == starts[i + 1]:
                continue
            columns = self.own.indices[bounds[i] : bounds[i + 1]]
            factor = np.float32(1) if self.factor is None else self.factor[i]
            wanted = column[starts[i] : starts[i + 1]]
            common = dense[columns]
            dense[columns] = -1  # what is stored counts as it is
            is_own = dense[wanted] < 0
            others = dense[wanted] * factor
            dense[columns] = self.own.data[bounds[i] : bounds[i + 1]]
            found[starts[i] : starts[i + 1]] = np.where(is_own, dense[wanted], others)
            dense[columns] = common
        return found

    def top(self, k: int) -> tuple[Rows, Floats]:
        """(b, k) best products of each prefix, -1 where there are no more, and scores, -inf there.

        Ties go to the lower product.
        """
        b, n = self.own.shape
        k = min(k, n)
        products = np.full((b, k), -1, dtype=np.int32)
        best = np.full((b, k), -np.inf, dtype=np.float32)
        bounds = self.own.indptr.tolist()
        for i in range(b):
            columns = self.own.indices[bounds[i] : bounds[i + 1]]
            values = self.own.data[bounds[i] : bounds[i + 1]]
            if self.common is not None and self.factor is not None and self.ranking is not None:
                others = self.ranking[: k + len(columns)]
                others = others[~np.isin(others, columns)]
                columns = np.concatenate([columns, others])
                values = np.concatenate([values, self.common[others] * self.factor[i]])
            positive = values > 0
            columns, values = best_columns(columns[positive], values[positive], k)
            products[i, : len(columns)], best[i, : len(columns)] = columns, values
        return products, best

    def dense(self) -> Floats:
        """(b, n) scores, 0 where there is none."""
        if self.common is None or self.factor is None:
            return np.asarray(self.own.toarray(), dtype=np.float32)
        scores = self.factor[:, None] * self.common
        scores[entry_rows(self.own), self.own.indices] = self.own.data
        return scores
