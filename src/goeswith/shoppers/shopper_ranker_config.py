"""Settings of the ranker of shoppers."""

from __future__ import annotations

from pydantic import Field

from goeswith.shoppers.base import ShopperConfig


class ShopperRankerConfig(ShopperConfig):
    """Settings of the ranker of shoppers."""

    seed: int = Field(0, ge=0, description="Random seed.")
    shoppers: int = Field(8000, ge=1, description="Maximum number of shoppers to train on.")
    trees: int = Field(300, ge=1, description="Maximum number of boosted trees.")
    leaves: int = Field(31, ge=2, description="Maximum number of leaves per tree.")
