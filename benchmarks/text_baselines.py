"""Models without training that the table of `text_recommenders.py` compares with."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.features.product_vectors import content_encoder
from goeswith.models.base import ModelConfig
from goeswith.sequential.base import SessionModel, mask_seen, prefix_weights
from goeswith.sequential.sequences import Sequences


class Popularity(SessionModel):
    """Number of purchases of a product, less products of the prefix."""

    name: ClassVar[str] = "popularity"

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        self.count = np.bincount(sequences.products, minlength=len(catalog)).astype(np.float32)
        return self

    def score(self, prefixes: Sequences) -> Floats:
        scores = np.tile(self.count, (len(prefixes), 1))
        mask_seen(scores, prefixes)
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def arrays(self) -> Arrays:
        return {"count": self.count}

    def restore(self, arrays: Arrays) -> None:
        self.count = arrays["count"]

    @property
    def n(self) -> int:
        return len(self.count)


class TitleSimilarity(SessionModel):
    """Cosine of a product's text with that of the prefix, newer products counting more."""

    class Config(ModelConfig):
        """Settings of title similarity."""

        sentence_encoder: str | None = Field(None, description="As of sasrec.")
        content_dimension: int = Field(128, ge=1, description="As of sasrec.")
        recency: float = Field(0.7, ge=0, le=1, description="Weight of each place further back.")

    name: ClassVar[str] = "title_similarity"
    reads_only_text = True
    config: Config

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        encoder = content_encoder(self.config.sentence_encoder, self.config.content_dimension, 0)
        self.encoder = encoder.fit(catalog)
        self.content = self.encoder.encode(catalog)
        return self

    def for_catalog(self, catalog: Catalog) -> Self:
        """The same over another catalogue."""
        other = type(self)(self.config)
        other.encoder, other.content = self.encoder, self.encoder.encode(catalog)
        return other

    def score(self, prefixes: Sequences) -> Floats:
        weights = prefix_weights(prefixes, self.config.recency, self.n)
        scores: Floats = np.asarray(weights @ self.content) @ self.content.T
        mask_seen(scores, prefixes)
        scores[:, ~self.content.any(axis=1)] = -np.inf
        return scores

    def arrays(self) -> Arrays:
        return {"content": self.content}

    def restore(self, arrays: Arrays) -> None:
        self.content = arrays["content"]

    @property
    def n(self) -> int:
        return len(self.content)
