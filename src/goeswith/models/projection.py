"""Walks on a directed product graph, projected from purchases and their order."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse, inverse_power, scale_rows
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig, Recommender
from goeswith.models.paths import out_degree, path_scores
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import Relation


class Projection(Recommender):
    """Directed weighted graph projection with a two-step walk (after arXiv 2506.09209).

    The graph of buyers and products is projected to products: the affinity of a pair is how often
    both were bought, an edge's weight that times how often its source came first.

        Q = n + n'                                    affinity, whatever the order
        W = n o,  o = (n_first + 1) / (n_first + n_first' + 2)
        S = R_W^-p W  +  alpha R_Q^-p Q R_W^-p W

    with R the row sums, so that p = 1 is a random walk: one step in the direction of purchase, or
    first a step along an edge in either direction and then one along its direction. Where
    pairs have no order, o = 1/2 and edges keep their direction.
    """

    class Config(ModelConfig):
        alpha: float = Field(
            0.1, ge=0, description="Weight of a walk of two steps, relative to one step."
        )
        power: float = Field(
            1,
            ge=0,
            le=1,
            description="p: each step is divided by the row sum to this power; 1 is a random walk.",
        )

    name: ClassVar[str] = "projection"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        edges = graph.complements
        directed = edges.weighted(edges.count.data * _order(edges))
        affinity = (edges.count + edges.count.T).tocsr()
        self.step = scale_rows(directed, inverse_power(out_degree(directed), self.config.power))
        self.around = scale_rows(affinity, inverse_power(out_degree(affinity), self.config.power))
        self.around.data *= np.float32(self.config.alpha)
        return self

    def score(self, sources: Rows) -> Floats:
        return path_scores(self.step[sources] + self.around[sources] @ self.step)

    def arrays(self) -> Arrays:
        return {"step": self.step, "around": self.around}

    def restore(self, arrays: Arrays) -> None:
        self.step, self.around = arrays["step"], arrays["around"]

    @property
    def n(self) -> int:
        return int(self.step.shape[0])


def _order(edges: Relation) -> Floats:
    """(nnz,) how often the source came first, with one context each way added; 1/2 if unknown."""
    if edges.source_first is None or not len(edges):
        return np.full(len(edges), 0.5, dtype=np.float32)
    first: Sparse = edges.count.copy()
    first.data = edges.source_first.astype(np.float32)
    backward = np.asarray(first[edges.targets, edges.sources]).ravel()
    share: Floats = (edges.source_first + 1) / (edges.source_first + backward + 2)
    return share
