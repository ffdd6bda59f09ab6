"""TIFU-KNN: decayed personal frequency, blended with that of similar shoppers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Sparse
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.shoppers.base import ShopperConfig, ShopperModel
from goeswith.shoppers.histories import Histories


class TifuKnnConfig(ShopperConfig):
    """Settings of TIFU-KNN."""

    group: int = Field(7, ge=1, description="m: number of baskets per group.")
    basket_decay: float = Field(
        0.9,
        gt=0,
        le=1,
        description="r_b: factor per later basket in the group; 1 disables the decay.",
    )
    group_decay: float = Field(
        0.7, gt=0, le=1, description="r_g: factor per later group; 1 disables the decay."
    )
    neighbours: int = Field(300, ge=1, description="k: number of nearest shoppers.")
    own: float = Field(
        0.7,
        ge=0,
        le=1,
        description="alpha: weight of the shopper's own history; neighbours have the weight 1 - "
        "alpha.",
    )


class TifuKnn(ShopperModel):
    """Temporal item frequency with user neighbours (TIFU-KNN; Hu et al., 2020)."""

    Config: ClassVar[type[ModelConfig]] = TifuKnnConfig
    name: ClassVar[str] = "tifu_knn"
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "own": (0.03, 0.1, 0.3, 0.5, 0.7, 0.9),
        "group": (1, 3, 7, 15, 50),
        "basket_decay": (0.5, 0.7, 0.9, 1.0),
        "group_decay": (0.5, 0.7, 0.9, 1.0),
        "neighbours": (100, 300, 900),
    }
    config: TifuKnnConfig

    def learn(self, catalog: Catalog, histories: Histories) -> Self:
        self.n_ = len(catalog)
        self.vectors_ = self.own_vectors(histories)
        self.products_ = self.vectors_.T.tocsr()
        self.squares_ = np.asarray(self.vectors_.multiply(self.vectors_).sum(axis=1)).ravel()
        return self

    def own_vectors(self, histories: Histories) -> Sparse:
        """(u, n) CSR: the decayed frequency of the products of each shopper."""
        config, back = self.config, histories.steps_back
        length = np.repeat(histories.lengths, histories.lengths)
        group, within = back // config.group, back % config.group
        size = np.minimum(config.group, length - group * config.group)
        groups = -(-length // config.group)
        weight = config.basket_decay**within / size * config.group_decay**group / groups
        return histories.weighted(weight)

    def neighbour_vectors(self, own: Sparse) -> Floats:
        """(b, n) mean vector of the nearest shoppers of vectors `own` (b, n)."""
        users = self.vectors_.shape[0]
        k = min(self.config.neighbours, users)
        # squared Euclidean distance, without the part that is the same for all neighbours
        distance = self.squares_ - 2 * (own @ self.products_).toarray()
        near = np.argpartition(distance, k - 1, axis=1)[:, :k] if k < users else None
        if near is None:
            near = np.tile(np.arange(users), (own.shape[0], 1))
        rows = np.repeat(np.arange(own.shape[0]), k)
        weight = np.full(len(rows), 1 / k, dtype=np.float32)
        shape = (own.shape[0], users)
        means = sparse.csr_matrix((weight, (rows, near.ravel())), shape=shape) @ self.vectors_
        dense: Floats = means.toarray()
        return dense

    def score(self, histories: Histories) -> Floats:
        own = self.own_vectors(histories)
        scores = np.float32(1 - self.config.own) * self.neighbour_vectors(own)
        scores += np.float32(self.config.own) * own.toarray()
        return np.where(scores > 0, scores, np.float32(-np.inf))

    @property
    def users(self) -> int:  # type: ignore[override]
        return int(self.vectors_.shape[0])
