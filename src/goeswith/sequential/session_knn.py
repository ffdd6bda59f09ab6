"""Sessions like this one: what else they held."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Sparse, scale_columns, scale_rows
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.models.paths import path_scores
from goeswith.sequential.base import SessionModel, prefix_weights
from goeswith.sequential.sequences import Sequences


class SessionKnn(SessionModel):
    """Session-based nearest neighbours with recency (V-SKNN; Ludewig and Jannach, 2018).

    A past session x is as similar to a prefix as what both hold says,

        similarity(x) = sum over products i of both of recency^(places back) idf(i)^rarity
                        2^-age(x) / |x|^length_power
        score(j) = sum over the most similar sessions x that hold j of similarity(x)^2 .
    """

    class Config(ModelConfig):
        """Settings of session-kNN."""

        neighbours: int = Field(500, ge=1, description="Past sessions that are asked.")
        recency: float = Field(
            0.7, ge=0, le=1, description="What a product counts less for each place further back."
        )
        rarity: float = Field(
            0.5, ge=0, description="Power of the idf by which rare products say more."
        )
        length_power: float = Field(
            0.5, ge=0, description="Power of its length by which a long session is less similar."
        )
        half_life: float | None = Field(
            None,
            gt=0,
            description="Share of all sessions after which an older one is half as similar; no "
            "difference unless set.",
        )

    name: ClassVar[str] = "session_knn"
    config: Config

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        n = len(catalog)
        sequences = sequences.take(np.flatnonzero(sequences.lengths > 1))
        held = sparse.csr_matrix(
            (
                np.ones(len(sequences.products), dtype=np.float32),
                (sequences.run_of, sequences.products),
            ),
            shape=(len(sequences), n),
        )
        held.sum_duplicates()
        held.data[:] = 1
        sessions_with = np.bincount(held.indices, minlength=n)
        idf = np.log(max(len(sequences), 1) / np.maximum(sessions_with, 1))
        counts = np.maximum(np.diff(held.indptr), 1) ** -self.config.length_power
        counts *= sequences.freshness(self.config.half_life)
        reached = scale_columns(scale_rows(held, counts), idf**self.config.rarity)
        self.reached, self.held = reached.T.tocsr(), held
        return self

    def score(self, prefixes: Sequences) -> Floats:
        asked = prefix_weights(prefixes, self.config.recency, self.n)
        similar = _largest(asked @ self.reached, self.config.neighbours)
        similar.data **= 2
        return path_scores((similar @ self.held).tocsr())

    def arrays(self) -> Arrays:
        return {"reached": self.reached, "held": self.held}

    def restore(self, arrays: Arrays) -> None:
        self.reached, self.held = arrays["reached"], arrays["held"]

    @property
    def n(self) -> int:
        return int(self.held.shape[1])


def _largest(matrix: Sparse, k: int) -> Sparse:
    """The k largest entries of each row of a CSR matrix; of equals, those of later columns."""
    matrix.sort_indices()
    kept = np.ones(matrix.nnz, dtype=bool)
    for row in np.flatnonzero(np.diff(matrix.indptr) > k):
        start, end = matrix.indptr[row], matrix.indptr[row + 1]
        order = np.argsort(matrix.data[start:end], kind="stable")
        kept[start + order[:-k]] = False
    starts = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return sparse.csr_matrix((matrix.data[kept], matrix.indices[kept], starts), shape=matrix.shape)
