"""Typed, directed, weighted edges between products: what mining leaves and every model reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows, largest_of_rows
from goeswith.relations.direction import against_the_order
from goeswith.relations.measures import MEASURES, Measure, association

CO_VIEW: Final = "co_view"
VIEW_THEN_PURCHASE: Final = "view_then_purchase"
CO_PURCHASE: Final = "co_purchase"
RELATIONS: Final = (CO_PURCHASE, CO_VIEW, VIEW_THEN_PURCHASE)

_EDGES_AT_ONCE: Final = 1 << 18


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
        seen: (nnz,) contexts in which the pair was seen, whatever they weigh, where old contexts
            count less (`MiningConfig.half_life_days`): `count` and the contexts are then sums of
            weights, and `source_first` is of these. None where `count` says it.
    """

    count: Sparse
    source_first: Floats | None = None
    source_contexts: npt.NDArray[np.float64] | None = None
    target_contexts: npt.NDArray[np.float64] | None = None
    contexts: float | None = None
    seen: Floats | None = None

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
        """Whether the contexts of each product are known, or only edges."""
        return self.source_contexts is not None and self.contexts is not None

    @property
    def times_seen(self) -> Floats:
        """(nnz,) contexts in which a pair was seen: what to tell a person; whole numbers."""
        times: Floats = self.count.data if self.seen is None else self.seen
        return times

    def measure(self, name: Measure) -> npt.NDArray[np.float64]:
        """(nnz,) an association measure of every edge (see `association`)."""
        n_u, n_v, contexts = self.source_contexts, self.target_contexts, self.contexts
        if n_u is None or n_v is None or contexts is None:
            n_u = np.asarray(self.count.sum(axis=1), dtype=np.float64).ravel()
            n_v = np.asarray(self.count.sum(axis=0), dtype=np.float64).ravel()
            contexts = float(n_u.sum())
        values = np.empty(len(self))
        # a part at a time: the formulas hold many arrays of the size of what they are given
        for start in range(0, len(self), _EDGES_AT_ONCE):
            at = slice(start, start + _EDGES_AT_ONCE)
            n_uv, u, v = self.count.data[at], n_u[self.sources[at]], n_v[self.targets[at]]
            values[at] = association(name, n_uv, u, v, contexts)
        return values

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
        seen = None if self.seen is None else self.seen[mask]
        return replace(self, count=kept, source_first=first, seen=seen)

    def strongest(self, k: int, measure: Measure = "llr") -> Relation:
        """The at most `k` strongest edges of every source; ties go to the lower target."""
        count = self.count
        values = self.measure(measure).astype(np.float32)
        ranked = sparse.csr_matrix((values, count.indices, count.indptr), shape=count.shape)
        return self.keep(largest_of_rows(ranked, k))

    def frame(self) -> pl.DataFrame:
        """source, target (rows), count, seen and source_first where known, every measure."""
        columns: dict[str, npt.ArrayLike] = {"source": self.sources, "target": self.targets}
        columns["count"] = self.count.data
        if self.seen is not None:
            columns["seen"] = self.seen
        if self.source_first is not None:
            columns["source_first"] = self.source_first
        for name in MEASURES[1:]:
            columns[name] = self.measure(name)
        return pl.DataFrame(columns)


@dataclass(frozen=True)
class Signals:
    """Which pairs go together and which stand for one another.

    `both_ways` are the complements before their order was asked; None where it was not.
    """

    complements: Relation
    similars: Relation
    both_ways: Relation | None = None


