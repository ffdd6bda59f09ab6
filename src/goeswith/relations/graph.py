"""Typed, directed, weighted edges between products: what mining leaves and every model reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.arrays import Floats, Rows, Sparse, entry_rows
from goeswith.relations.association import MEASURES, Measure, association, wilson_lower

CO_VIEW: Final = "co_view"
VIEW_THEN_PURCHASE: Final = "view_then_purchase"
CO_PURCHASE: Final = "co_purchase"
RELATIONS: Final = (CO_PURCHASE, CO_VIEW, VIEW_THEN_PURCHASE)


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
        count: (n, n) CSR float32; in how many contexts the pair was seen. 1 for a list that only
            says that there is an edge.
        source_first: (nnz,) aligned with `count.data`: contexts in which the source came strictly
            earlier. None where nothing is known of the order.
        source_contexts: (n,) contexts that hold a product as a source, and
        target_contexts: (n,) as a target. None where only edges are known: then sums of `count`
            stand for them.
        contexts: all contexts; None likewise.
    """

    count: Sparse
    source_first: Floats | None = None
    source_contexts: npt.NDArray[np.float64] | None = None
    target_contexts: npt.NDArray[np.float64] | None = None
    contexts: float | None = None

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

    def measure(self, name: Measure) -> npt.NDArray[np.float64]:
        """(nnz,) an association measure of every edge (see `association`)."""
        n_u, n_v, contexts = self.source_contexts, self.target_contexts, self.contexts
        if n_u is None or n_v is None or contexts is None:
            n_u = np.asarray(self.count.sum(axis=1), dtype=np.float64).ravel()
            n_v = np.asarray(self.count.sum(axis=0), dtype=np.float64).ravel()
            contexts = float(n_u.sum())
        return association(name, self.count.data, n_u[self.sources], n_v[self.targets], contexts)

    def weighted(self, values: npt.ArrayLike) -> Sparse:
        """The edges with other values: CSR float32, entries that are not positive left out."""
        matrix = self.count.copy()
        matrix.data = np.maximum(np.asarray(values, dtype=np.float32), 0)
        matrix.eliminate_zeros()
        return matrix

    def keep(self, mask: npt.NDArray[np.bool_]) -> Relation:
        """The edges where `mask` (nnz,) holds, with what is known of each."""
        n = self.count.shape[0]
        kept = sparse.csr_matrix(
            (
                self.count.data[mask],
                self.count.indices[mask],
                np.concatenate([[0], np.cumsum(np.bincount(self.sources[mask], minlength=n))]),
            ),
            shape=(n, n),
        )
        first = None if self.source_first is None else self.source_first[mask]
        return replace(self, count=kept, source_first=first)

    def frame(self) -> pl.DataFrame:
        """source, target (rows), count, source_first and every association measure."""
        columns: dict[str, npt.ArrayLike] = {"source": self.sources, "target": self.targets}
        columns["count"] = self.count.data
        if self.source_first is not None:
            columns["source_first"] = self.source_first
        for name in MEASURES[1:]:
            columns[name] = self.measure(name)
        return pl.DataFrame(columns)


