"""Complements of the products that share complements with the source: two hops further."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse, inverse_power, scale_columns
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import Recommender
from goeswith.models.input_edges import (
    InputConfig,
    drop_alternatives,
    drop_alternatives_sparse,
    excluded_alternatives,
    input_edges,
)
from goeswith.models.paths import (
    Weight,
    edge_weights,
    in_degree,
    is_sparse_cheaper,
    out_degree,
    walk,
)
from goeswith.relations.graph import RelationGraph


class CoCitation(Recommender):
    """Co-citation (Small, 1973) on the complement graph, with popular products discounted.

        S = A D^-p A' R^-q A D^-p

    with A the edges, D = diag(in-degree) and R = diag(out-degree): a source leads to its
    complements, they lead back to other products that have them, and those to what else they
    have. p discounts the complements that everything has, as shared ground and as an answer; q
    the products with long lists. p = 1/2, q = 0 is A C' C with C = A D^-1/2.

    S is never formed: two products a block of sources, O(block x n) memory.
    """

    class Config(InputConfig):
        weight: Weight = Field(
            "auto",
            description="Weight of an edge: binary (1), an association measure, or auto: llr "
            "for counted pairs, binary for lists.",
        )
        power: float = Field(
            0.45,
            ge=0,
            le=1,
            description="Discount of popular targets: exponent of the in-degree; 0 disables it.",
        )
        source_power: float = Field(
            0.5,
            ge=0,
            le=1,
            description="Discount of sources with many edges: exponent of the out-degree; 0 "
            "disables it.",
        )

    name: ClassVar[str] = "cocitation"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        edges = edge_weights(input_edges(graph, self.config), self.config.weight)
        self.edges = edges
        self.excluded = excluded_alternatives(graph, self.config)
        self.onward = scale_columns(edges, inverse_power(in_degree(edges), self.config.power))
        self.back = scale_columns(
            self.onward.T.tocsr(), inverse_power(out_degree(edges), self.config.source_power)
        )
        return self

    def score(self, sources: Rows) -> Floats:
        scores = walk(self.edges[sources] @ self.back, self.onward)
        drop_alternatives(scores, sources, self.excluded)
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def score_sparse(self, sources: Rows) -> Sparse | None:
        shared = self.edges[sources] @ self.back
        if not is_sparse_cheaper(shared, self.onward):
            return None
        return drop_alternatives_sparse((shared @ self.onward).tocsr(), sources, self.excluded)

    def arrays(self) -> Arrays:
        return {
            "edges": self.edges,
            "onward": self.onward,
            "back": self.back,
            "refused": self.excluded,
        }

    def restore(self, arrays: Arrays) -> None:
        self.edges, self.onward, self.back = arrays["edges"], arrays["onward"], arrays["back"]
        self.excluded = arrays["refused"]

    @property
    def n(self) -> int:
        return int(self.edges.shape[0])
