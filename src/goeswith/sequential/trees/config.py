"""Settings of the trees over session models."""

from __future__ import annotations

from pydantic import Field

from goeswith.sequential.mixture import MixtureConfig


class SessionTreesConfig(MixtureConfig):
    """Settings of the trees; the others are those of the mixture."""

    examples: int = Field(20_000, ge=1, description="Prefixes to learn from, about.")
    candidates: int = Field(
        50, ge=1, description="Best products of each member that the trees order."
    )
    trees: int = Field(300, ge=1, description="Trees, at most.")
    leaves: int = Field(15, ge=2, description="Leaves of a tree, at most.")
    learning_rate: float = Field(0.05, gt=0, description="Weight of a tree.")
