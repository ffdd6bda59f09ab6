"""Schemas of the service's own routes: bundle, report, feedback, health, problems."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from goeswith.serve.schemas import EXAMPLE_BUILD, BundleResponse

MAX_EVENTS: Final = 1000
"""Maximum number of events per request."""

MAX_TEXT: Final = 500
"""Maximum number of characters of an id in feedback."""

ShortText: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


def _to_utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


class TypeCountSchema(BaseModel):
    """A product type and its number of products."""

    type: str = Field(examples=["phone"])
    products: int = Field(examples=[120])


class FilterColumnSchema(BaseModel):
    """A column of the catalogue for filters."""

    column: str = Field(examples=["price"])
    kind: Literal["text", "number", "boolean", "time", "list"] = Field(examples=["number"])


class BundleInfoResponse(BundleResponse):
    """The bundle of the service."""

    created: str = Field(examples=["2024-01-31T12:00:00+00:00"])
    data: str = Field(description="Name of the data.", examples=["shop"])
    products: int = Field(examples=[100])
    k: int = Field(description="Stored recommendations per product.", examples=[50])
    models: list[str] = Field(
        description="Models in order: the values of the parameter `model`.", examples=[["ranker"]]
    )
    probabilities: list[str] = Field(
        description="Models whose scores are probabilities.", examples=[["ranker"]]
    )
    session_model: str | None = Field(
        description="The next-product model of /v1/session; null without one.",
        examples=["item_knn"],
    )
    types: list[TypeCountSchema] = Field(description="The most frequent 200.")
    filters: list[FilterColumnSchema]
    has_report: bool = Field(description="Whether /v1/report has a report.", examples=[True])
    may_edit: bool = Field(
        description="Whether this request's key may change products, rules and labels.",
        examples=[True],
    )
    edit_refusal: str | None = Field(description="Why it may not.", examples=[None])
    market: str | None = Field(
        description="The market of this request's key: recommendations are for it only.",
        examples=[None],
    )
    image_origins: list[str] = Field(
        description="Origins from which the page loads pictures.",
        examples=[["https://images.shop.example"]],
    )
    counted: bool = Field(
        description="Whether evidence has counts of contexts; lists only state that there is an "
        "edge.",
        examples=[True],
    )
    explained: bool = Field(
        description="Former name of `counted`, for one more version.",
        examples=[True],
        json_schema_extra={"deprecated": True},
    )


class ReportResponse(BundleResponse):
    """Results of a benchmark, as `goeswith benchmark -o FILE.json` writes them."""

    report: dict[str, Any] = Field(
        examples=[{"protocol": "time", "results": [{"model": "cocitation"}]}]
    )


class FeedbackEventSchema(BaseModel):
    """An interaction of a shopper with a recommendation."""

    model_config = ConfigDict(extra="forbid")

    event: Literal["impression", "click", "cart", "purchase"] = Field(examples=["click"])
    product_id: ShortText = Field(description="The recommended product.", examples=["case-1"])
    source_id: ShortText | None = Field(
        None, description="The queried product.", examples=["phone-1"]
    )
    bundle: ShortText | None = Field(
        None, description="The build of the recommendation.", examples=[EXAMPLE_BUILD]
    )
    session_id: ShortText | None = Field(None, description="The shopper's visit.", examples=["s1"])
    user_id: ShortText | None = Field(
        None,
        description="An anonymous id of the shopper over several visits, for the cap of one "
        "user's votes; without it, each visit is a user.",
        examples=["u1"],
    )
    position: int | None = Field(
        None, ge=0, le=10_000, description="Position in the list, from 0.", examples=[0]
    )
    event_id: ShortText | None = Field(
        None,
        description="The sender's id of the event: an event that is sent twice counts once.",
        examples=["e-4711"],
    )
    recommendation_id: ShortText | None = Field(
        None,
        description="Of the response that showed the product, if it has one.",
        examples=["9f1c0d3e5a7b4c2d8e6f1a2b3c4d5e6f"],
    )
    order_id: ShortText | None = Field(
        None, description="The order of a purchase; without it, its visit.", examples=["o-17"]
    )
    price: float | None = Field(
        None,
        ge=0,
        le=1e12,
        allow_inf_nan=False,
        description="Price of one piece, for `cart` and `purchase`.",
        examples=[12.5],
    )
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = Field(
        None, description="Of the price, as in ISO 4217.", examples=["EUR"]
    )
    quantity: int | None = Field(
        None, ge=1, le=1_000_000, description="Pieces, 1 if not given.", examples=[1]
    )
    occurred_at: Annotated[AwareDatetime, AfterValidator(_to_utc)] | None = Field(
        None,
        description="When it happened, for events that are sent later; with a zone.",
        examples=["2024-01-31T12:00:00+00:00"],
    )


class FeedbackRequest(BaseModel):
    """Events, stored in the order of the request."""

    model_config = ConfigDict(extra="forbid")

    events: list[FeedbackEventSchema] = Field(min_length=1, max_length=MAX_EVENTS)


class FeedbackResponse(BundleResponse):
    """Number of events on disk."""

    accepted: int = Field(examples=[2])


class NearestProductSchema(BaseModel):
    """A product with a similar id or title."""

    product_id: str = Field(examples=["phone-1"])
    title: str | None = Field(examples=["Phone 1"])


class FieldErrorSchema(BaseModel):
    """An invalid field of the request."""

    loc: list[str | int] = Field(examples=[["query", "k"]])
    msg: str = Field(examples=["Input should be greater than or equal to 1"])
    type: str = Field(examples=["greater_than_equal"])


class ProblemResponse(BaseModel):
    """An error as problem details (RFC 9457)."""

    type: str = Field("about:blank", examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["no product 'fone-1' among the 100 of this bundle"])
    bundle: str | None = Field(
        None, description="The build at the time of the request.", examples=[EXAMPLE_BUILD]
    )
    nearest: list[NearestProductSchema] | None = Field(
        None, description="For an unknown product: products with a similar id or title."
    )
    errors: list[FieldErrorSchema] | None = Field(
        None, description="For an invalid request: the errors, field by field."
    )


class HealthResponse(BaseModel):
    """State of the service."""

    status: Literal["live", "ready"] = Field(examples=["ready"])
    bundle: str = Field(examples=[EXAMPLE_BUILD])
    products: int = Field(examples=[100])
