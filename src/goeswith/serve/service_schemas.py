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
    """A catalogue column that filters can use."""

    column: str = Field(examples=["price"])
    kind: Literal["text", "number", "boolean", "time", "list"] = Field(examples=["number"])


class BundleInfoResponse(BundleResponse):
    """Information about the bundle of the service."""

    created: str = Field(
        description="Time at which the build was made.", examples=["2024-01-31T12:00:00+00:00"]
    )
    data: str = Field(description="Name of the data set.", examples=["shop"])
    products: int = Field(description="Number of products.", examples=[100])
    k: int = Field(description="Stored recommendations per product.", examples=[50])
    models: list[str] = Field(
        description="Models in the order in which they fill a list; the values of the parameter "
        "`model`.",
        examples=[["ranker"]],
    )
    probabilities: list[str] = Field(
        description="Models whose scores are probabilities.", examples=[["ranker"]]
    )
    session_model: str | None = Field(
        description="Next-product model of /v1/session; null if there is none.",
        examples=["item_knn"],
    )
    types: list[TypeCountSchema] = Field(
        description="Product types, most frequent first; at most 200."
    )
    filters: list[FilterColumnSchema] = Field(description="Catalogue columns that filters can use.")
    has_report: bool = Field(description="Whether /v1/report has a report.", examples=[True])
    may_edit: bool = Field(
        description="Whether this request's key may change products, rules and labels.",
        examples=[True],
    )
    edit_refusal: str | None = Field(description="Why it may not; null if it may.", examples=[None])
    market: str | None = Field(
        description="Market of this request's key, to which its recommendations are restricted; "
        "null for all markets.",
        examples=[None],
    )
    image_origins: list[str] = Field(
        description="Origins (scheme and host) from which the page loads images.",
        examples=[["https://images.shop.example"]],
    )
    counted: bool = Field(
        description="Whether the evidence has counts. False for data that only list related "
        "products.",
        examples=[True],
    )
    explained: bool = Field(
        description="Deprecated: former name of `counted`, removed in the next version.",
        examples=[True],
        json_schema_extra={"deprecated": True},
    )


class ReportResponse(BundleResponse):
    """A benchmark report, as `goeswith benchmark -o FILE.json` writes it."""

    report: dict[str, Any] = Field(
        examples=[{"protocol": "time", "results": [{"model": "cocitation"}]}]
    )


class FeedbackEventSchema(BaseModel):
    """An interaction of a shopper with a recommendation."""

    model_config = ConfigDict(extra="forbid")

    event: Literal["impression", "click", "cart", "purchase"] = Field(
        description="What the shopper did; `impression`: saw the product in the list.",
        examples=["click"],
    )
    product_id: ShortText = Field(description="The recommended product.", examples=["case-1"])
    source_id: ShortText | None = Field(
        None, description="The queried product.", examples=["phone-1"]
    )
    bundle: ShortText | None = Field(
        None,
        description="Build of the recommendation: `bundle` of the response.",
        examples=[EXAMPLE_BUILD],
    )
    session_id: ShortText | None = Field(
        None, description="Id of the shopper's visit.", examples=["s1"]
    )
    user_id: ShortText | None = Field(
        None,
        description="Anonymous id of the shopper, the same on every visit. It limits how much "
        "one shopper can change the counts. Without it, each visit counts as a shopper.",
        examples=["u1"],
    )
    position: int | None = Field(
        None, ge=0, le=10_000, description="Position in the list, from 0.", examples=[0]
    )
    event_id: ShortText | None = Field(
        None,
        description="Id of the event, chosen by the sender. An event that is sent twice counts "
        "once.",
        examples=["e-4711"],
    )
    recommendation_id: ShortText | None = Field(
        None,
        description="`recommendation_id` of the response that showed the product, if it has one.",
        examples=["9f1c0d3e5a7b4c2d8e6f1a2b3c4d5e6f"],
    )
    order_id: ShortText | None = Field(
        None, description="Id of the order, for `purchase`. Default: the visit.", examples=["o-17"]
    )
    price: float | None = Field(
        None,
        ge=0,
        le=1e12,
        allow_inf_nan=False,
        description="Price per unit, for `cart` and `purchase`.",
        examples=[12.5],
    )
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = Field(
        None, description="Currency of the price (ISO 4217 code).", examples=["EUR"]
    )
    quantity: int | None = Field(
        None, ge=1, le=1_000_000, description="Number of units. Default: 1.", examples=[1]
    )
    occurred_at: Annotated[AwareDatetime, AfterValidator(_to_utc)] | None = Field(
        None,
        description="Time of the event with a time zone. Default: the time at which the service "
        "receives it.",
        examples=["2024-01-31T12:00:00+00:00"],
    )


class FeedbackRequest(BaseModel):
    """Events; they are stored in the given order."""

    model_config = ConfigDict(extra="forbid")

    events: list[FeedbackEventSchema] = Field(min_length=1, max_length=MAX_EVENTS)


class FeedbackResponse(BundleResponse):
    """Result of a feedback request."""

    accepted: int = Field(description="Number of events that are on disk.", examples=[2])


class NearestProductSchema(BaseModel):
    """A product with a similar id or title."""

    product_id: str = Field(examples=["phone-1"])
    title: str | None = Field(examples=["Phone 1"])


class FieldErrorSchema(BaseModel):
    """An invalid field of the request."""

    loc: list[str | int] = Field(description="Path of the field.", examples=[["query", "k"]])
    msg: str = Field(
        description="What is wrong.", examples=["Input should be greater than or equal to 1"]
    )
    type: str = Field(description="Kind of error.", examples=["greater_than_equal"])


class ProblemResponse(BaseModel):
    """An error as problem details (RFC 9457)."""

    type: str = Field("about:blank", examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(
        description="What is wrong and how to solve it.",
        examples=["no product 'fone-1' among the 100 of this bundle"],
    )
    bundle: str | None = Field(
        None, description="Id of the build at the time of the request.", examples=[EXAMPLE_BUILD]
    )
    nearest: list[NearestProductSchema] | None = Field(
        None, description="For an unknown product id: products with a similar id or title."
    )
    errors: list[FieldErrorSchema] | None = Field(
        None, description="For an invalid request: its invalid fields."
    )


class HealthResponse(BaseModel):
    """State of the service."""

    status: Literal["live", "ready"] = Field(examples=["ready"])
    bundle: str = Field(examples=[EXAMPLE_BUILD])
    products: int = Field(description="Number of products.", examples=[100])
