"""Answers from attributes alone: for products that nobody has bought yet."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.arrays import Floats, Rows, Sparse, top_k
from goeswith.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.encode.attributes import AttributeEncoder
from goeswith.models.base import ModelConfig, Recommender
from goeswith.models.paths import edge_weights, path_scores
from goeswith.relations.graph import RelationGraph


class SimilarComplements(Recommender):
    """Complements of the products most alike in attributes.

        S = K A,   K(s, u) = cosine(s, u)^q for the m products u most like s, else 0

    with A the complement edges (1, or their llr where pairs are counted) and the cosine of TF-IDF
    attributes. Only products with complements are asked. Says nothing for a source that shares no
    attribute with any of them.
    """

    class Config(ModelConfig):
        neighbours: int = Field(100, ge=1, description="m: how many similar products are asked.")
        power: float = Field(
            10, gt=0, description="q: power of the cosine; higher listens to the nearest only."
        )
        include_self: bool = Field(
            True, description="Whether a source's own complements count, with a cosine of 1."
        )

    name: ClassVar[str] = "similar_complements"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.encoder = AttributeEncoder.fit(catalog)
        self.vectors = self.encoder.encode(catalog)
        self.edges = edge_weights(graph.complements, "auto")
        self.asked = _transposed(self.vectors, np.diff(self.edges.indptr) > 0)
        return self

    def score(self, sources: Rows) -> Floats:
        cosines = path_scores(self.vectors[sources] @ self.asked)
        has_complements = np.diff(self.edges.indptr)[sources] > 0
        own = np.float32(1 if self.config.include_self else -np.inf)
        cosines[np.arange(len(sources)), sources] = np.where(has_complements, own, -np.inf)
        return self._complements(cosines)

    def score_new(self, products: Catalog) -> Floats:
        """(m, n) scores for m products that were unknown at fit, from their attributes."""
        return self._complements(path_scores(self.encoder.encode(products) @ self.asked))

    def _complements(self, cosines: Floats) -> Floats:
        """(b, n) from (b, n) cosines, -inf for what must not be asked."""
        near, cosine = top_k(cosines, self.config.neighbours)
        row, place = np.nonzero(near >= 0)
        weight = cosine[row, place] ** np.float32(self.config.power)
        asked = sparse.csr_matrix((weight, (row, near[row, place])), shape=cosines.shape)
        return path_scores(asked @ self.edges)

    def arrays(self) -> Arrays:
        return {
            "vectors": self.vectors,
            "asked": self.asked,
            "edges": self.edges,
            **self.encoder.arrays(),
        }

    def restore(self, arrays: Arrays) -> None:
        self.vectors, self.asked = arrays["vectors"], arrays["asked"]
        self.edges = arrays["edges"]
        self.encoder = AttributeEncoder.restore(arrays)

    @property
    def n(self) -> int:
        return int(self.edges.shape[0])


class AttributeSimilarity(Recommender):
    """Cosine of TF-IDF attributes: what is alike, which is seldom what goes together."""

    name: ClassVar[str] = "attribute_similarity"

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.vectors = AttributeEncoder.fit(catalog).encode(catalog)
        self.transposed = _transposed(self.vectors, np.ones(len(catalog), dtype=bool))
        return self

    def score(self, sources: Rows) -> Floats:
        return path_scores(self.vectors[sources] @ self.transposed)

    def arrays(self) -> Arrays:
        return {"vectors": self.vectors, "transposed": self.transposed}

    def restore(self, arrays: Arrays) -> None:
        self.vectors, self.transposed = arrays["vectors"], arrays["transposed"]

    @property
    def n(self) -> int:
        return int(self.vectors.shape[0])


def _transposed(vectors: Sparse, kept: Floats) -> Sparse:
    """(v, n) CSR: for every token its products, of those with `kept`."""
    columns = sparse.csr_matrix(vectors.multiply(kept[:, None]))
    columns.eliminate_zeros()
    return columns.T.tocsr()