@dataclass(frozen=True)
class RelationGraph:
    """Relations between the `n` products of one catalogue."""

    n: int
    relations: Mapping[str, Relation] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Relation:
        """A relation by name; one without edges where nothing was seen of it."""
        return self.relations.get(name) or Relation(csr(self.n, [], [], []))

    def __contains__(self, name: str) -> bool:
        return name in self.relations and len(self.relations[name]) > 0

    @cached_property
    def complements(self) -> Relation:
        """Complement signal: co_purchase - (co_view | view_then_purchase).

        A pair counts as bought together rather than compared where it was bought together more
        often than it was viewed as alternatives, in either direction (on lists, where every count
        is 1, that is the set difference of P-Companion, section 3, taken over unordered pairs). An
        edge whose order is known goes, where the order is significantly the other way round.
        """
        bought = self[CO_PURCHASE]
        bought = bought.keep(bought.count.data > self._compared(bought))
        return bought.keep(~_against_the_order(bought))

    @cached_property
    def similars(self) -> Relation:
        """Similarity signal: (co_view & view_then_purchase) - co_purchase.

        Where no view_then_purchase exists: co_view - co_purchase.
        """
        viewed = self[CO_VIEW]
        if VIEW_THEN_PURCHASE in self:
            viewed = viewed.keep(_strength(self[VIEW_THEN_PURCHASE].count, viewed) > 0)
        return viewed.keep(viewed.count.data > _strength(self[CO_PURCHASE].count, viewed))

    def _compared(self, edges: Relation) -> Floats:
        """(nnz,) how often each edge's pair was viewed as alternatives, the larger direction."""
        return np.maximum(
            _strength(self[CO_VIEW].count, edges), _strength(self[VIEW_THEN_PURCHASE].count, edges)
        )

    def without(self, keys: npt.NDArray[np.int64]) -> RelationGraph:
        """The graph without the unordered pairs `keys` (see `pair_keys`), in every relation.

        What was counted with those pairs (the contexts of each product) is forgotten too, so that
        nothing that is read from the graph knows of them.
        """
        held = np.unique(keys)
        kept = {}
        for name, relation in self.relations.items():
            edge_keys = pair_keys(relation.sources, relation.targets, self.n)
            kept[name] = _forget_contexts(relation.keep(~np.isin(edge_keys, held)))
        return RelationGraph(self.n, kept)

    def without_products(self, rows: Rows) -> RelationGraph:
        """The graph in which the products `rows` have no edges."""
        gone = np.zeros(self.n, dtype=bool)
        gone[rows] = True
        kept = {}
        for name, relation in self.relations.items():
            keep = ~(gone[relation.sources] | gone[relation.targets])
            kept[name] = _forget_contexts(relation.keep(keep))
        return RelationGraph(self.n, kept)

    @classmethod
    def from_edges(
        cls, n: int, edges: Iterable[tuple[int, int, str]] | Mapping[str, tuple[Rows, Rows]]
    ) -> Self:
        """A graph of uncounted edges.

        Args:
            n: products.
            edges: (source row, target row, relation) triples, or relation -> (sources, targets).
        """
        if not isinstance(edges, Mapping):
            listed = list(edges)
            edges = {
                name: (
                    np.array([u for u, _, r in listed if r == name], dtype=np.int32),
                    np.array([v for _, v, r in listed if r == name], dtype=np.int32),
                )
                for name in {r for _, _, r in listed}
            }
        relations = {}
        for name, (sources, targets) in sorted(edges.items()):
            matrix = csr(n, sources, targets, np.ones(len(sources)))
            matrix.data[:] = 1  # a list that names a product twice says no more than once
            relations[name] = Relation(matrix)
        return cls(n, relations)


def _strength(matrix: Sparse, edges: Relation) -> Floats:
    """(nnz,) the larger of matrix[u, v] and matrix[v, u] for every edge (u, v)."""
    if not len(edges) or not matrix.nnz:
        return np.zeros(len(edges), dtype=np.float32)
    either = matrix.maximum(matrix.T).tocsr()
    values: Floats = np.asarray(either[edges.sources, edges.targets], dtype=np.float32).ravel()
    return values


def _against_the_order(edges: Relation) -> npt.NDArray[np.bool_]:
    """(nnz,) edges whose target came first in significantly more than half of ordered contexts."""
    if edges.source_first is None or not len(edges):
        return np.zeros(len(edges), dtype=bool)
    first = edges.count.copy()
    first.data = edges.source_first.astype(np.float32)
    backward = np.asarray(first[edges.targets, edges.sources]).ravel()
    ordered = backward + edges.source_first
    return np.asarray(wilson_lower(backward, ordered) > 0.5)


def _forget_contexts(relation: Relation) -> Relation:
    return replace(relation, source_contexts=None, target_contexts=None, contexts=None)
