"""Settings of relation mining."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_MIN_CO_PURCHASE: Final = 3
"""Default minimum support of co-purchase edges: fewer baskets may be chance."""
_MIN_EDGES_PER_PRODUCT: Final = 10
"""Edges a product that a log must allow for the default minimum support."""


class MiningConfig(BaseModel):
    """How events become relations between products."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    session_gap_minutes: float = Field(
        default=30.0,
        gt=0,
        description="Minutes of silence after which a user's next event opens a new session, where "
        "the data have no session ids.",
    )
    purchase_window: Literal["auto", "basket", "days"] = Field(
        default="auto",
        description="What makes two purchases go together: the same 'basket', or the same user "
        "within window_days of each other ('days'); 'auto' is 'basket' where the data have basket "
        "ids, else 'days'.",
    )
    window_days: float = Field(
        default=7.0,
        ge=0,
        description="How many days apart two purchases of one user may lie and still go together, "
        "where the purchase window is 'days'.",
    )
    max_basket: int = Field(
        default=100,
        ge=2,
        description="A basket or session with more distinct products than this (or a user with "
        "more purchases within one window of days) is left out, and counted in the report.",
    )
    per_user_cap: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        default="auto",
        description="In how many of one user's baskets or sessions a product counts, the latest of "
        "them, so that no user has more votes than this for a pair; 'auto' is the number of "
        "baskets of the median user, 1 is one user, one vote. Contexts without a user id are not "
        "capped.",
    )
    half_life_days: float | None = Field(
        default=None,
        gt=0,
        description="Days after which a basket or session counts half of a new one; needs "
        "timestamps. Left out, all count the same.",
    )
    min_co_purchase: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        default="auto",
        description="In how many baskets (or of how many users) two products must have been bought "
        "together to become an edge; 'auto' is 3, and less where the log is too small for ten "
        "edges a product at that support.",
    )
    min_co_view: int = Field(
        default=3,
        ge=1,
        description="In how many sessions two products must have been viewed as alternatives to "
        "become an edge.",
    )
    min_view_then_purchase: int = Field(
        default=2,
        ge=1,
        description="In how many sessions one product must have been viewed and another bought "
        "later to become an edge.",
    )
    memory_mb: int = Field(
        default=1024,
        ge=128,
        description="Memory, in MiB, that counting pairs may take before it continues on disk.",
    )

    @property
    def for_ground_truth(self) -> MiningConfig:
        """The settings for the ground truth of a benchmark: 'auto' is 3 in any log."""
        if self.min_co_purchase != "auto":
            return self
        return self.model_copy(update={"min_co_purchase": DEFAULT_MIN_CO_PURCHASE})

    def resolve_min_co_purchase(self, sightings: int, products: int) -> int:
        """`min_co_purchase`, with 'auto' resolved for a log.

        Args:
            sightings: ordered pairs of products in one basket, over all baskets.
            products: distinct products in purchases.
        """
        if self.min_co_purchase != "auto":
            return self.min_co_purchase
        return min(
            max(sightings // (_MIN_EDGES_PER_PRODUCT * max(products, 1)), 1),
            DEFAULT_MIN_CO_PURCHASE,
        )
