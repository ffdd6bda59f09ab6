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
    """A shopper: what she bought, or her id if the bundle has her history."""

    model_config = ConfigDict(extra="forbid")

    history: list[Annotated[str, Field(max_length=MAX_ID_LENGTH)]] | None = Field(
        None,
        max_length=MAX_HISTORY,
        description="Products that the shopper bought. Used for this response alone: neither "
        "stored nor logged.",
        examples=[["phone-1", "charger-2"]],
    )
    user_id: _ShopperId | None = Field(
        None,
        description="In place of `history`, a shopper of the events of the fit; needs a bundle "
        "fitted with fit.shopper_model.",
        examples=[None],
    )
    repeats: Literal["auto", "all", "none"] = Field(
        "auto",
        description="Which products that she bought may be shown: `auto` those that shoppers buy "
        "again, `all`, or `none`.",
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
        description="Rank in the list for all shoppers, before rules, pins and diversity; null if "
        "it is not in that list.",
        examples=[7],
    )
    personal: str | None = Field(
        description="Why the rank differs; null where a pin or a rule put it there, and where "
        "nothing is known of the shopper.",
        examples=["Up from 7: shoppers with similar purchases buy it more often."],
    )


class LeftOutSchema(BaseModel):
    """A product that the shopper bought, and that would be shown otherwise."""

    product_id: str = Field(examples=["phone-1"])
    reason: str = Field(
        examples=["Bought before, and 2 % of its buyers bought it again (limit 5 %)."]
    )


class PersonalizationSchema(BaseModel):
    """How the list was made for the shopper."""

    source: Literal["history", "user"] = Field(
        description="The history of the request, or the user of the bundle.", examples=["history"]
    )
    known: bool = Field(
        description="Whether there is any purchase to go by; if not, the list is that for all.",
        examples=[True],
    )
    products: int = Field(description="Distinct products that she bought.", examples=[2])
    unknown: int = Field(
        description="Ids of the history that the bundle does not have; they are ignored.",
        examples=[0],
    )
    similar_shoppers: bool = Field(
        description="Whether the bundle has histories that hers was compared with.",
        examples=[True],
    )
    left_out: list[LeftOutSchema] = Field(
        description="Products that she bought and that would be among the first k."
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
