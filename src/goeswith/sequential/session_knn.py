"""Session-kNN: products of similar sessions."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import (
    Floats,
    Sparse,
    entry_rows,
    row_top_k_mask,
    scale_columns,
    scale_rows,
)
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.models.paths import path_scores
from goeswith.sequential.base import SessionModel, prefix_weights
from goeswith.sequential.prefix_scores import PrefixScores
from goeswith.sequential.sequences import Sequences


class SessionKnn(SessionModel):
    """Session-based nearest neighbours with recency (V-SKNN; Ludewig and Jannach, 2018).

    The similarity of a past session x to a prefix depends on their common products,

        similarity(x) = sum over products i of both of recency^(places back) idf(i)^rarity
                        2^-age(x) / |x|^length_power
        score(j) = sum over the most similar sessions x that hold j of similarity(x)^2 .
    """

    class Config(ModelConfig):
        """Settings of session-kNN."""

        neighbours: int = Field(500, ge=1, description="Number of similar past sessions.")
        recency: float = Field(
            0.7,
            ge=0,
            le=1,
            description="Factor per position back from the last product of the session: 1 weighs "
            "all products equally, 0 uses the last only.",
        )
        rarity: float = Field(
            0.5,
            ge=0,
            description="Exponent of the IDF: a higher value gives rare products more weight.",
        )
        length_power: float = Field(
            0.5, ge=0, description="Discount of long sessions: exponent of the length."
        )
        half_life: float | None = Field(
            None,
            gt=0,
            description="Age at which the similarity of a session is halved, as a share of all "
            "sessions. Not set: age does not count.",
        )

    name: ClassVar[str] = "session_knn"
    config: Config

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        n = len(catalog)
        sequences = sequences.take(np.flatnonzero(sequences.lengths > 1))
        session_products = sparse.csr_matrix(
            (
                np.ones(len(sequences.products), dtype=np.float32),
                (sequences.run_index, sequences.products),
            ),
            shape=(len(sequences), n),
        )
        session_products.sum_duplicates()
        session_products.data[:] = 1
        sessions_with = np.bincount(session_products.indices, minlength=n)
        idf = np.log(max(len(sequences), 1) / np.maximum(sessions_with, 1))
        session_weights = (
            np.maximum(np.diff(session_products.indptr), 1) ** -self.config.length_power
        )
        session_weights *= sequences.freshness(self.config.half_life)
        weighted = scale_columns(
            scale_rows(session_products, session_weights), idf**self.config.rarity
        )
        self.product_sessions, self.session_products = weighted.T.tocsr(), session_products
        return self

    def score(self, prefixes: Sequences) -> Floats:
        return path_scores(self._paths(prefixes))

    def few_scores(self, prefixes: Sequences) -> PrefixScores:
        scores = self._paths(prefixes)
        scores.sort_indices()
        return PrefixScores(scores)

    def _paths(self, prefixes: Sequences) -> Sparse:
        """(b, n) CSR of the scores."""
        prefix_vectors = prefix_weights(prefixes, self.config.recency, self.n)
        similarity = (prefix_vectors @ self.product_sessions).tocsr()
        # of equally similar sessions the latest
        is_neighbour = row_top_k_mask(similarity, self.config.neighbours, prefer_last=True)
        entries = (entry_rows(similarity)[is_neighbour], similarity.indices[is_neighbour])
        similarity = sparse.csr_matrix(
            (similarity.data[is_neighbour], entries), shape=similarity.shape
        )
        similarity.data **= 2
        return (similarity @ self.session_products).tocsr()

    def arrays(self) -> Arrays:
        return {"reached": self.product_sessions, "held": self.session_products}

    def restore(self, arrays: Arrays) -> None:
        self.product_sessions, self.session_products = arrays["reached"], arrays["held"]

    @property
    def n(self) -> int:
        return int(self.session_products.shape[1])
