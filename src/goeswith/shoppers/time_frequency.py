"""Personal frequency that knows the time: decay, and the usual wait for each product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.shoppers.base import ShopperConfig, ShopperModel
from goeswith.shoppers.histories import Histories
from goeswith.shoppers.intervals import Intervals, Purchases
from goeswith.shoppers.top_frequency import basket_shares


class TimeFrequencyConfig(ShopperConfig):
    """Settings of time-aware frequency."""

    half_life: float = Field(
        8.0,
        gt=0,
        description="Age at which a basket counts half, in the shopper's usual intervals between "
        "baskets.",
    )
    due: float = Field(
        0.5, ge=0, description="Bonus of a product whose usual repurchase interval has passed."
    )
    popularity: float = Field(
        0.05, ge=0, description="Weight of popularity, the share of all baskets with the product."
    )


class TimeFrequency(ShopperModel):
    """Time-aware frequency in the style of TAIW (Romanov et al., 2023) and SLRC (2019)."""

    Config: ClassVar[type[ModelConfig]] = TimeFrequencyConfig
    name: ClassVar[str] = "time_frequency"
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "half_life": (1.0, 2.0, 4.0, 8.0, 16.0, 64.0),
        "due": (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0),
        "popularity": (0.01, 0.05, 0.2, 1.0, 5.0, 20.0),
    }
    config: TimeFrequencyConfig

    def learn(self, catalog: Catalog, histories: Histories) -> Self:
        self.n_ = len(catalog)
        self.unit_ = np.float64(histories.usual_interval)
        purchases = Purchases.from_histories(histories, float(self.unit_))
        intervals = Intervals.from_purchases(purchases, self.n_)
        self.mean_, self.spread_, self.repeats_ = (
            intervals.mean,
            intervals.spread,
            intervals.repeats,
        )
        self.share_ = basket_shares(histories)
        return self

    def score(self, histories: Histories) -> Floats:
        purchases = Purchases.from_histories(histories, float(self.unit_))
        last = purchases.starts[1:] - 1
        shopper, product = purchases.shopper[last], purchases.product[last]
        decay = np.power(0.5, purchases.age / self.config.half_life)
        frequency = np.add.reduceat(decay, purchases.starts[:-1]) if len(last) else decay
        late = np.log(np.maximum(purchases.age[last], 0.02)) - self.mean_[product]
        due = np.exp(-0.5 * (late / self.spread_[product]) ** 2) * self.repeats_[product]
        value = (frequency + self.config.due * due).astype(np.float32)
        shape = (len(histories), self.n)
        scores: Floats = sparse.csr_matrix((value, (shopper, product)), shape=shape).toarray()
        scores += np.float32(self.config.popularity) * self.share_
        return np.where(scores > 0, scores, np.float32(-np.inf))
