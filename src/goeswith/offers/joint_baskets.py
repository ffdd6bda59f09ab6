"""Baskets that hold all products of a set, and what that says about the set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Sparse
from goeswith.relations.graph import RelationGraph
from goeswith.relations.measures import wilson_lower
from goeswith.relations.relation import CO_PURCHASE


@dataclass(frozen=True)
class JointEvidence:
    """What the log says about a set.

    Attributes:
        baskets: with all of its products.
        expected: of them, if each product were bought independently of the others.
        lift: baskets divided by expected.
        attach: share of the anchor's baskets that hold the others too.
        attach_lower: lower end of its 95 % Wilson interval.
    """

    baskets: int
    expected: float
    lift: float
    attach: float
    attach_lower: float


class JointBaskets:
    """Counts baskets that hold several products.

    Attributes:
        counts: (n,) baskets of each product.
        total: number of baskets, also those of one product.
    """

    def __init__(
        self, baskets: Sparse, counts: npt.NDArray[np.int64] | None = None, total: int = 0
    ) -> None:
        """Index the baskets.

        Args:
            baskets: (b, n) CSR of ones.
            counts: (n,) baskets of each product, where `baskets` lacks those of one product.
            total: of all baskets; `baskets` has at most so many.
        """
        by_product = baskets.tocsc()
        by_product.sort_indices()
        self._indices, self._ends = by_product.indices, by_product.indptr
        self.total: int = max(total, baskets.shape[0])
        self.counts = np.diff(self._ends).astype(np.int64)
        if counts is not None:
            self.counts = np.maximum(self.counts, counts)

    @classmethod
    def of_graph(cls, graph: RelationGraph) -> JointBaskets | None:
        """The baskets of a log; None if the graph has none.

        A graph keeps baskets of two products and more, and how many contexts each product has. If
        old contexts count less, these are smaller, and single baskets do not count.
        """
        if graph.baskets is None:
            return None
        relation = graph.relations.get(CO_PURCHASE)
        if relation is None or relation.source_contexts is None or relation.contexts is None:
            return cls(graph.baskets)
        counts = np.rint(relation.source_contexts).astype(np.int64)
        return cls(graph.baskets, counts, round(float(relation.contexts)))

    def of_product(self, row: int) -> npt.NDArray[np.int32]:
        """Baskets of a product, ascending."""
        rows: npt.NDArray[np.int32] = self._indices[self._ends[row] : self._ends[row + 1]]
        return rows

    def with_product(self, baskets: npt.NDArray[np.int32], row: int) -> npt.NDArray[np.int32]:
        """Those of some baskets, ascending, that hold a product too."""
        joint: npt.NDArray[np.int32] = np.intersect1d(
            baskets, self.of_product(row), assume_unique=True
        )
        return joint

    def evidence(self, rows: Sequence[int], joint: int, anchor: int) -> JointEvidence:
        """Evidence for a set with `joint` baskets, of which `anchor` is bought first of all."""
        expected = self.expected(rows)
        visits = int(self.counts[anchor])
        lower = float(wilson_lower(np.array(joint), visits))
        return JointEvidence(joint, expected, joint / expected, joint / visits, lower)

    def is_above_chance(self, rows: Sequence[int], joint: int) -> bool:
        """Whether the lower end of the 95 % interval of the joint count is above the expected."""
        lower = float(wilson_lower(np.array(joint), self.total))
        return lower * self.total > self.expected(rows)

    def expected(self, rows: Sequence[int]) -> float:
        """Baskets with all of some products, if each were bought independently of the others."""
        return self.total * math.prod(int(self.counts[row]) / self.total for row in rows)
