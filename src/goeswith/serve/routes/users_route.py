"""The route for one shopper."""

# no postponed annotations: FastAPI reads those of functions inside functions
from dataclasses import asdict
from typing import Annotated

from fastapi import FastAPI
from fastapi import Path as InPath
from pydantic import BaseModel, Field
from starlette.responses import Response

from goeswith.serve.dependencies import FilterConstraints, LocalSnapshot, k_parameter, resolve_k
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.recommendation_schemas import SkippedSchema
from goeswith.serve.responses import json_response
from goeswith.serve.schemas import MAX_ID_LENGTH, BundleResponse
from goeswith.settings.serve_settings import ServeSettings


class ShopperProductSchema(BaseModel):
    """A product that a shopper may buy."""

    product_id: str = Field(examples=["coffee-1"])
    title: str | None = Field(description="Null if the product has none.", examples=["Coffee"])
    type: str | None = Field(description="Null if the product has none.", examples=["coffee"])
    score: float = Field(
        description="Only scores of the same response can be compared.", examples=[0.42]
    )
    why: str = Field(
        description="One sentence in English with the counts behind the score.",
        examples=["Bought in 4 of 9 baskets, every 12 days, last 15 days ago."],
    )
    times: int = Field(description="Baskets of the shopper with the product.", examples=[4])
    baskets: int = Field(description="Baskets of the shopper.", examples=[9])
    interval_days: float | None = Field(
        description="Mean number of days between the shopper's purchases of the product; null "
        "for fewer than two, or without times.",
        examples=[12.0],
    )
    last_days_ago: float | None = Field(
        description="Days from the shopper's last purchase of the product to the last purchase "
        "of the log; null if not bought, or without times.",
        examples=[15.0],
    )
    shoppers: int = Field(description="Shoppers who bought the product.", examples=[120])


class ShopperNextResponse(BundleResponse):
    """Products that a shopper may buy next."""

    user_id: str = Field(description="Id of the shopper, from the request.", examples=["u1"])
    known: bool = Field(
        description="Whether the bundle has a history of the shopper. If not, `new` lists the "
        "products that most shoppers bought.",
        examples=[True],
    )
    model: str = Field(
        description="The model that ranks the products.", examples=["shopper_ranker"]
    )
    again: list[ShopperProductSchema] = Field(
        description="Products bought before, most likely first."
    )
    new: list[ShopperProductSchema] = Field(
        description="Products not bought before, most likely first."
    )
    skipped: list[SkippedSchema] = Field(
        [], description="Filters and bans that were not applied.", examples=[[]]
    )


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the route to a service."""
    k_default = k_parameter(settings.max_k)

    @app.get(
        "/v1/users/{user_id:path}/next",
        response_model=ShopperNextResponse,
        responses=problem_responses(404),
    )
    def next_for_user(
        user_id: Annotated[
            str,
            InPath(
                max_length=MAX_ID_LENGTH,
                description="Id of a shopper, as in the events that the bundle was fitted on.",
                examples=["u1"],
            ),
        ],
        snapshot: LocalSnapshot,
        constraints: FilterConstraints,
        k: int | None = k_default,
    ) -> Response:
        """Products that a shopper may buy next: repeat purchases and new products."""
        count = resolve_k(k, settings.max_k, snapshot)
        found = snapshot.bundle.for_shopper(user_id, count, constraints)
        return json_response(snapshot.bundle, user_id=user_id, **asdict(found))
