"""UP-CF@r: collaborative filtering on the recent popularity of products with each shopper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import (
    Floats,
    Sparse,
    entry_rows,
    inverse_power,
    row_top_k_mask,
    scale_rows,
)
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.shoppers.base import ShopperConfig, ShopperModel, dense_scores
from goeswith.shoppers.histories import Histories


class UpCfConfig(ShopperConfig):
    """Settings of UP-CF@r."""

    recency: int = Field(
        5, ge=1, description="r: number of latest baskets of a shopper that are used."
    )
    asymmetry: float = Field(
        0.5, ge=0, le=1, description="alpha of the asymmetric cosine; 0.5 is the plain cosine."
    )
    locality: float = Field(
        5.0,
        ge=1,
        description="q: exponent of the similarity; a higher value gives similar shoppers more "
        "weight.",
    )
    neighbours: int = Field(1000, ge=1, description="Maximum number of similar shoppers.")


class UpCf(ShopperModel):
    """User popularity-based collaborative filtering (UP-CF@r; Faggioli, Polato, Aiolli, 2020)."""

    Config: ClassVar[type[ModelConfig]] = UpCfConfig
    name: ClassVar[str] = "up_cf"
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "recency": (1, 5, 10, 100),
        "asymmetry": (0.0, 0.25, 0.5, 0.75),
        "locality": (1.0, 5.0, 10.0, 100.0),
    }
    config: UpCfConfig

    def learn(self, catalog: Catalog, histories: Histories) -> Self:
        self.n_ = len(catalog)
        self.popularity_ = self._popularity(histories)
        # (n, u): what a shopper contributes to the similarity with another one
        weight = inverse_power(_squares(self.popularity_), 1 - self.config.asymmetry)
        self.contributions_ = scale_rows(self.popularity_, weight).T.tocsr()
        return self

    def score(self, histories: Histories) -> Floats:
        return dense_scores(self.neighbour_scores(histories))

    def neighbour_scores(self, histories: Histories) -> Sparse:
        """(b, n) CSR of the similar shoppers' popularity, weighed by similarity ** locality."""
        own = self._popularity(histories)
        own = scale_rows(own, inverse_power(_squares(own), self.config.asymmetry))
        similarity = (own @ self.contributions_).tocsr()
        near = row_top_k_mask(similarity, self.config.neighbours)
        weight = similarity.data[near].astype(np.float64) ** self.config.locality
        entries = (entry_rows(similarity)[near], similarity.indices[near])
        weights = sparse.csr_matrix((weight, entries), shape=similarity.shape)
        return (weights @ self.popularity_).tocsr()

    def _popularity(self, histories: Histories) -> Sparse:
        """(u, n) CSR: share of the latest baskets of a shopper that hold each product."""
        return histories.tail(self.config.recency).shares()

    @property
    def users(self) -> int:  # type: ignore[override]
        return int(self.popularity_.shape[0])


def _squares(matrix: Sparse) -> Floats:
    """(u,) squared norm of each row."""
    squares: Floats = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    return squares