@dataclass(frozen=True)
class RelationGraph:
    """Relations between the `n` products of one catalogue.

    `decided` holds the signals of a graph whose counts are no longer whole (see `without`). `types`
    are those of the products, (n,), -1 for none: pairs of the same types tell each other's order
    (see `direction`).
    """

    n: int
    relations: Mapping[str, Relation] = field(default_factory=dict)
    decided: Signals | None = None
    types: Rows | None = None

    def __getitem__(self, name: str) -> Relation:
        """A relation by name; one without edges where nothing was seen of it."""
        found = self.relations.get(name)
        return Relation(csr(self.n, [], [], [])) if found is None else found

    def __contains__(self, name: str) -> bool:
        return name in self.relations and len(self.relations[name]) > 0

    @cached_property
    def complements(self) -> Relation:
        """Complement signal: co_purchase - (co_view | view_then_purchase).

        On lists, where every count is 1, that is the set difference of P-Companion (section 3),
        taken over unordered pairs. On counted events nearly every pair is in every set, so a pair
        is taken out where it is compared more strongly than it is bought together: its lift as a
        purchase is not above its lift as a comparison, in either direction. Lift, and not the
        count, for a shop sees many more views than purchases.

        An edge whose order is known goes too, where its target is bought first, by its own contexts
        or by those of pairs of the same types (see `against_the_order`).
        """
        if self.decided is not None:
            return self.decided.complements
        return self._one_way(self._both_ways)

    @cached_property
    def _both_ways(self) -> Relation:
        bought = self[CO_PURCHASE]
        bought = bought.keep(_stronger(bought, self[CO_VIEW]))
        return bought.keep(_stronger(bought, self[VIEW_THEN_PURCHASE]))

    def _one_way(self, edges: Relation) -> Relation:
        return edges.keep(~against_the_order(edges, self.types))

    @cached_property
    def similars(self) -> Relation:
        """Similarity signal: (co_view & view_then_purchase) - co_purchase.

        Where no view_then_purchase exists: co_view - co_purchase. Of counted events, see
        `complements`: a pair is in at most one of the two signals.
        """
        if self.decided is not None:
            return self.decided.similars
        viewed = self[CO_VIEW]
        if VIEW_THEN_PURCHASE in self:
            viewed = viewed.keep(_either_way(self[VIEW_THEN_PURCHASE].count, viewed) > 0)
        return viewed.keep(_stronger(viewed, self[CO_PURCHASE]))

    def without(self, keys: npt.NDArray[np.int64]) -> RelationGraph:
        """The graph without the unordered pairs `keys` (see `pair_keys`), in every relation.

        What was counted with those pairs (the contexts of each product) is forgotten too, so that
        nothing that is read from the graph knows of them. Whether one of the other pairs is a
        complement was decided with those counts, and stays as it was; which way round is decided
        again, for pairs of the same types took part in that.
        """
        held = np.unique(keys)
        return self._part(
            lambda edges: ~np.isin(pair_keys(edges.sources, edges.targets, self.n), held)
        )

    def without_products(self, rows: Rows) -> RelationGraph:
        """The graph in which the products `rows` have no edges; see `without`."""
        gone = np.zeros(self.n, dtype=bool)
        gone[rows] = True
        return self._part(lambda edges: ~(gone[edges.sources] | gone[edges.targets]))

    def _part(self, chosen: Callable[[Relation], npt.NDArray[np.bool_]]) -> RelationGraph:
        def part(edges: Relation) -> Relation:
            return replace(
                edges.keep(chosen(edges)), source_contexts=None, target_contexts=None, contexts=None
            )

        whole = self._both_ways if self.decided is None else self.decided.both_ways
        left = None if whole is None else part(whole)
        complements = part(self.complements) if left is None else self._one_way(left)
        return RelationGraph(
            self.n,
            {name: part(relation) for name, relation in self.relations.items()},
            Signals(complements, part(self.similars), left),
            self.types,
        )

    def with_types(self, types: Rows) -> RelationGraph:
        """The graph whose products are of `types`, (n,), -1 for none: see `Catalog.type_codes`."""
        return replace(self, types=types)

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


def _either_way(matrix: Sparse, edges: Relation) -> npt.NDArray[np.float64]:
    """(nnz,) the larger of matrix[u, v] and matrix[v, u] for every edge (u, v)."""
    if not len(edges) or not matrix.nnz:
        return np.zeros(len(edges))
    either = matrix.maximum(matrix.T).tocsr()
    return np.asarray(either[edges.sources, edges.targets], dtype=np.float64).ravel()


def _stronger(edges: Relation, other: Relation) -> npt.NDArray[np.bool_]:
    """(nnz,) edges whose pair is held more strongly here than in `other`, in either direction."""
    if not (edges.counted and other.counted):
        return np.asarray(edges.count.data > _either_way(other.count, edges))
    lifts = other.count.astype(np.float64)
    lifts.data = other.measure("lift")
    return np.asarray(edges.measure("lift") > _either_way(lifts, edges))
