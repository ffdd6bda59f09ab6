"""Settings of the ranker of shoppers."""

from __future__ import annotations

from pydantic import Field

from goeswith.shoppers.base import ShopperConfig


class ShopperRankerConfig(ShopperConfig):
    """Settings of the ranker of shoppers."""

    seed: int = Field(0, ge=0, description="Seed of every random draw.")
    shoppers: int = Field(8000, ge=1, description="Shoppers to learn from, at most.")
    trees: int = Field(300, ge=1, description="Boosted trees, at most.")
    leaves: int = Field(31, ge=2, description="Leaves of a tree, at most.")
