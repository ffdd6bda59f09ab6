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
    """Every response has the id of the build."""

    bundle: str = Field(
        description="Id of the build; every fit has a new one.",
        examples=[EXAMPLE_BUILD],
    )


class ListResponse(BundleResponse):
    """Every response with recommendations says what was not applied, and which rules changed it."""

    skipped: list[SkippedSchema] = Field(
        [],
        description="Pins, bans, filters and pins of rules that were not applied.",
        examples=[[]],
    )
    rules: list[str] = Field(
        [], description="Ids of the rules that changed the list.", examples=[["summer-cases"]]
    )
    recommendation_id: str | None = Field(
        None,
        description="Id of a stored answer, for feedback; absent if the answer is not stored.",
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
    """Products that a product is recommended for."""

    product_id: str = Field(examples=["case-1"])
    sources: list[RecommendationSchema]


class BasketResponse(ListResponse):
    """Complements of a basket."""

    basket: list[str] = Field(examples=[["phone-1", "charger-2"]])
    complements: list[RecommendationSchema]


class NextSchema(RecommendationSchema):
    """One candidate for the next product in a session."""

    relation: Literal["next", "complement", "similar"] = Field(  # type: ignore[assignment]
        description="`complement` if it is recommended for the session's products, `similar` if it "
        "is a substitute of one of them, else `next`.",
        examples=["next"],
    )
    proposed_by: list[str] = Field(
        description="The models that propose it, the session model first; empty for a pin alone. "
        "`model` is the one with the largest weight in its rank.",
        examples=[["item_knn", "cocitation"]],
    )
    after: str | None = Field(
        description="The product of the session that it most often follows.",
        examples=["phone-1"],
    )
    followed: int = Field(
        description="How often, before the fit, it followed that one within five positions.",
        examples=[214],
    )


class SessionResponse(ListResponse):
    """Candidates for the next product in a session."""

    session: list[str] = Field(
        description="Products of the request, in order.", examples=[["phone-2", "phone-1"]]
    )
    next: list[NextSchema]


class NewProductRequest(BaseModel):
    """A product that is not in the catalogue."""

    model_config = ConfigDict(extra="forbid")

    attributes: dict[Annotated[str, Field(max_length=200)], Attribute | list[float]] = Field(
        min_length=1,
        max_length=200,
        description="Columns of the catalogue, `picture_vector` as a list of numbers; at "
        "most 50,000 characters in all.",
        examples=[{"title": "Phone 1 mini", "type": "phone", "price": 99.0}],
    )


class BatchRequest(BaseModel):
    """Several products, each with its own recommendations."""

    model_config = ConfigDict(extra="forbid")

    product_ids: list[Annotated[str, Field(max_length=MAX_ID_LENGTH)]] = Field(
        min_length=1, max_length=MAX_BATCH, examples=[["phone-1", "camera-2"]]
    )
    k: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Number of recommendations each [10, or fewer if the bundle stores fewer].",
        examples=[5],
    )


class BatchItemSchema(BaseModel):
    """One product of a batch: its recommendations, or an error."""

    product_id: str = Field(examples=["phone-1"])
    complements: list[RecommendationSchema] | None = None
    error: str | None = Field(None, examples=["no product 'fone-1' among the 100 of this bundle"])


class BatchResponse(BundleResponse):
    """The products of a batch, in the order of the request."""

    answers: list[BatchItemSchema]


class ProductSummarySchema(BaseModel):
    """Main attributes of a product."""

    product_id: str = Field(examples=["phone-1"])
    title: str | None = Field(examples=["Phone 1"])
    type: str | None = Field(examples=["phone"])
    brand: str | None = Field(examples=["Mu"])
    price: float | None = Field(examples=[99.0])


class SearchResponse(BundleResponse):
    """Products of a search, best first."""

    query: str = Field(examples=["phone"])
    products: list[ProductSummarySchema]


class BestSellerSchema(ProductSummarySchema):
    """A product and how often it was bought."""

    purchases: int = Field(
        description="Contexts that hold it; for lists, the lists that name it.", examples=[1203]
    )


class BestSellersResponse(BundleResponse):
    """The products bought most, first the one bought most."""

    products: list[BestSellerSchema]


class DirectionSchema(BaseModel):
    """One direction: the second product as a recommendation for the first."""

    model_config = _FROM_ATTRIBUTES

    rank: int | None = Field(
        description="Rank among the recommendations, from 1; null if it is not among them.",
        examples=[1],
    )
    score: float | None = Field(examples=[0.031])
    model: str | None = Field(examples=["cocitation"])
    fallback: bool = Field(
        description="Whether it is of a fallback model.",
        examples=[False],
    )
    probability: float | None = Field(
        description="Probability of a complement, for models with probabilities.",
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
        description="Whether they are viewed as alternatives, or are variants of one product.",
        examples=[False],
    )
    why: str = Field(examples=["Slim case is a complement of Phone 1, but not the reverse."])


class ProductResponse(BundleResponse):
    """A product of the catalogue."""

    product_id: str = Field(examples=["phone-1"])
    attributes: dict[str, Any] = Field(
        description="With the values that hold now.",
        examples=[{"title": "Phone 1", "type": "phone"}],
    )
    changed: list[str] = Field(
        [], description="Attributes that were changed since the fit.", examples=[["price"]]
    )
