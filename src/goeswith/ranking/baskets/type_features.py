"""What the types of two products say of a pair: counts of types, and general knowledge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.data.catalog import Catalog
from goeswith.kinds.catalog_kinds import KIND
from goeswith.kinds.table_reader import load_table

_PRIOR = 5.0
"""Baskets that two types are taken to have together as often as by chance."""


@dataclass(frozen=True)
class TypeFeatures:
    """Features of pairs of types, and of kinds of the table.

    Attributes:
        types: (n,) type of each product, -1 for none.
        lift: (t, t) log lift of two types in one basket, each basket with one vote.
        kinds: (n,) kind of each product, -1 for none.
        strength: (k, k) strength of the link between two kinds, 0 for none, and
        replaces: (k, k) whether they are one kind or replace each other.
    """

    types: Rows
    lift: Floats
    kinds: Rows
    strength: Floats
    replaces: npt.NDArray[np.bool_]

    @classmethod
    def fit(cls, catalog: Catalog, pairs: Sparse) -> Self:
        """Learn from counts.

        Args:
            catalog: has types, and kinds where products were tagged.
            pairs: (n, n) CSR, weight of the baskets of each pair.
        """
        types, n_types = catalog.type_codes, len(catalog.type_names)
        typed = np.flatnonzero(types >= 0)
        member = sparse.csr_matrix(
            (np.ones(len(typed), dtype=np.float32), (typed, types[typed])),
            shape=(len(types), n_types),
        )
        lift = (member.T @ pairs @ member).toarray()
        total = max(float(lift.sum(dtype=np.float64)), 1e-12)
        prior = _PRIOR * total / max(pairs.nnz, 1)
        source, target = lift.sum(axis=1), lift.sum(axis=0) / total
        for row in range(n_types):
            lift[row] = np.log((lift[row] + prior) / (source[row] * target + prior))
        names: list[str | None] = [None] * len(types)
        if KIND in catalog.frame.columns:
            names = catalog.frame[KIND].to_list()
        ids = sorted({name for name in names if name is not None})
        code = {name: i for i, name in enumerate(ids)}
        kinds = np.array([code.get(name, -1) if name else -1 for name in names], dtype=np.int32)
        return cls(types, lift, kinds, *_knowledge(ids))

    def columns(self, source: Rows, target: Rows) -> dict[str, npt.ArrayLike]:
        """Name -> (m,) features of pairs; NaN where a product has no type or kind."""
        u, v = self.types[source], self.types[target]
        typed = (u >= 0) & (v >= 0)
        a, b = self.kinds[source], self.kinds[target]
        known = (a >= 0) & (b >= 0)
        found: dict[str, npt.NDArray[np.float32]] = {}
        for name, mask, values in (
            ("same type", typed, u == v),
            ("type lift", typed, self.lift[u[typed], v[typed]]),
            ("link strength", known, self.strength[a[known], b[known]]),
            ("alternative kinds", known, self.replaces[a[known], b[known]]),
        ):
            found[name] = np.full(len(source), np.nan, dtype=np.float32)
            found[name][mask] = values[mask] if len(values) == len(source) else values
        return dict(found)


def _knowledge(ids: list[str]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    code = {name: i for i, name in enumerate(ids)}
    strength = np.zeros((len(ids), len(ids)), dtype=np.float32)
    replaces = np.eye(len(ids), dtype=bool)
    if not ids:
        return strength, replaces
    table = load_table()
    for name, i in code.items():
        for link in table.links.get(name, ()):
            if link.target in code:
                strength[i, code[link.target]] = link.strength
        for other in table.alternatives.get(name, ()):
            if other in code:
                replaces[i, code[other]] = True
    return strength, replaces
