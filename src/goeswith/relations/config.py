"""Settings of relation mining."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_MIN_CO_PURCHASE: Final = 3
"""Default minimum support of co-purchase edges: fewer baskets may be chance."""
_MIN_CUSTOMERS: Final = 2
"""Default minimum of customers of a co-purchase edge: one may be a household's habit."""
_MIN_EDGES_PER_PRODUCT: Final = 10
"""Edges a product that a log must allow for the default minimum support."""


class MiningConfig(BaseModel):
    """How events become relations between products."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    session_gap_minutes: float = Field(
        default=30.0,
        gt=0,
        description="Minutes without an event after which a new session begins, if the data have "
        "no session ids.",
    )
    purchase_window: Literal["auto", "basket", "days"] = Field(
        default="auto",
        description="Context of a co-purchase: 'basket', or 'days' for one user's purchases within "
        "window_days. 'auto' is 'basket' if the data have basket ids, else 'days'.",
    )
    window_days: float = Field(
        default=7.0,
        ge=0,
        description="Days between two purchases of one user that still count together, if the "
        "purchase window is 'days'.",
    )
    max_basket: int = Field(
        default=100,
        ge=2,
        description="Baskets and sessions with more distinct products are left out and counted in "
        "the report: resellers, robots, tests. The same holds for a user's purchases "
        "within one window of days.",
    )
    per_user_cap: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        default="auto",
        description="Maximum number of one user's baskets or sessions in which a product counts, "
        "the latest ones. 'auto' is the number of baskets of the median user; 1 is one "
        "user, one vote. Contexts without a user id are not capped.",
    )
    half_life_days: float | None = Field(
        default=None,
        gt=0,
        description="Days after which a basket or session counts half; needs timestamps. Not set, "
        "age does not matter.",
        examples=[90],
    )
    min_co_purchase: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        default="auto",
        description="Minimum support of a co-purchase, in baskets or users. 'auto' is 3, and less "
        "if the log is too thin for ten recommendations per product with that support.",
    )
    min_customers: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        default="auto",
        description="Minimum number of distinct customers of a co-purchase, where baskets have "
        "user ids; a basket without one is a customer of its own. 'auto' is 2, and 1 if one basket "
        "is enough for a co-purchase.",
    )
    min_co_view: int = Field(
        default=3,
        ge=1,
        description="Minimum support of a co-view: sessions in which both products were viewed as "
        "alternatives.",
    )
    min_view_then_purchase: int = Field(
        default=2,
        ge=1,
        description="Minimum support of a purchase after a view: sessions in which one product was "
        "viewed and the other bought later.",
    )
    memory_mb: int = Field(
        default=1024,
        ge=128,
        description="Memory for counting pairs, in MiB; above it, counting continues on disk.",
    )

    @property
    def for_ground_truth(self) -> MiningConfig:
        """The settings for the ground truth of a benchmark: 'auto' is 3 baskets of anybody."""
        update: dict[str, int] = {}
        if self.min_co_purchase == "auto":
            update["min_co_purchase"] = DEFAULT_MIN_CO_PURCHASE
        if self.min_customers == "auto":
            update["min_customers"] = 1
        return self.model_copy(update=update)

    def resolve_min_customers(self, min_co_purchase: int) -> int:
        """`min_customers`, with 'auto' resolved for a minimum support."""
        if self.min_customers != "auto":
            return self.min_customers
        return min(min_co_purchase, _MIN_CUSTOMERS)

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
