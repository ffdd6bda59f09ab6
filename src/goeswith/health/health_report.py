"""The health of a bundle's recommendations as a document: for the file of a build, JSON and HTTP.

Shares are of 0 to 1. "Top five" are the first five recommendations of each product that its
catalogue does not hold back as sold out or hidden.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Issue: TypeAlias = Literal[
    "no_recommendations", "few_recommendations", "fallback_only", "look_alikes", "weak_evidence"
]
"""What is wrong with the recommendations of a product."""
Reason: TypeAlias = Literal[
    "new_product",
    "removed_product",
    "new_counts",
    "available_again",
    "sold_out_or_hidden",
    "now_a_look_alike",
    "ranking",
]
"""Why a product entered or left a top five; `ranking` if nothing else explains it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ModelCoverage(_Part):
    """Recommendations of one model."""

    model: str = Field(examples=["ranker"])
    fallback: bool = Field(description="Whether it fills ranks of others.", examples=[False])
    recommendations: int = Field(examples=[700])
    products_first: int = Field(
        description="Products whose first recommendation it gives.", examples=[95]
    )


class Coverage(_Part):
    """How many products have which recommendations."""

    products: int = Field(examples=[100])
    without: int = Field(description="Products without any recommendation.", examples=[1])
    few: int = Field(description="Products with one to four recommendations.", examples=[2])
    fallback_only: int = Field(
        description="Products whose recommendations all come from fallback models.", examples=[4]
    )
    without_type: int = Field(description="Products without a product type.", examples=[0])
    recommended: int = Field(
        description="Products that are in the top five of another.", examples=[80]
    )
    models: list[ModelCoverage]


class TopFive(_Part):
    """Shares of all recommendations in the top five."""

    recommendations: int = Field(description="All of them.", examples=[500])
    look_alikes: float = Field(
        description="Variants and substitutes of the queried product, and products whose "
        "attributes are at least 80 % similar to its.",
        examples=[0.01],
    )
    same_type: float | None = Field(
        description="Products of the queried product's type; null without types.", examples=[0.05]
    )
    fallback: float = Field(description="Of fallback models.", examples=[0.1])
    bought_together: float = Field(
        description="Pairs that were bought together, whatever the strength.", examples=[0.85]
    )
    strong: float | None = Field(
        description="Pairs with strong evidence; null if nothing was counted.", examples=[0.5]
    )
    medium: float | None = Field(examples=[0.2])
    weak: float | None = Field(examples=[0.15])


class Hub(_Part):
    """A product in many lists."""

    product_id: str = Field(examples=["case-1"])
    title: str | None = Field(examples=["Case 1"])
    lists: int = Field(description="Top fives with it.", examples=[12])
    share: float = Field(description="Of all top fives.", examples=[0.12])


class WeakProduct(_Part):
    """A product whose recommendations should be looked at."""

    product_id: str = Field(examples=["phone-1"])
    title: str | None = Field(examples=["Phone 1"])
    type: str | None = Field(examples=["phone"])
    purchases: int = Field(description="Contexts that hold it.", examples=[40])
    recommendations: int = Field(examples=[2])
    issues: list[Issue] = Field(examples=[["few_recommendations"]])


class ChangedRecommendation(_Part):
    """A product that entered or left a top five."""

    product_id: str = Field(examples=["case-2"])
    title: str | None = Field(examples=["Case 2"])
    reason: Reason = Field(examples=["new_counts"])
    before: int | None = Field(
        description="Contexts with both products in the last build; null if not counted.",
        examples=[0],
    )
    now: int | None = Field(description="The same in this build.", examples=[7])


class ChangedProduct(_Part):
    """A product with another top five than in the last build."""

    product_id: str = Field(examples=["phone-1"])
    title: str | None = Field(examples=["Phone 1"])
    purchases: int = Field(examples=[40])
    entered: list[ChangedRecommendation]
    left: list[ChangedRecommendation]
    rules: list[str] = Field(
        [], description="Ids of rules that change its recommendations now.", examples=[[]]
    )


