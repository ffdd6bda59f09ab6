"""Katz: all walks from a source to a target, the longer the fainter."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse, inverse_power, scale_columns, scale_rows
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import Recommender
from goeswith.models.input_edges import (
    InputConfig,
    drop_alternatives,
    excluded_alternatives,
    input_edges,
    stored_alternatives,
)
from goeswith.models.paths import Weight, edge_weights, in_degree, out_degree
from goeswith.relations.graph import RelationGraph


class Katz(Recommender):
    """Katz (1953) on the directed complement graph, degree-normalised, with few hops.

        S = sum_i (damping / sigma^2)^i  N (N' N)^i D^-c,   N = R^-a A D^-a

    with A the edges, R = diag(out-degree), D = diag(in-degree) and sigma the largest singular
    value of N, so that damping < 1 makes the series converge. Walks go forward, back, forward, as
    on the bipartite graph of sources and targets: a walk that ends against an edge's direction
    would answer a case with its phone.

    Memory O(block x n): one dense block is pushed through sparse matrices.
    """

    class Config(InputConfig):
        weight: Weight = Field(
            "auto",
            description="Weight of an edge: binary (1), an association measure, or auto: llr "
            "for counted pairs, binary for lists.",
        )
        hops: int = Field(
            5,
            ge=1,
            description="Maximum length of a walk, in edges; only walks of odd length count.",
        )
        damping: float = Field(
            0.2,
            gt=0,
            lt=1,
            description="Factor by which a walk counts less for every two further edges.",
        )
        power: float = Field(
            0.3,
            ge=0,
            le=1,
            description="a: discount of an edge: exponent of the degrees of both its products.",
        )
        target_power: float = Field(
            0.15,
            ge=0,
            le=1,
            description="c: discount of popular targets: exponent of the in-degree.",
        )

    name: ClassVar[str] = "katz"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        edges = edge_weights(input_edges(graph, self.config), self.config.weight)
        self.excluded = excluded_alternatives(graph, self.config)
        forward = scale_rows(edges, inverse_power(out_degree(edges), self.config.power))
        forward = scale_columns(forward, inverse_power(in_degree(edges), self.config.power))
        sigma = _largest_singular_value(forward)
        self.forward = forward
        # the two edges of a further round, with its damping in the edge that leads back
        self.back = forward.copy()
        self.back.data *= np.float32(self.config.damping / max(sigma, 1e-12) ** 2)
        self.onward = forward.T.tocsr()
        discount = inverse_power(in_degree(edges), self.config.target_power)
        self.discount = discount.astype(np.float32)
        return self

    def score(self, sources: Rows) -> Floats:
        # (n, b): columns are sources, so that each hop is a CSR matrix times a dense block
        ahead = np.ascontiguousarray(self.forward[sources].toarray().T)
        total = ahead
        for _ in range((self.config.hops - 1) // 2):
            ahead = self.onward @ (self.back @ ahead)
            total = total + ahead
        scores = total.T * self.discount
        drop_alternatives(scores, sources, self.excluded)
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def arrays(self) -> Arrays:
        return {
            "forward": self.forward,
            "back": self.back,
            "onward": self.onward,
            "discount": self.discount,
            "excluded": self.excluded,
        }

    def restore(self, arrays: Arrays) -> None:
        self.forward, self.back = arrays["forward"], arrays["back"]
        self.onward, self.discount = arrays["onward"], arrays["discount"]
        self.excluded = stored_alternatives(arrays, self.n)

    @property
    def n(self) -> int:
        return len(self.discount)


def _largest_singular_value(matrix: Sparse, iterations: int = 50) -> float:
    """By power iteration from the vector of ones, which a non-negative matrix cannot miss."""
    vector = np.ones(matrix.shape[1])
    square = 0.0
    for _ in range(iterations):
        vector = matrix.T @ (matrix @ vector)
        square = float(np.linalg.norm(vector))
        vector /= max(square, 1e-300)
    return float(np.sqrt(square))
