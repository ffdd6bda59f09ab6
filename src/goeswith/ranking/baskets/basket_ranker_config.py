"""Settings of the ranker of baskets."""

from __future__ import annotations

from pydantic import Field

from goeswith.models.base import ModelConfig


class BasketRankerConfig(ModelConfig):
    """Settings of the ranker of baskets."""

    seed: int = Field(0, ge=0, description="Seed of every random draw.")
    popularity_discount: float = Field(
        0.1,
        ge=0,
        le=1,
        description="beta: scores are divided by the share of baskets with the product, to "
        "this power. 0 shows what is bought most; .5 shows more of the tail.",
    )
    candidates: int = Field(
        60, ge=10, le=1000, description="Candidates of a source by each closed form."
    )
    label_share: float = Field(
        0.25, gt=0, lt=0.9, description="Share of the baskets to learn from, the latest."
    )
    sources: int = Field(10_000, ge=1, description="Sources to learn from, at most.")
    trees: int = Field(60, ge=1, description="Boosted trees, at most.")
    leaves: int = Field(10, ge=2, description="Leaves of a tree, at most.")
