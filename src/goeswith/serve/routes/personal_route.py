"""The route of complements for one shopper."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated, Literal, Self

from fastapi import Body, FastAPI
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from goeswith.query.shopper.own_purchases import MAX_HISTORY
from goeswith.serve.dependencies import (
    LocalSnapshot,
    ProductId,
    SlateConstraints,
    k_parameter,
    resolve_k,
)
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.recommendation_schemas import RecommendationSchema
from goeswith.serve.responses import list_response
from goeswith.serve.schemas import MAX_ID_LENGTH, ListResponse
from goeswith.settings.serve_settings import ServeSettings

_ShopperId = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]


class PersonalRequest(BaseModel):
    """A shopper: either the products bought, or an id whose history the bundle has."""

    model_config = ConfigDict(extra="forbid")

    history: list[Annotated[str, Field(max_length=MAX_ID_LENGTH)]] | None = Field(
        None,
        max_length=MAX_HISTORY,
        description="Ids of products that the shopper bought. Used for this response only; "
        "neither stored nor logged.",
        examples=[["phone-1", "charger-2"]],
    )
    user_id: _ShopperId | None = Field(
        None,
        description="Instead of `history`: id of a shopper in the events of the fit. Requires a "
        "bundle fitted with `fit.shopper_model`.",
        examples=[None],
    )
    repeats: Literal["auto", "all", "none"] = Field(
        "auto",
        description="Which products that the shopper bought may be recommended: `auto` (those "
        "that are often bought again), `all` or `none`.",
        examples=["auto"],
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.history is None) == (self.user_id is None):
            raise ValueError("give either history or user_id")
        return self


class PersonalRecommendationSchema(RecommendationSchema):
    """A complement for one shopper."""

    rank_for_all: int | None = Field(
        description="Rank in the list without personalization, before rules, pins and diversity; "
        "null if it is not in that list.",
        examples=[7],
    )
    personal: str | None = Field(
        description="Why the rank differs from `rank_for_all`; null if a pin or rule set the "
        "rank, or the shopper has no history.",
        examples=["Up from 7: shoppers with similar purchases buy it more often."],
    )


class LeftOutSchema(BaseModel):
    """A product left out because the shopper bought it."""

    product_id: str = Field(examples=["phone-1"])
    reason: str = Field(
        examples=["Bought before, and 2 % of its buyers bought it again (limit 5 %)."]
    )


class PersonalizationSchema(BaseModel):
    """How the list was personalized."""

    source: Literal["history", "user"] = Field(
        description="`history`: from the request; `user`: from the bundle.", examples=["history"]
    )
    known: bool = Field(
        description="Whether the shopper has a history. If not, the list is not personalized.",
        examples=[True],
    )
    products: int = Field(
        description="Number of distinct products that the shopper bought.", examples=[2]
    )
    unknown: int = Field(
        description="Number of ids in the history that the bundle does not have; they are ignored.",
        examples=[0],
    )
    similar_shoppers: bool = Field(
        description="Whether the history was compared with those of other shoppers in the bundle.",
        examples=[True],
    )
    left_out: list[LeftOutSchema] = Field(
        description="Products that would be in the list if the shopper had not bought them."
    )


class PersonalComplementsResponse(ListResponse):
    """Complements of a product for one shopper."""

    product_id: str = Field(examples=["phone-1"])
    complements: list[PersonalRecommendationSchema]
    personal: PersonalizationSchema


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the route to a service."""
    max_k = settings.max_k
    k_default = k_parameter(max_k)

    @app.post(
        "/v1/products/{product_id:path}/complements",
        response_model=PersonalComplementsResponse,
        responses=problem_responses(404, 411, 413),
    )
    def personal_complements(
        product_id: ProductId,
        shopper: Annotated[PersonalRequest, Body()],
        snapshot: LocalSnapshot,
        constraints: SlateConstraints,
        k: int | None = k_default,
    ) -> Response:
        """Complements of a product for one shopper, best first; at most `k`."""
        bundle = snapshot.bundle
        found = bundle.complements(
            product_id,
            resolve_k(k, max_k, snapshot),
            constraints,
            history=shopper.history,
            user=shopper.user_id,
            repeats=shopper.repeats,
        )
        app.state.metrics.count_recommendations(found)
        return list_response(
            bundle, "complements", found, product_id=product_id, personal=found.personal
        )
