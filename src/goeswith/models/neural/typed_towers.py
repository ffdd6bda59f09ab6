"""Typed towers: P-Companion's two questions, which types and which products, as one softmax.

Ours. P-Companion (Hao et al., 2020) asks first which types complement a product, then which
products of each. With c the type of j that is

    p(j | i) = p(c | i) p(j | i, c)                                    (its sections 4.2 and 4.3)

Here one softmax over the catalogue gives both factors, so that frequency counts, and a slate's
types and products cannot contradict each other:

    p(j | i) = softmax of s_i . t_j / temperature,  p(c | i) = sum of p(j | i) over type c
    s_i = normalise(X_i W + e_i),  t_j = normalise(X_j W' + e'_j)

Every attribute X, a type among them, has a learned vector as a source (a row of W) and as a target
(of W'). The id vectors e are learned for products with edges, and half of them dropped in each
step, so that attributes learn to stand alone. The vectors are those of directed propagation without
a step along edges.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Rows
from goeswith.data.catalog import Catalog
from goeswith.models.neural.directed_propagation import (
    DirectedPropagation,
    DirectedPropagationConfig,
)
from goeswith.models.neural.typed_vectors import TypedVectors
from goeswith.relations.graph import RelationGraph


class TypedTowersConfig(DirectedPropagationConfig):
    """Settings of typed towers."""

    layers: int = Field(
        0, ge=0, description="Number of propagation steps along edges; 0 is a two-tower model."
    )


class TypedTowers(TypedVectors, DirectedPropagation):
    """Which types go with a product, and which products of each, from attributes."""

    name = "typed_towers"
    Config = TypedTowersConfig
    config: TypedTowersConfig

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.set_types(catalog)
        return super().fit(catalog, graph)

    def type_scores(self, sources: Rows) -> Floats:
        """(b, types) log of the sum of exp(score / temperature) over the products of each type."""
        scores = self.score(sources)
        highest = scores.max(axis=1, keepdims=True)
        gap = scores - np.where(np.isfinite(highest), highest, 0)
        shares = np.exp(gap / self.config.temperature)
        kinds = sparse.csr_matrix(
            (np.ones(self.n, np.float32), (np.arange(self.n), self.types)),
            shape=(self.n, len(self.type_names)),
        )
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(shares @ kinds), dtype=np.float32)
