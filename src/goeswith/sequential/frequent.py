"""Popularity and the products of the session: the simplest session model."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Rows
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.sequential.base import SessionModel, prefix_weights
from goeswith.sequential.prefix_scores import PrefixScores
from goeswith.sequential.sequences import Sequences


class Frequent(SessionModel):
    """Popularity, with the products of the session first: S-POP of the session literature."""

    class Config(ModelConfig):
        """Settings of popularity."""

        own: float = Field(
            1.0,
            ge=0,
            description="Bonus of products that are in the session; the score of the most "
            "popular product is 1.",
        )

    name: ClassVar[str] = "frequent"
    config: Config

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        count = np.bincount(sequences.products, minlength=len(catalog))
        self.share = (count / max(count.max(initial=0), 1)).astype(np.float32)
        self.__dict__.pop("_ranking", None)
        return self

    def score(self, prefixes: Sequences) -> Floats:
        scores = np.tile(self.share, (len(prefixes), 1))
        np.add.at(scores, (prefixes.run_index, prefixes.products), np.float32(self.config.own))
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def few_scores(self, prefixes: Sequences) -> PrefixScores:
        own = sparse.csr_matrix((len(prefixes), self.n), dtype=np.float32)
        if self.config.own:
            own = prefix_weights(prefixes, 1, self.n)
            own.sum_duplicates()
            own.data = own.data * np.float32(self.config.own) + self.share[own.indices]
        ones = np.ones(len(prefixes), dtype=np.float32)
        return PrefixScores(own, self.share, ones, self._ranking)

    @cached_property
    def _ranking(self) -> Rows:
        return np.argsort(-self.share, kind="stable").astype(np.int32)

    def arrays(self) -> Arrays:
        return {"share": self.share}

    def restore(self, arrays: Arrays) -> None:
        self.share = arrays["share"]

    @property
    def n(self) -> int:
        return len(self.share)
