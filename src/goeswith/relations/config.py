"""Settings of relation mining."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class MinSupport(BaseModel):
    """In how many contexts a pair must be seen to become an edge, relation by relation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    co_purchase: int = Field(
        default=2, ge=1, description="Fewest baskets (or users) that bought both products."
    )
    co_view: int = Field(
        default=2, ge=1, description="Fewest sessions in which both products were compared."
    )
    view_then_purchase: int = Field(
        default=1,
        ge=1,
        description="Fewest sessions in which one product was viewed and the other bought later.",
    )


class MiningConfig(BaseModel):
    """How events become relations between products."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    session_gap_minutes: float = Field(
        default=30.0,
        gt=0,
        description="Minutes of silence after which a user's next event opens a new session, where "
        "the data have no session ids.",
    )
    purchase_window: Literal["basket", "days"] | None = Field(
        default=None,
        description="What makes two purchases go together: the same basket, or the same user "
        "within window_days; left unset, baskets where the data have basket ids, else days.",
    )
    window_days: float = Field(
        default=30.0,
        ge=0,
        description="Days between two purchases of one user that still go together, under the "
        "window of days.",
    )
    max_basket: int = Field(
        default=100,
        ge=2,
        description="Baskets, sessions or users with more distinct products than this are counted "
        "and reported but form no pairs.",
    )
    min_support: MinSupport = MinSupport()