class BuildChanges(_Part):
    """What changed against the last build."""

    last: str = Field(description="Id of the last build.", examples=["20240130t120000z-0a1b2c3d"])
    created: str = Field(description="When it was made.", examples=["2024-01-30T12:00:00+00:00"])
    new_products: int = Field(examples=[3])
    removed_products: int = Field(examples=[1])
    compared: int = Field(description="Products in both builds.", examples=[97])
    changed: int = Field(description="Of them, with another top five.", examples=[20])
    reordered: int = Field(
        description="Of them, with the same five products in another order.", examples=[5]
    )
    reasons_entered: dict[Reason, int] = Field(examples=[{"new_counts": 12}])
    reasons_left: dict[Reason, int] = Field(examples=[{"ranking": 12}])
    top_five: TopFive | None = Field(description="Shares of the last build; null if not stored.")
    coverage: Coverage | None = Field(description="Coverage of the last build.")
    products: list[ChangedProduct] = Field(description="The most purchased 100 that changed.")


class LogDay(_Part):
    """Events of a day."""

    day: str = Field(examples=["2024-01-29"])
    events: int = Field(examples=[500])
    purchases: int = Field(examples=[100])
    views: int = Field(examples=[400])
    new_products: int | None = Field(
        description="Products in their first event; null if not counted, as in updates.",
        examples=[2],
    )


class LogVolume(_Part):
    """The log over time."""

    first: str = Field(description="Day of the first event.", examples=["2024-01-01"])
    last: str = Field(description="Day of the last event.", examples=["2024-01-31"])
    days: list[LogDay] = Field(description="The latest 400 days with events, oldest first.")
    missing: int = Field(
        description="Days without an event between them, apart from weekdays that never have one.",
        examples=[1],
    )
    missing_days: list[str] = Field(description="The latest 50.", examples=[["2024-01-06"]])


class RuleUse(_Part):
    """A rule that changes recommendations."""

    rule: str = Field(examples=["summer-cases"])
    products: int = Field(description="Tried products that it changes.", examples=[12])


class RulesInUse(_Part):
    """Which rules change recommendations, of a sample of products."""

    rules: int = Field(description="All rules.", examples=[2])
    tried: int = Field(description="Products that were tried.", examples=[100])
    firing: list[RuleUse]
    silent: list[str] = Field(
        description="Ids of rules that apply now, in every market, and change none of them; at "
        "most 200.",
        examples=[[]],
    )


class HealthNotice(_Part):
    """Something to look at."""

    code: str = Field(examples=["missing_days"])
    text: str = Field(examples=["1 day without an event between 2024-01-01 and 2024-01-31"])


class BuildHealth(_Part):
    """What is computed once per build, and stored in it."""

    coverage: Coverage
    top_five: TopFive
    hubs: list[Hub] = Field(description="The 20 products in most top fives.")
    weak_products: list[WeakProduct] = Field(
        description="The most purchased 100 products with an issue."
    )
    issues: dict[Issue, int] = Field(
        description="Products with each issue.", examples=[{"few_recommendations": 2}]
    )
    changes: BuildChanges | None = Field(
        description="null for the first build, and where the last one could not be compared."
    )
    not_compared: str | None = Field(
        None, description="Why the last build could not be compared.", examples=[None]
    )
    log: LogVolume | None = Field(description="null for events without times, and for lists.")


class HealthReport(BuildHealth):
    """The health of a build, with what depends on rules and live facts."""

    bundle: str = Field(
        description="The build that answered.", examples=["20240131t120000z-0a1b2c3d"]
    )
    created: str = Field(examples=["2024-01-31T12:00:00+00:00"])
    rules: RulesInUse
    unavailable: int = Field(description="Products sold out, hidden or deleted now.", examples=[3])
    notices: list[HealthNotice] = Field(description="The most important first.")
