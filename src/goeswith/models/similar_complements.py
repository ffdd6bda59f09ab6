"""Answers from attributes alone: for products that nobody has bought yet."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows, largest_of_rows
from goeswith.core.arrays_file import Arrays
from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.features.attribute_encoder import AttributeEncoder
from goeswith.features.cosines import CosineIndex
from goeswith.features.product_vectors import SentenceVectors
from goeswith.models.base import ModelConfig, Recommender
from goeswith.models.paths import edge_weights, path_scores
from goeswith.relations.graph import RelationGraph


class SimilarComplements(Recommender):
    """Complements of the products most alike in attributes.

        S = K A,   K(s, u) = cosine(s, u)^q for the m products u most like s, else 0

    with A the complement edges (1, or their llr where pairs are counted) and the cosine of TF-IDF
    attributes. Only products with complements are asked. Says nothing for a source that shares no
    attribute with any of them; where more than 20,000 are asked, no attribute that at most 5,000 of
    them have. What all have in common counts in the cosine all the same.
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
        self.asked = np.flatnonzero(np.diff(self.edges.indptr)).astype(np.int32)
        self._index()
        return self

    def _index(self) -> None:
        """What is only another form of the arrays: the asked products by token, their place."""
        self.index = CosineIndex(self.vectors[self.asked])
        self.place = np.full(self.n, -1, dtype=np.int32)
        self.place[self.asked] = np.arange(len(self.asked))

    def score(self, sources: Rows) -> Floats:
        return path_scores(self.score_few(sources))

    def score_few(self, sources: Rows) -> Sparse:
        own, alone = self.place[sources], np.float32(1 if self.config.include_self else -np.inf)
        cosines = self.index.cosines(self.vectors[sources])
        itself = cosines.indices == own[entry_rows(cosines)]
        cosines.data[itself] = alone
        # one without attributes is not found by them
        lost = own >= 0
        lost[entry_rows(cosines)[itself]] = False
        if lost.any():
            at = (np.flatnonzero(lost), own[lost])
            cosines += sparse.csr_matrix((np.full(len(at[0]), alone), at), shape=cosines.shape)
        return self._complements(cosines)

    def score_new(self, products: Catalog) -> Floats:
        return path_scores(self._complements(self.index.cosines(self.encoder.encode(products))))

    def _complements(self, cosines: Sparse) -> Sparse:
        """(b, n) CSR, from (b, asked) cosines; nobody is asked where that is -inf."""
        near = largest_of_rows(cosines, self.config.neighbours) & np.isfinite(cosines.data)
        weight = cosines.data[near] ** np.float32(self.config.power)
        at = (entry_rows(cosines)[near], self.asked[cosines.indices[near]])
        shape = (cosines.shape[0], self.n)
        return sparse.csr_matrix((weight, at), shape=shape) @ self.edges

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
        self._index()

    @property
    def n(self) -> int:
        return int(self.edges.shape[0])


class AttributeSimilarity(Recommender):
    """Cosine of attributes, as TF-IDF or as a sentence encoder reads them: what is alike."""

    class Config(ModelConfig):
        column: str | None = Field(None, description="The one attribute to compare; all without.")
        sentence_encoder: str | None = Field(
            None, description="Folder or hub id of a sentence encoder to read instead of TF-IDF."
        )

    name: ClassVar[str] = "attribute_similarity"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        if (column := self.config.column) is not None:
            if column not in catalog.frame.columns:
                raise ConfigError(
                    f"{self.name}: the catalogue has no column {column!r}; it has "
                    f"{', '.join(catalog.frame.columns)}"
                )
            catalog = Catalog(catalog.frame.select("product_id", column))
        if self.config.sentence_encoder is not None:
            self.vectors = sparse.csr_matrix(
                SentenceVectors(self.config.sentence_encoder).encode(catalog)
            )
        else:
            self.vectors = AttributeEncoder.fit(catalog).encode(catalog)
        self.transposed = self.vectors.T.tocsr()
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
