"""Popularity and the products of the session: the simplest session model."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.sequential.base import SessionModel
from goeswith.sequential.sequences import Sequences


class Frequent(SessionModel):
    """Popularity, with the products of the session first: S-POP of the session literature."""

    class Config(ModelConfig):
        """Settings of popularity."""

        own: float = Field(
            1.0,
            ge=0,
            description="How much it counts that the session holds a product, the most popular "
            "product of all being 1.",
        )

    name: ClassVar[str] = "frequent"
    config: Config

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        count = np.bincount(sequences.products, minlength=len(catalog))
        self.share = (count / max(count.max(initial=0), 1)).astype(np.float32)
        return self

    def score(self, prefixes: Sequences) -> Floats:
        scores = np.tile(self.share, (len(prefixes), 1))
        np.add.at(scores, (prefixes.run_index, prefixes.products), np.float32(self.config.own))
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def arrays(self) -> Arrays:
        return {"share": self.share}

    def restore(self, arrays: Arrays) -> None:
        self.share = arrays["share"]

    @property
    def n(self) -> int:
        return len(self.share)
