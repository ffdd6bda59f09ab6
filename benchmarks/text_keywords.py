"""Keywords of titles for shoppers with few purchases, after KALM4Rec.

Kieu et al. (2024), *Keyword-driven Retrieval-Augmented Large Language Models for Cold-start User
Recommendations* (arXiv 2405.19612).
"""

from __future__ import annotations

import re
from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Sparse
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.features.product_vectors import content_encoder
from goeswith.models.base import ModelConfig
from goeswith.sequential.base import SessionModel, mask_seen, prefix_weights
from goeswith.sequential.item_knn import ItemKnn
from goeswith.sequential.sequences import Sequences

TOO_FREQUENT = 0.1
"""A word of more than this share of the titles is no keyword."""


class KeywordsConfig(ModelConfig):
    """Settings of keyword retrieval."""

    recency: float = Field(0.7, ge=0, le=1, description="Weight of each place further back.")
    own_words: float = Field(
        0.3, ge=0, le=1, description="Share of products that have the keywords themselves."
    )
    candidates: int = Field(50, ge=1, description="Products that are re-ranked.")
    rerank: float = Field(
        0.0, ge=0, description="Weight of the cosine of texts in the order of the candidates."
    )
    sentence_encoder: str | None = Field(None, description="As of sasrec.")
    content_dimension: int = Field(128, ge=1, description="As of sasrec.")


class Keywords(SessionModel):
    """Products that shoppers with the same keywords bought.

    With the words k of a title, weighted by w(i, k) = log(n / products with k), rows of length 1,
    and counts c(i, j) of `item_knn`:

        u(k) = sum over the prefix of recency^(places back) w(i, k)
        C(k, j) = sum over products i of w(i, k) c(i, j), divided by its sum over j
        score(j) = (1 - o) sum over k of u(k) C(k, j) + o sum over k of u(k) W(j, k)

    W is w, divided by its sum over j. The paper reads keywords of reviews, walks on the graph of
    keywords and restaurants, and a language model orders the candidates; here `rerank` multiplies
    the score of the first `candidates` by exp(rerank * cosine of texts).
    """

    name: ClassVar[str] = "keywords"
    Config: ClassVar[type[ModelConfig]] = KeywordsConfig
    config: KeywordsConfig

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        self.words = keyword_matrix(catalog.text("title") or [None] * len(catalog))
        counts = ItemKnn().fit(catalog, sequences).near
        self.bought = _shares((self.words.T @ counts).tocsr())
        self.named = _shares(self.words.T.tocsr())
        if self.config.rerank:
            config = self.config
            encoder = content_encoder(config.sentence_encoder, config.content_dimension, 0)
            self.content = encoder.fit(catalog).encode(catalog)
        return self

    def score(self, prefixes: Sequences) -> Floats:
        weights = prefix_weights(prefixes, self.config.recency, self.n)
        words, share = weights @ self.words, np.float32(self.config.own_words)
        scores: Floats = (
            (1 - share) * (words @ self.bought) + share * (words @ self.named)
        ).toarray()
        mask_seen(scores, prefixes)
        if self.config.rerank:
            k = min(self.config.candidates, self.n)
            first = np.argpartition(-scores, k - 1, axis=1)[:, :k]
            read = np.asarray(weights @ self.content)
            read /= np.maximum(np.linalg.norm(read, axis=1, keepdims=True), 1e-9)
            alike = np.einsum("bd,bkd->bk", read, self.content[first])
            best = np.take_along_axis(scores, first, axis=1) * np.exp(self.config.rerank * alike)
            np.put_along_axis(scores, first, best, axis=1)
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def arrays(self) -> Arrays:
        return {"words": self.words, "bought": self.bought, "named": self.named}

    def restore(self, arrays: Arrays) -> None:
        self.words, self.bought, self.named = (
            arrays[name] for name in ("words", "bought", "named")
        )

    @property
    def n(self) -> int:
        return int(self.words.shape[0])


def keyword_matrix(titles: list[str | None]) -> Sparse:
    """(n, w) CSR, rows of length 1: words of at least two titles and at most a tenth, or ten."""
    found = [set(re.findall(r"[a-z]{3,}", (title or "").lower())) for title in titles]
    vocabulary = {word: i for i, word in enumerate(sorted(set().union(*found)))}
    rows = np.repeat(np.arange(len(titles)), [len(words) for words in found])
    columns = np.array([vocabulary[word] for words in found for word in sorted(words)], dtype=int)
    shape = (len(titles), len(vocabulary))
    words = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    count = words.getnnz(axis=0)
    words = words[:, (count > 1) & (count <= max(TOO_FREQUENT * len(titles), 10))]
    words = words @ sparse.diags_array(np.log(len(titles) / words.getnnz(axis=0)))
    length = np.sqrt(np.asarray(words.multiply(words).sum(axis=1)).ravel())
    scaled = sparse.diags_array(1 / np.where(length > 0, length, 1)) @ words
    return sparse.csr_matrix(scaled.astype(np.float32))


def _shares(matrix: Sparse) -> Sparse:
    """Rows that add up to 1."""
    total = np.asarray(matrix.sum(axis=1)).ravel()
    shares = sparse.diags_array(1 / np.where(total > 0, total, 1)) @ matrix
    return sparse.csr_matrix(shares.astype(np.float32))
