"""Direct co-purchases of the source, by strength of association."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig, Recommender
from goeswith.models.paths import edge_weights, path_scores
from goeswith.relations.graph import RelationGraph
from goeswith.relations.measures import Measure


class CoPurchase(Recommender):
    """The direct edges of the complement signal, weighted by an association measure.

    Products without an edge, or with a measure that is not positive, have no score.
    """

    class Config(ModelConfig):
        measure: Measure = Field("llr", description="Association measure that ranks edges.")

    name: ClassVar[str] = "copurchase"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.edges = edge_weights(graph.complements, self.config.measure)
        return self

    def score(self, sources: Rows) -> Floats:
        return path_scores(self.edges[sources])

    def score_sparse(self, sources: Rows) -> Sparse:
        return self.edges[sources]

    def arrays(self) -> Arrays:
        return {"edges": self.edges}

    def restore(self, arrays: Arrays) -> None:
        self.edges = arrays["edges"]

    @property
    def n(self) -> int:
        return int(self.edges.shape[0])
