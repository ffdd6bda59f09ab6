"""The relation graph: typed, directed, weighted edges between products."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows, Sparse
from goeswith.relations.direction import reversed_edges_mask
from goeswith.relations.measures import Z_95
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
    """The complement and the similarity signal of a graph.

    `before_direction` are the complements in both directions; None if the direction was not tested.
    """

    complements: Relation
    similars: Relation
    before_direction: Relation | None = None


_Z_OF_TWO: Final = Z_95 / np.sqrt(2)
"""Bounds at which two intervals of about one width separate where the difference is significant."""
_MANY_VIEWS: Final = 10
"""Views for each purchase of a pair from which its purchases may be the few that chance gives."""


@dataclass(frozen=True)
class Alternatives:
    """What views say about pairs that are bought together.

    A pair is an alternative if it is compared more strongly than it is bought together. Lifts are
    compared, and not counts, for a shop sees many more views than purchases. The lower bound of
    the lift as a comparison has to exceed the upper bound of the lift as a purchase, or the lift
    itself where comparisons are ten times as many; of two products of one type the larger lift
    decides. A pair that is compared less often than it is bought together is none: a rare pair has
    a high lift after three sessions, and anyone can click.

    Attributes:
        removed: (nnz,) edges of `co_purchase` that are alternatives.
        undecided: (nnz,) the larger lift is that of the views, but they do not suffice.
    """

    removed: npt.NDArray[np.bool_]
    undecided: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RelationGraph:
    """Relations between the `n` products of one catalogue.

    `signals` holds the signals of a graph whose counts are incomplete (see `without`). `types` are
    those of the products, (n,), -1 for none: pairs of the same types share evidence on their
    direction (see `direction`). `baskets` are those that were counted, (b, n) CSR of ones,
    the oldest first, within the cap of votes of one user; None where there are only edges, or some
    of them were held out.
    """

    n: int
    relations: Mapping[str, Relation] = field(default_factory=dict)
    signals: Signals | None = None
    types: Rows | None = None
    baskets: Sparse | None = None

    def __getitem__(self, name: str) -> Relation:
        """A relation by name; one without edges if the graph does not have it."""
        relation = self.relations.get(name)
        return Relation(csr(self.n, [], [], [])) if relation is None else relation

    def __contains__(self, name: str) -> bool:
        return name in self.relations and len(self.relations[name]) > 0

    @cached_property
    def complements(self) -> Relation:
        """Complement signal: co_purchase - (co_view | view_then_purchase).

        On lists, where every count is 1, that is the set difference of P-Companion (section 3),
        taken over unordered pairs. On counted events nearly every pair is in every set, so a pair
        is removed if it is compared more strongly than it is bought together (see
        `alternatives`).

        An edge with an order is removed, too, if its target is bought first, by its own contexts
        or by those of pairs of the same types (see `reversed_edges_mask`).
        """
        if self.signals is not None:
            return self.signals.complements
        return self._drop_reversed(self._complements_before_direction)

    @cached_property
    def _complements_before_direction(self) -> Relation:
        bought = self[CO_PURCHASE]
        return bought.filter(~self.alternatives.removed)

    @cached_property
    def alternatives(self) -> Alternatives:
        """Which pairs of `co_purchase` are alternatives, by what was viewed."""
        bought = self[CO_PURCHASE]
        of_one_type = self._pairs_of_one_type(bought)
        by_view, by_purchase = (
            _alternatives(bought, self[name], of_one_type) for name in (CO_VIEW, VIEW_THEN_PURCHASE)
        )
        removed = by_view.removed | by_purchase.removed
        return Alternatives(removed, (by_view.undecided | by_purchase.undecided) & ~removed)

    def _pairs_of_one_type(self, edges: Relation) -> npt.NDArray[np.bool_]:
        if self.types is None:
            return np.zeros(len(edges), dtype=bool)
        types = self.types[edges.sources]
        return np.asarray((types >= 0) & (types == self.types[edges.targets]))

    def _drop_reversed(self, edges: Relation) -> Relation:
        return edges.filter(~reversed_edges_mask(edges, self.types))

    @cached_property
    def similars(self) -> Relation:
        """Similarity signal: (co_view & view_then_purchase) - co_purchase.

        Where no view_then_purchase exists: co_view - co_purchase. Of counted events, a pair that
        was bought together is here if it is one of the `alternatives`, and so in at most one of
        the two signals.
        """
        if self.signals is not None:
            return self.signals.similars
        viewed = self[CO_VIEW]
        if VIEW_THEN_PURCHASE in self:
            viewed = viewed.filter(_max_of_directions(self[VIEW_THEN_PURCHASE].count, viewed) > 0)
        bought = self[CO_PURCHASE]
        if not (viewed.counted and bought.counted):
            return viewed.filter(viewed.count.data > _max_of_directions(bought.count, viewed))
        complements = bought.filter(~self.alternatives.removed)
        return viewed.filter(_max_of_directions(complements.count, viewed) == 0)

    def without(self, keys: npt.NDArray[np.int64]) -> RelationGraph:
        """The graph without the unordered pairs `keys` (see `pair_keys`), in every relation.

        The counts that depend on those pairs (the contexts of each product) are removed, too, so
        that the graph holds no trace of them. The decision which other pairs are complements used
        those counts, and stays; their direction is decided again, since it uses pairs of the same
        types.
        """
        removed = np.unique(keys)
        return self._filter(
            lambda edges: ~np.isin(pair_keys(edges.sources, edges.targets, self.n), removed)
        )

    def without_products(self, rows: Rows) -> RelationGraph:
        """The graph in which the products `rows` have no edges; see `without`."""
        removed = np.zeros(self.n, dtype=bool)
        removed[rows] = True
        return self._filter(lambda edges: ~(removed[edges.sources] | removed[edges.targets]))

    def _filter(self, mask_of: Callable[[Relation], npt.NDArray[np.bool_]]) -> RelationGraph:
        def filter_relation(edges: Relation) -> Relation:
            return replace(
                edges.filter(mask_of(edges)),
                source_contexts=None,
                target_contexts=None,
                contexts=None,
                companions=None,
                companions_total=None,
            )

        before = (
            self._complements_before_direction
            if self.signals is None
            else self.signals.before_direction
        )
        before_direction = None if before is None else filter_relation(before)
        complements = (
            filter_relation(self.complements)
            if before_direction is None
            else self._drop_reversed(before_direction)
        )
        return RelationGraph(
            self.n,
            {name: filter_relation(relation) for name, relation in self.relations.items()},
            Signals(complements, filter_relation(self.similars), before_direction),
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
            triples = list(edges)
            edges = {
                name: (
                    np.array([u for u, _, r in triples if r == name], dtype=np.int32),
                    np.array([v for _, v, r in triples if r == name], dtype=np.int32),
                )
                for name in {r for _, _, r in triples}
            }
        relations = {}
        for name, (sources, targets) in sorted(edges.items()):
            matrix = csr(n, sources, targets, np.ones(len(sources)))
            matrix.data[:] = 1  # a product listed twice counts once
            relations[name] = Relation(matrix)
        return cls(n, relations)


def _max_of_directions(matrix: Sparse, edges: Relation) -> npt.NDArray[np.float64]:
    """(nnz,) the larger of matrix[u, v] and matrix[v, u] for every edge (u, v)."""
    if not len(edges) or not matrix.nnz:
        return np.zeros(len(edges))
    either = matrix.maximum(matrix.T).tocsr()
    return np.asarray(either[edges.sources, edges.targets], dtype=np.float64).ravel()


def _alternatives(
    bought: Relation, compared: Relation, of_one_type: npt.NDArray[np.bool_]
) -> Alternatives:
    """Which edges of `bought` are alternatives by one relation of views, in either direction."""
    if not (bought.counted and compared.counted):
        removed = bought.count.data <= _max_of_directions(compared.count, bought)
        return Alternatives(removed, np.zeros(len(bought), dtype=bool))

    def of_pairs(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        matrix = compared.count.astype(np.float64)
        matrix.data = values
        return _max_of_directions(matrix, bought)

    lower, _ = compared.lift_bounds(_Z_OF_TWO)
    _, upper = bought.lift_bounds(_Z_OF_TWO)
    lift = bought.measure("lift")
    stronger = of_pairs(compared.measure("lift")) >= lift
    views = of_pairs(compared.times_seen.astype(np.float64))
    surer = views >= _MANY_VIEWS * bought.times_seen
    decided = (of_pairs(lower) > np.where(surer, lift, upper)) | of_one_type
    removed = stronger & decided & (views >= bought.times_seen)
    return Alternatives(removed, stronger & ~removed)
