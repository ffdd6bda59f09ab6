"""One relation between products: its edges, counted or listed, typed and directed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows, row_top_k_mask
from goeswith.relations.measures import (
    MEASURES,
    Z_95,
    Measure,
    association,
    lift_bounds,
    wilson_lower,
)

CO_VIEW: Final = "co_view"
VIEW_THEN_PURCHASE: Final = "view_then_purchase"
CO_PURCHASE: Final = "co_purchase"
RELATIONS: Final = (CO_PURCHASE, CO_VIEW, VIEW_THEN_PURCHASE)

_EDGES_AT_ONCE: Final = 1 << 18
_MIN_PAIRS: Final = 30
_ORDER_ERRORS: Final = 4
"""Standard errors of `has_informative_order`."""


def pair_keys(sources: npt.ArrayLike, targets: npt.ArrayLike, n: int) -> npt.NDArray[np.int64]:
    """One number for each unordered pair, the same for (u, v) and (v, u)."""
    u = np.asarray(sources, dtype=np.int64)
    v = np.asarray(targets, dtype=np.int64)
    return np.minimum(u, v) * n + np.maximum(u, v)


def csr(n: int, sources: npt.ArrayLike, targets: npt.ArrayLike, values: npt.ArrayLike) -> Sparse:
    """A canonical (n, n) CSR matrix, float32, sorted, without a diagonal; repeats are summed."""
    u, v = np.asarray(sources, dtype=np.int32), np.asarray(targets, dtype=np.int32)
    keep = u != v
    matrix = sparse.csr_matrix(
        (np.asarray(values, dtype=np.float32)[keep], (u[keep], v[keep])), shape=(n, n)
    )
    matrix.sum_duplicates()
    return matrix


@dataclass(frozen=True)
class Relation:
    """The edges of one relation.

    Attributes:
        count: (n, n) CSR float32; number of contexts of each pair. 1 for a list that only
            has the edge.
        source_first: (nnz,) aligned with `count.data`: contexts in which the source came strictly
            earlier. None if the relation has no order.
        source_contexts: (n,) contexts that hold a product as a source, and
        target_contexts: (n,) as a target. None if there are only edges: then sums of `count`
            stand for them.
        contexts: all contexts; None likewise.
        seen: (nnz,) unweighted number of contexts of each pair, if old contexts count less
            (`MiningConfig.half_life_days`): `count` and the contexts are then sums of weights, and
            `source_first` counts these. None if contexts have no weights.
        customers: (nnz,) distinct customers of those contexts, an anonymous context being a
            customer of its own. None if users are unknown, or are the contexts. After an update an
            upper bound: a customer of both logs counts twice.
        companions: (n,) how many other products the contexts of each product hold, added up; None
            if unknown. See `sized_lift_lower`.
        companions_total: those of all products, each variant group once.
        place: (nnz,) rank of the target in the list of its source, the lowest first; infinite where
            it is unknown. None if no list has an order.
    """

    count: Sparse
    source_first: Floats | None = None
    source_contexts: npt.NDArray[np.float64] | None = None
    target_contexts: npt.NDArray[np.float64] | None = None
    contexts: float | None = None
    seen: Floats | None = None
    customers: Floats | None = None
    companions: npt.NDArray[np.float64] | None = None
    companions_total: float | None = None
    place: Floats | None = None

    @cached_property
    def sources(self) -> Rows:
        """(nnz,) source row of every edge."""
        return entry_rows(self.count)

    @property
    def targets(self) -> Rows:
        """(nnz,) target row of every edge."""
        targets: Rows = self.count.indices
        return targets

    def __len__(self) -> int:
        return int(self.count.nnz)

    @property
    def counted(self) -> bool:
        """Whether the relation has the contexts of each product, or only edges."""
        return self.source_contexts is not None and self.contexts is not None

    @property
    def times_seen(self) -> Floats:
        """(nnz,) unweighted number of contexts of each pair."""
        times: Floats = self.count.data if self.seen is None else self.seen
        return times

    @cached_property
    def list_order(self) -> npt.NDArray[np.float64] | None:
        """(nnz,) place of each target among those of its source that are left, from 1.

        Equal ranks share the mean of their places. None if no list has an order.
        """
        if self.place is None:
            return None
        from scipy.stats import rankdata  # slow to import, and only fits need it

        # one key that sorts by source first, then by rank
        keys = self.sources.astype(np.int64) * (len(self) + 1) + rankdata(self.place, "dense")
        return np.asarray(rankdata(keys) - self.count.indptr[self.sources], dtype=np.float64)

    @cached_property
    def has_informative_order(self) -> bool:
        """Whether the first of a list go together more strongly than the last.

        Then pairs that both products list stand further ahead than others (Welch's test, four
        standard errors). Lists that were sorted by product id, say, have ranks too.
        """
        order = self.list_order
        if order is None or not len(self):
            return False
        relative = (order - 0.5) / np.diff(self.count.indptr)[self.sources]
        both_ways = np.isin(
            self.sources.astype(np.int64) * self.count.shape[0] + self.targets,
            self.targets.astype(np.int64) * self.count.shape[0] + self.sources,
        )
        ahead, behind = relative[both_ways], relative[~both_ways]
        if len(ahead) < _MIN_PAIRS or len(behind) < _MIN_PAIRS:
            return False
        error = np.sqrt(ahead.var() / len(ahead) + behind.var() / len(behind))
        return bool(behind.mean() - ahead.mean() > _ORDER_ERRORS * error)

    def measure(self, name: Measure) -> npt.NDArray[np.float64]:
        """(nnz,) an association measure of every edge (see `association`)."""
        n_u, n_v, contexts = self._margins()
        values = np.empty(len(self))
        # in parts: the formulas hold many arrays of the size of their input
        for start in range(0, len(self), _EDGES_AT_ONCE):
            at = slice(start, start + _EDGES_AT_ONCE)
            n_uv, u, v = self.count.data[at], n_u[self.sources[at]], n_v[self.targets[at]]
            values[at] = association(name, n_uv, u, v, contexts)
        return values

    def lift_bounds(self, z: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(nnz,) lower and upper bound of the lift of every edge (see `measures.lift_bounds`)."""
        n_u, n_v, contexts = self._margins()
        return lift_bounds(self.count.data, n_u[self.sources], n_v[self.targets], contexts, z)

    def sized_lift_lower(self) -> npt.NDArray[np.float64]:
        """(nnz,) lower 95 % bound of the lift of every edge, given the sizes of the contexts.

        Large baskets hold everything, and what is in most of them has a lift above 1 with nearly
        every product. So chance is that of the configuration model (Newman, 2003, section IV.B):
        as many companions as each product has, T_u, shuffled, give T_u T_v / sum(T) contexts. The
        bound is Wilson's of n_uv among the companions of the source. Where companions are unknown,
        as in `lift_bounds`.
        """
        total = self.companions_total
        if self.companions is None or not total:
            return self.lift_bounds(Z_95)[0]
        source, target = self.companions[self.sources], self.companions[self.targets]
        share = wilson_lower(self.count.data, source)
        return np.asarray(share * total / np.maximum(target, 1e-12))

    def _margins(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
        """(n,) contexts of each product as a source, (n,) as a target, and all contexts."""
        n_u, n_v, contexts = self.source_contexts, self.target_contexts, self.contexts
        if n_u is None or n_v is None or contexts is None:
            n_u = np.asarray(self.count.sum(axis=1), dtype=np.float64).ravel()
            n_v = np.asarray(self.count.sum(axis=0), dtype=np.float64).ravel()
            contexts = float(n_u.sum())
        return n_u, n_v, contexts

    def weighted(self, values: npt.ArrayLike) -> Sparse:
        """The edges with other values: CSR float32 of the positive ones."""
        matrix = self.count.copy()
        matrix.data = np.maximum(np.asarray(values, dtype=np.float32), 0)
        matrix.eliminate_zeros()
        return matrix

    def filter(self, mask: npt.NDArray[np.bool_]) -> Relation:
        """The edges where `mask` (nnz,) is true, with all their counts."""
        n = self.count.shape[0]
        count = sparse.csr_matrix(
            (
                self.count.data[mask],
                self.count.indices[mask],
                np.concatenate([[0], np.cumsum(np.bincount(self.sources[mask], minlength=n))]),
            ),
            shape=(n, n),
        )
        first = None if self.source_first is None else self.source_first[mask]
        seen = None if self.seen is None else self.seen[mask]
        customers = None if self.customers is None else self.customers[mask]
        place = None if self.place is None else self.place[mask]
        return replace(
            self, count=count, source_first=first, seen=seen, customers=customers, place=place
        )

    def strongest(self, k: int, measure: Measure = "llr") -> Relation:
        """The at most `k` strongest edges of every source; ties go to the lower target."""
        count = self.count
        values = self.measure(measure).astype(np.float32)
        weighted = sparse.csr_matrix((values, count.indices, count.indptr), shape=count.shape)
        return self.filter(row_top_k_mask(weighted, k))

    def frame(self) -> pl.DataFrame:
        """source, target (rows), count, seen and source_first if present, every measure."""
        columns: dict[str, npt.ArrayLike] = {"source": self.sources, "target": self.targets}
        columns["count"] = self.count.data
        if self.seen is not None:
            columns["seen"] = self.seen
        if self.source_first is not None:
            columns["source_first"] = self.source_first
        for name in MEASURES[1:]:
            columns[name] = self.measure(name)
        return pl.DataFrame(columns)
