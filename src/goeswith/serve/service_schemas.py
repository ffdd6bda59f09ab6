"""What the service tells of itself and takes in, field by field."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from goeswith.serve.schemas import BUILD, OfBundle

MOST_EVENTS: Final = 1000
"""Events of one request."""

ShortText: TypeAlias = Annotated[str, Field(min_length=1, max_length=500)]


class TypeCount(BaseModel):
    """A product type and how many products are of it."""

    type: str = Field(examples=["phone"])
    products: int = Field(examples=[120])


class FilterColumn(BaseModel):
    """A column of the catalogue that `where` can name."""

    column: str = Field(examples=["price"])
    kind: Literal["text", "number", "boolean", "time", "list"] = Field(examples=["number"])


class BundleFacts(OfBundle):
    """What the service answers from."""

    created: str = Field(examples=["2024-01-31T12:00:00+00:00"])
    data: str = Field(description="Name of the data.", examples=["shop"])
    products: int = Field(examples=[100])
    k: int = Field(description="Answers kept for each product.", examples=[50])
    models: list[str] = Field(
        description="Who answers, first to last; what `model` may name.", examples=[["ranker"]]
    )
    probabilities: list[str] = Field(
        description="Those of the models whose scores are probabilities.", examples=[["ranker"]]
    )
    session_model: str | None = Field(
        description="Who answers /v1/session, with the models; null where it is not answered.",
        examples=["item_knn"],
    )
    types: list[TypeCount] = Field(description="The most frequent 200.")
    filters: list[FilterColumn]
    has_report: bool = Field(description="Whether /v1/report has one.", examples=[True])
    explained: bool = Field(
        description="Whether counts of purchases or views stand behind the evidence.",
        examples=[True],
    )


class Report(OfBundle):
    """What a benchmark measured, as `goeswith benchmark --json` writes it."""

    report: dict[str, Any] = Field(
        examples=[{"protocol": "time", "results": [{"model": "cocitation"}]}]
    )


class FeedbackEvent(BaseModel):
    """What a shopper did with an answer."""

    model_config = ConfigDict(extra="forbid")

    event: Literal["impression", "click", "purchase"] = Field(examples=["click"])
    product_id: ShortText = Field(description="What was shown.", examples=["case-1"])
    source_id: ShortText | None = Field(
        None, description="The product asked about.", examples=["phone-1"]
    )
    bundle: ShortText | None = Field(
        None, description="The build that gave the answer.", examples=[BUILD]
    )
    session_id: ShortText | None = Field(None, description="The shopper's visit.", examples=["s1"])
    position: int | None = Field(
        None, ge=0, le=10_000, description="Its place in the list.", examples=[0]
    )
    event_id: ShortText | None = Field(
        None,
        description="The sender's own name for the event: one that is sent twice counts once.",
        examples=["e-4711"],
    )


class Feedback(BaseModel):
    """Events, kept in the order sent."""

    model_config = ConfigDict(extra="forbid")

    events: list[FeedbackEvent] = Field(min_length=1, max_length=MOST_EVENTS)


class Accepted(OfBundle):
    """The events are on the disk."""

    accepted: int = Field(examples=[2])


class NearProduct(BaseModel):
    """A product that may have been meant."""

    product_id: str = Field(examples=["phone-1"])
    title: str | None = Field(examples=["Phone 1"])


class WrongField(BaseModel):
    """A field of the request that cannot be read."""

    loc: list[str | int] = Field(examples=[["query", "k"]])
    msg: str = Field(examples=["Input should be greater than or equal to 1"])
    type: str = Field(examples=["greater_than_equal"])


class Problem(BaseModel):
    """Why there is no answer (RFC 9457)."""

    type: str = Field("about:blank", examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["no product 'fone-1' among the 100 of this bundle"])
    bundle: str | None = Field(None, description="The build that was asked.", examples=[BUILD])
    nearest: list[NearProduct] | None = Field(
        None, description="Of an unknown product: those that may have been meant."
    )
    errors: list[WrongField] | None = Field(
        None, description="Of a request that cannot be read: what is wrong, field by field."
    )


class Health(BaseModel):
    """How the service is."""

    status: Literal["live", "ready"] = Field(examples=["ready"])
    bundle: str = Field(examples=[BUILD])
    products: int = Field(examples=[100])
