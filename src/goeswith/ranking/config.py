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
        description="Seed of every random draw; on one machine and number of threads, same seed, "
        "same answers.",
    )
    members: tuple[str, ...] = Field(
        (),
        description="Trained models whose scores are candidates and evidence too; joined by + in a "
        "specification.",
    )
    folds: int = Field(
        3, ge=1, le=20, description="Times that edges are taken out of the graph to learn from."
    )
    held_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the complement pairs taken out in a fold."
    )
    missing: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of all complement pairs that lists are assumed to lack: sets the level "
        "of probabilities, never the order.",
    )
    cold_share: float = Field(
        0.15, ge=0, lt=1, description="Share of the products that lose all their edges in a fold."
    )
    sources: int = Field(4000, ge=1, description="Sources to learn from in a fold, at most.")
    negatives: int = Field(
        60, ge=1, description="Candidates that do not go with a source to learn from, at most."
    )
    trees: int = Field(150, ge=1, description="Boosted trees.")
    leaves: int = Field(15, ge=2, description="Leaves of a tree, at most.")
    learning_rate: float = Field(0.1, gt=0, le=1, description="Weight of a tree.")
    whole: int = Field(
        25_000,
        ge=0,
        description="Products up to which every product is scored for every source; in a larger "
        "shop those that a path reaches, and the best of the types that go with the source's.",
    )
    slim: int = Field(
        200,
        ge=0,
        description="Weights of a product by which products listed together predict it, as in the "
        "model slim: candidates and evidence where pairs are listed. 0 disables it.",
    )
    sentence_encoder: str | None = Field(
        None,
        description="Folder or hub id of a sentence encoder, used to classify pairs by their "
        "attributes alone.",
    )

    @field_validator("members", mode="before")
    @classmethod
    def _written_with_plus(cls, value: Any) -> Any:
        return tuple(filter(None, value.split("+"))) if isinstance(value, str) else value
