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
    """Number of recommendations of one model."""

    model: str = Field(examples=["ranker"])
    fallback: bool = Field(description="Whether it is a fallback model.", examples=[False])
    recommendations: int = Field(description="Number of recommendations.", examples=[700])
    products_first: int = Field(
        description="Number of products whose first recommendation is from this model.",
        examples=[95],
    )


class Coverage(_Part):
    """Numbers of products by their recommendations."""

    products: int = Field(examples=[100])
    without: int = Field(description="Products without recommendations.", examples=[1])
    few: int = Field(description="Products with one to four recommendations.", examples=[2])
    fallback_only: int = Field(
        description="Products whose recommendations all come from fallback models.", examples=[4]
    )
    without_type: int = Field(description="Products without a product type.", examples=[0])
    recommended: int = Field(
        description="Products in the top five of at least one other product.", examples=[80]
    )
    models: list[ModelCoverage]


class TopFive(_Part):
    """Shares (0 to 1) of the recommendations in the top fives of all products."""

    recommendations: int = Field(
        description="Number of recommendations in top fives.", examples=[500]
    )
    look_alikes: float = Field(
        description="Share of look-alikes: variants and substitutes of the queried product, and "
        "products with at least 80 % similar attributes.",
        examples=[0.01],
    )
    same_type: float | None = Field(
        description="Share of products of the queried product's type; null without types.",
        examples=[0.05],
    )
    fallback: float = Field(description="Share from fallback models.", examples=[0.1])
    bought_together: float = Field(
        description="Share of pairs that were bought together, with evidence of any strength.",
        examples=[0.85],
    )
    strong: float | None = Field(
        description="Share of pairs with strong evidence; null without counts.", examples=[0.5]
    )
    medium: float | None = Field(description="With medium evidence.", examples=[0.2])
    weak: float | None = Field(description="With weak evidence.", examples=[0.15])


class Hub(_Part):
    """A product that is recommended for many others."""

    product_id: str = Field(examples=["case-1"])
    title: str | None = Field(examples=["Case 1"])
    lists: int = Field(description="Number of top fives with it.", examples=[12])
    share: float = Field(description="Share of all top fives, 0 to 1.", examples=[0.12])


class WeakProduct(_Part):
    """A product whose recommendations have issues."""

    product_id: str = Field(examples=["phone-1"])
    title: str | None = Field(examples=["Phone 1"])
    type: str | None = Field(examples=["phone"])
    purchases: int = Field(
        description="Contexts (baskets, sessions or users) with the product.", examples=[40]
    )
    recommendations: int = Field(description="Number of recommendations.", examples=[2])
    issues: list[Issue] = Field(examples=[["few_recommendations"]])


class ChangedRecommendation(_Part):
    """A product that entered or left a top five."""

    product_id: str = Field(examples=["case-2"])
    title: str | None = Field(examples=["Case 2"])
    reason: Reason = Field(
        description="Why it entered or left; `ranking` if nothing else explains it.",
        examples=["new_counts"],
    )
    before: int | None = Field(
        description="Contexts with both products in the last build; null without counts.",
        examples=[0],
    )
    now: int | None = Field(
        description="Contexts with both products in this build; null without counts.", examples=[7]
    )


class ChangedProduct(_Part):
    """A product whose top five differs from that of the last build."""

    product_id: str = Field(examples=["phone-1"])
    title: str | None = Field(examples=["Phone 1"])
    purchases: int = Field(
        description="Contexts (baskets, sessions or users) with the product.", examples=[40]
    )
    entered: list[ChangedRecommendation]
    left: list[ChangedRecommendation]
    rules: list[str] = Field(
        [], description="Ids of rules that change its recommendations now.", examples=[[]]
    )


