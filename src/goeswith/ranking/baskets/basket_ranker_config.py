"""Settings of the ranker of baskets."""

from __future__ import annotations

from pydantic import Field

from goeswith.models.base import ModelConfig


class BasketRankerConfig(ModelConfig):
    """Settings of the ranker of baskets."""

    seed: int = Field(0, ge=0, description="Random seed.")
    popularity_discount: float = Field(
        0.1,
        ge=0,
        le=1,
        description="beta: discount of popular products: scores are divided by the share of "
        "baskets with the product to this power. 0 favours best sellers; 0.5 shows more of the "
        "tail.",
    )
    candidates: int = Field(
        60,
        ge=10,
        le=1000,
        description="Number of candidates per source from each closed-form model.",
    )
    label_share: float = Field(
        0.25,
        gt=0,
        lt=0.9,
        description="Share of the baskets used as training labels, the latest ones.",
    )
    sources: int = Field(10_000, ge=1, description="Maximum number of sources to train on.")
    trees: int = Field(60, ge=1, description="Maximum number of boosted trees.")
    leaves: int = Field(10, ge=2, description="Maximum number of leaves per tree.")
