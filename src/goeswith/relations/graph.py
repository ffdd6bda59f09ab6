"""Typed, directed, weighted edges between products: what mining leaves and every model reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows, Sparse
from goeswith.relations.direction import against_the_order
from goeswith.relations.relation import (
    CO_PURCHASE,
    CO_VIEW,
    VIEW_THEN_PURCHASE,
    Relation,
    csr,
    pair_keys,
)


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