class BuildChanges(_Part):
    """Changes since the last build."""

    last: str = Field(description="Id of the last build.", examples=["20240130t120000z-0a1b2c3d"])
    created: str = Field(
        description="Time at which the last build was made.", examples=["2024-01-30T12:00:00+00:00"]
    )
    new_products: int = Field(examples=[3])
    removed_products: int = Field(examples=[1])
    compared: int = Field(description="Products in both builds.", examples=[97])
    changed: int = Field(
        description="Number of these with other products in the top five.", examples=[20]
    )
    reordered: int = Field(
        description="Number of these with the same five products in another order.", examples=[5]
    )
    reasons_entered: dict[Reason, int] = Field(
        description="Reason -> number of products that entered a top five.",
        examples=[{"new_counts": 12}],
    )
    reasons_left: dict[Reason, int] = Field(
        description="Reason -> number of products that left a top five.", examples=[{"ranking": 12}]
    )
    top_five: TopFive | None = Field(description="Shares in the last build; null if not stored.")
    coverage: Coverage | None = Field(description="Coverage of the last build; null if not stored.")
    products: list[ChangedProduct] = Field(
        description="Changed products, most purchased first; at most 100."
    )


class LogDay(_Part):
    """Number of events on a day."""

    day: str = Field(examples=["2024-01-29"])
    events: int = Field(examples=[500])
    purchases: int = Field(examples=[100])
    views: int = Field(examples=[400])
    new_products: int | None = Field(
        description="Products with their first event on this day; null if not counted, as in "
        "updates.",
        examples=[2],
    )


class LogVolume(_Part):
    """Number of events over time."""

    first: str = Field(description="Day of the first event.", examples=["2024-01-01"])
    last: str = Field(description="Day of the last event.", examples=["2024-01-31"])
    days: list[LogDay] = Field(description="The latest 400 days with events, oldest first.")
    missing: int = Field(
        description="Days without an event between the first and the last, except weekdays that "
        "never have one.",
        examples=[1],
    )
    missing_days: list[str] = Field(
        description="The latest days without an event; at most 50.", examples=[["2024-01-06"]]
    )


class RuleUse(_Part):
    """A rule that changes recommendations."""

    rule: str = Field(examples=["summer-cases"])
    products: int = Field(
        description="Number of products in the sample whose list the rule changes.", examples=[12]
    )


class RulesInUse(_Part):
    """Which rules change recommendations of a sample of products."""

    rules: int = Field(description="Number of rules.", examples=[2])
    tried: int = Field(description="Number of products in the sample.", examples=[100])
    firing: list[RuleUse] = Field(description="Rules that change lists of the sample.")
    silent: list[str] = Field(
        description="Ids of rules that apply now in every market but change no list of the "
        "sample; at most 200.",
        examples=[[]],
    )


class HealthNotice(_Part):
    """A notice about the build."""

    code: str = Field(examples=["missing_days"])
    text: str = Field(examples=["1 day without an event between 2024-01-01 and 2024-01-31"])


class BuildHealth(_Part):
    """What is computed once per build, and stored in it."""

    coverage: Coverage
    top_five: TopFive
    hubs: list[Hub] = Field(description="The 20 products in the most top fives.")
    weak_products: list[WeakProduct] = Field(
        description="Products with an issue, most purchased first; at most 100."
    )
    issues: dict[Issue, int] = Field(
        description="Issue -> number of products.", examples=[{"few_recommendations": 2}]
    )
    changes: BuildChanges | None = Field(
        description="Null for the first build, or if the last build could not be compared."
    )
    not_compared: str | None = Field(
        None,
        description="Why the last build could not be compared; null if it was.",
        examples=[None],
    )
    log: LogVolume | None = Field(
        description="Null if events have no times, or the data have no events."
    )


class HealthReport(BuildHealth):
    """The health of the recommendations, with current rules and live facts."""

    bundle: str = Field(description="Id of the build.", examples=["20240131t120000z-0a1b2c3d"])
    created: str = Field(examples=["2024-01-31T12:00:00+00:00"])
    rules: RulesInUse
    unavailable: int = Field(
        description="Number of products that are sold out, hidden or deleted now.", examples=[3]
    )
    notices: list[HealthNotice] = Field(description="Notices, most important first.")
