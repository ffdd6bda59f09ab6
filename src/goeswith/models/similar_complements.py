"""Recommendations from attributes only, also for products without purchases."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows, row_top_k_mask
from goeswith.core.arrays_file import Arrays
from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.features.attribute_encoder import AttributeEncoder
from goeswith.features.cosine_index import CosineIndex
from goeswith.features.product_vectors import SentenceVectors
from goeswith.models.base import ModelConfig, Recommender
from goeswith.models.paths import edge_weights, path_scores
from goeswith.relations.graph import RelationGraph


class SimilarComplements(Recommender):
    """Complements of the products most alike in attributes.

        S = K A,   K(s, u) = cosine(s, u)^q for the m products u most like s, else 0

    with A the complement edges (1, or their llr where pairs are counted) and the cosine of TF-IDF
    attributes. The u are products with complements. A source that shares no attribute with them has
    no scores; with more than 20,000 of them, nor has one that shares only attributes of more than
    5,000 of them (see `CosineIndex`).
    """

    class Config(ModelConfig):
        neighbours: int = Field(100, ge=1, description="m: number of similar products.")
        power: float = Field(
            10,
            gt=0,
            description="q: exponent of the cosine; a higher value gives the most similar "
            "products more weight.",
        )
        include_self: bool = Field(
            True, description="Whether the source's own complements count too, with a cosine of 1."
        )

    name: ClassVar[str] = "similar_complements"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.encoder = AttributeEncoder.fit(catalog)
        self.vectors = self.encoder.encode(catalog)
        self.edges = edge_weights(graph.complements, "auto")
        self.candidates = np.flatnonzero(np.diff(self.edges.indptr)).astype(np.int32)
        self._build_index()
        return self

    def _build_index(self) -> None:
        """Derive from the arrays: an index of the candidates, and their positions."""
        self.index = CosineIndex(self.vectors[self.candidates])
        self.place = np.full(self.n, -1, dtype=np.int32)
        self.place[self.candidates] = np.arange(len(self.candidates))

    def score(self, sources: Rows) -> Floats:
        return path_scores(self.score_sparse(sources))

    def score_sparse(self, sources: Rows) -> Sparse:
        own_place, own_cosine = (
            self.place[sources],
            np.float32(1 if self.config.include_self else -np.inf),
        )
        cosines = self.index.cosines(self.vectors[sources])
        itself = cosines.indices == own_place[entry_rows(cosines)]
        cosines.data[itself] = own_cosine
        # the index does not retrieve a source without attributes
        without_cosine = own_place >= 0
        without_cosine[entry_rows(cosines)[itself]] = False
        if without_cosine.any():
            entries = (np.flatnonzero(without_cosine), own_place[without_cosine])
            cosines += sparse.csr_matrix(
                (np.full(len(entries[0]), own_cosine), entries), shape=cosines.shape
            )
        return self._complements(cosines)

    def score_new(self, products: Catalog) -> Floats:
        return path_scores(self._complements(self.index.cosines(self.encoder.encode(products))))

    def _complements(self, cosines: Sparse) -> Sparse:
        """(b, n) CSR, from (b, candidates) cosines; -inf excludes a candidate."""
        is_neighbour = row_top_k_mask(cosines, self.config.neighbours) & np.isfinite(cosines.data)
        weight = cosines.data[is_neighbour] ** np.float32(self.config.power)
        entries = (
            entry_rows(cosines)[is_neighbour],
            self.candidates[cosines.indices[is_neighbour]],
        )
        shape = (cosines.shape[0], self.n)
        return sparse.csr_matrix((weight, entries), shape=shape) @ self.edges

    def arrays(self) -> Arrays:
        return {
            "vectors": self.vectors,
            "asked": self.candidates,
            "edges": self.edges,
            **self.encoder.arrays(),
        }

    def restore(self, arrays: Arrays) -> None:
        self.vectors, self.candidates = arrays["vectors"], arrays["asked"]
        self.edges = arrays["edges"]
        self.encoder = AttributeEncoder.restore(arrays)
        self._build_index()

    @property
    def n(self) -> int:
        return int(self.edges.shape[0])


class AttributeSimilarity(Recommender):
    """Cosine of attributes, by TF-IDF or a sentence encoder: similar products."""

    class Config(ModelConfig):
        column: str | None = Field(
            None, description="Attribute to compare. Not set: all attributes."
        )
        sentence_encoder: str | None = Field(
            None, description="Folder or hub id of a sentence encoder that replaces TF-IDF."
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
