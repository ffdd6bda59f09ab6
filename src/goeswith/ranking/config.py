"""Settings of the ranker."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from goeswith.models.base import ModelConfig


class RankerConfig(ModelConfig):
    """Settings of the ranker."""

    seed: int = Field(
        0,
        ge=0,
        description="Random seed. The same seed gives the same recommendations on the same "
        "machine with the same number of threads.",
    )
    members: tuple[str, ...] = Field(
        (),
        description="Trained models whose top products become candidates and whose scores become "
        "features; joined by `+` in a model specification.",
    )
    folds: int = Field(
        3,
        ge=1,
        le=20,
        description="Number of folds: times that edges are held out of the graph to train on them.",
    )
    held_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the complement pairs held out per fold."
    )
    missing: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of true complement pairs that the data are assumed to lack. It scales "
        "the probabilities and never changes the order.",
    )
    cold_share: float = Field(
        0.15,
        ge=0,
        lt=1,
        description="Share of the products whose edges are all held out per fold, to train for "
        "cold start.",
    )
    sources: int = Field(4000, ge=1, description="Maximum number of sources to train on, per fold.")
    negatives: int = Field(
        60, ge=1, description="Maximum number of negative candidates per source."
    )
    trees: int = Field(150, ge=1, description="Number of boosted trees.")
    leaves: int = Field(15, ge=2, description="Maximum number of leaves per tree.")
    learning_rate: float = Field(0.1, gt=0, le=1, description="Learning rate: weight of each tree.")
    whole: int = Field(
        25_000,
        ge=0,
        description="Maximum catalogue size for which all products are candidates of every "
        "source. In a larger catalogue, candidates are products that a path reaches and the best "
        "products of complementary types.",
    )
    slim: int = Field(
        200,
        ge=0,
        description="Number of weights per product of a slim model that provides candidates and a "
        "feature, for data without counts. 0 disables it.",
    )
    sentence_encoder: str | None = Field(
        None,
        description="Folder or hub id of a sentence encoder, used to classify pairs from "
        "attributes alone.",
    )

    @field_validator("members", mode="before")
    @classmethod
    def _written_with_plus(cls, value: Any) -> Any:
        return tuple(filter(None, value.split("+"))) if isinstance(value, str) else value
