"""Schemas of requests and responses about products, from which OpenAPI is generated."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from goeswith.query.compare import ComparisonRelation
from goeswith.serve.recommendation_schemas import (
    Attribute,
    EvidenceSchema,
    RecommendationSchema,
    SkippedSchema,
)

MAX_ID_LENGTH: Final = 5000
"""Maximum number of characters of a product id in a request."""
MAX_BATCH: Final = 100
EXAMPLE_BUILD: Final = "20240131t120000z-0a1b2c3d"
"""An example of the id of a build."""
_FROM_ATTRIBUTES = ConfigDict(from_attributes=True)


class BundleResponse(BaseModel):
    """A response with the id of the build."""

    bundle: str = Field(
        description="Id of the build. Every fit or update makes a new build.",
        examples=[EXAMPLE_BUILD],
    )


class ListResponse(BundleResponse):
    """A response with recommendations: what was not applied, and which rules changed the list."""

    skipped: list[SkippedSchema] = Field(
        [],
        description="Pins, bans, filters and rules that were not applied, with reasons.",
        examples=[[]],
    )
    rules: list[str] = Field(
        [], description="Ids of the rules that changed the list.", examples=[["summer-cases"]]
    )
    recommendation_id: str | None = Field(
        None,
        description="Id of the stored response; send it with feedback events. Absent if the "
        "response is not stored.",
        examples=["9f1c0d3e5a7b4c2d8e6f1a2b3c4d5e6f"],
    )


class ComplementsResponse(ListResponse):
    """Complements of a product."""

    product_id: str = Field(examples=["phone-1"])
    complements: list[RecommendationSchema]


class SimilarsResponse(ListResponse):
    """Substitutes of a product."""

    product_id: str = Field(examples=["phone-1"])
    similars: list[RecommendationSchema]


class ReverseResponse(ListResponse):
    """Products for which this product is recommended."""

    product_id: str = Field(examples=["case-1"])
    sources: list[RecommendationSchema]


class BasketResponse(ListResponse):
    """Complements of a basket."""

    basket: list[str] = Field(examples=[["phone-1", "charger-2"]])
    complements: list[RecommendationSchema]


class NextSchema(RecommendationSchema):
    """One candidate for the next product in a session."""

    relation: Literal["next", "complement", "similar"] = Field(  # type: ignore[assignment]
        description="`complement` if the product is recommended for a product of the session, "
        "`similar` if it is a substitute of one, else `next`.",
        examples=["next"],
    )
    proposed_by: list[str] = Field(
        description="Models that propose the product, the session model first; empty if only a "
        "pin does. `model` is the one that contributes most to the rank.",
        examples=[["item_knn", "cocitation"]],
    )
    after: str | None = Field(
        description="The product of the session that this product follows most often; null if it "
        "follows none.",
        examples=["phone-1"],
    )
    followed: int = Field(
        description="How often it followed `after` within five positions in the events of the fit.",
        examples=[214],
    )


class SessionResponse(ListResponse):
    """Candidates for the next product in a session."""

    session: list[str] = Field(
        description="Product ids of the request, in order.", examples=[["phone-2", "phone-1"]]
    )
    next: list[NextSchema]


class NewProductRequest(BaseModel):
    """A product that is not in the catalogue."""

    model_config = ConfigDict(extra="forbid")

    attributes: dict[Annotated[str, Field(max_length=200)], Attribute | list[float]] = Field(
        min_length=1,
        max_length=200,
        description="Catalogue column -> value; `picture_vector` is a list of numbers. At most "
        "50,000 characters in total.",
        examples=[{"title": "Phone 1 mini", "type": "phone", "price": 99.0}],
    )


class BatchRequest(BaseModel):
    """Products to recommend for, each separately."""

    model_config = ConfigDict(extra="forbid")

    product_ids: list[Annotated[str, Field(max_length=MAX_ID_LENGTH)]] = Field(
        min_length=1, max_length=MAX_BATCH, examples=[["phone-1", "camera-2"]]
    )
    k: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Maximum number of recommendations per product. Default: 10, or fewer if the "
        "bundle stores fewer.",
        examples=[5],
    )


class BatchItemSchema(BaseModel):
    """One product of a batch: its recommendations, or an error."""

    product_id: str = Field(examples=["phone-1"])
    complements: list[RecommendationSchema] | None = Field(
        None, description="Absent after an error."
    )
    error: str | None = Field(
        None,
        description="Why there are no recommendations; absent without an error.",
        examples=["no product 'fone-1' among the 100 of this bundle"],
    )


class BatchResponse(BundleResponse):
    """The products of a batch, in the order of the request."""

    answers: list[BatchItemSchema]


class ProductSummarySchema(BaseModel):
    """A product with its main attributes."""

    product_id: str = Field(examples=["phone-1"])
    title: str | None = Field(examples=["Phone 1"])
    type: str | None = Field(examples=["phone"])
    brand: str | None = Field(examples=["Mu"])
    price: float | None = Field(description="Price, in the unit of the catalogue.", examples=[99.0])


class SearchResponse(BundleResponse):
    """Products that match a search, best match first."""

    query: str = Field(examples=["phone"])
    products: list[ProductSummarySchema]


class BestSellerSchema(ProductSummarySchema):
    """A product and its number of purchases."""

    purchases: int = Field(
        description="Contexts (baskets, sessions or users) with the product. For data without "
        "counts: number of lists of related products that contain it.",
        examples=[1203],
    )


class BestSellersResponse(BundleResponse):
    """The most purchased products, in descending order."""

    products: list[BestSellerSchema]


class DirectionSchema(BaseModel):
    """One direction: the second product as a recommendation for the first."""

    model_config = _FROM_ATTRIBUTES

    rank: int | None = Field(
        description="Rank in the recommendations, from 1; null if it is not recommended.",
        examples=[1],
    )
    score: float | None = Field(
        description="Score of the model; null if it has none for the pair.", examples=[0.031]
    )
    model: str | None = Field(
        description="Model of the rank and score; null if there is none.", examples=["cocitation"]
    )
    fallback: bool = Field(
        description="Whether a fallback model recommends it.",
        examples=[False],
    )
    probability: float | None = Field(
        description="Probability that the product is a complement; null if the scores of the "
        "model are not probabilities.",
        examples=[0.74],
    )
    evidence: EvidenceSchema
    why: str = Field(examples=["In 142 baskets with Phone 1: 3.1x more often than by chance."])


class ComparisonResponse(BundleResponse):
    """Comparison of two products."""

    source: ProductSummarySchema
    target: ProductSummarySchema
    relation: ComparisonRelation = Field(
        description="Relation of the target to the source: `complement`, `reverse` (the source is "
        "a complement of the target), `mutual` (both), `substitute` or `none`.",
        examples=["complement"],
    )
    forward: DirectionSchema = Field(description="The target as a recommendation for the source.")
    backward: DirectionSchema = Field(description="The source as a recommendation for the target.")
    substitutes: bool = Field(
        description="Whether shoppers view the two as alternatives, or they are variants of one "
        "product.",
        examples=[False],
    )
    why: str = Field(examples=["Slim case is a complement of Phone 1, but not the reverse."])


class ProductResponse(BundleResponse):
    """A product of the catalogue."""

    product_id: str = Field(examples=["phone-1"])
    attributes: dict[str, Any] = Field(
        description="Column -> current value.",
        examples=[{"title": "Phone 1", "type": "phone"}],
    )
    changed: list[str] = Field(
        [], description="Attributes that were changed since the fit.", examples=[["price"]]
    )
