"""Frequency of products, in the shop and of the shopper: the baselines of next baskets."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from goeswith.core.arrays import Floats
from goeswith.data.catalog import Catalog
from goeswith.shoppers.base import ShopperModel, dense_scores
from goeswith.shoppers.histories import Histories


class ShopFrequency(ShopperModel):
    """G-TopFreq: the products in most baskets of the shop, the same for every shopper."""

    name: ClassVar[str] = "g_topfreq"

    def learn(self, catalog: Catalog, histories: Histories) -> Self:
        self.n_ = len(catalog)
        self.share_ = basket_shares(histories)
        return self

    def score(self, histories: Histories) -> Floats:
        scores = np.where(self.share_ > 0, self.share_, np.float32(-np.inf))
        return np.tile(scores.astype(np.float32), (len(histories), 1))


class PersonalFrequency(ShopperModel):
    """P-TopFreq: the products in most baskets of the shopper."""

    name: ClassVar[str] = "p_topfreq"

    def learn(self, catalog: Catalog, histories: Histories) -> Self:
        self.n_ = len(catalog)
        return self

    def score(self, histories: Histories) -> Floats:
        return dense_scores(histories.counts)


class PersonalThenShop(ShopFrequency):
    """GP-TopFreq: P-TopFreq, the places left filled by G-TopFreq."""

    name: ClassVar[str] = "gp_topfreq"

    def score(self, histories: Histories) -> Floats:
        # a share is at most 1 and a count at least 1, so the shop only breaks ties and fills up
        scores = histories.counts.toarray() * np.float32(2) + self.share_
        return np.where(scores > 0, scores, np.float32(-np.inf)).astype(np.float32)


def basket_shares(histories: Histories) -> Floats:
    """(n,) share of all baskets that hold each product."""
    held = np.bincount(histories.baskets.indices, minlength=histories.n)
    return np.asarray(held / max(histories.baskets.shape[0], 1), dtype=np.float32)
