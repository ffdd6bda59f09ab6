"""Routes for several products, and for new products."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Request
from starlette.responses import Response

from goeswith.core.errors import UnknownProductError
from goeswith.query.bundle import MAX_BASKET
from goeswith.query.recommendation_list import RecommendationList
from goeswith.results.experiments.experiment_file import HOLDOUT
from goeswith.serve.dependencies import (
    KeyConstraints,
    LocalSnapshot,
    SlateConstraints,
    k_parameter,
    resolve_k,
)
from goeswith.serve.limits.connection import is_abandoned
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.responses import json_response, list_response
from goeswith.serve.routes.experiment_variants import assigned_variant
from goeswith.serve.routes.exposures import Exposure, Visitor, store_answer
from goeswith.serve.schemas import (
    MAX_ID_LENGTH,
    BasketResponse,
    BatchRequest,
    BatchResponse,
    ComplementsResponse,
    NewProductRequest,
    SessionResponse,
)
from goeswith.settings.serve_settings import ServeSettings


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the routes to a service."""
    max_k = settings.max_k
    k_default = k_parameter(max_k)

    @app.get("/v1/basket", response_model=BasketResponse, responses=problem_responses(404))
    def basket(
        product: Annotated[
            list[Annotated[str, Query(max_length=MAX_ID_LENGTH)]],
            Query(
                min_length=1,
                max_length=MAX_BASKET,
                description="Id of a product in the basket; repeatable.",
                examples=[["phone-1"]],
            ),
        ],
        snapshot: LocalSnapshot,
        constraints: SlateConstraints,
        visitor: Visitor,
        k: int | None = k_default,
    ) -> Response:
        """Complements of a basket, best first."""
        count, variant = resolve_k(k, max_k, snapshot), assigned_variant(app, visitor)
        recommendations = snapshot.bundle.basket(product, count, constraints)
        if variant == HOLDOUT:
            recommendations = RecommendationList()
        app.state.metrics.count_recommendations(recommendations)
        products = list(dict.fromkeys(product))
        market = constraints.market if constraints else None
        exposure = Exposure(visitor, market, variant)
        stored = store_answer(app, settings, snapshot.bundle, products, recommendations, exposure)
        return list_response(
            snapshot.bundle, "complements", recommendations, basket=products, **stored
        )

    @app.get("/v1/session", response_model=SessionResponse, responses=problem_responses(404))
    def session(
        product: Annotated[
            list[Annotated[str, Query(max_length=MAX_ID_LENGTH)]],
            Query(
                min_length=1,
                max_length=MAX_BASKET,
                description="Id of a viewed or bought product; repeatable, oldest first.",
                examples=[["phone-2", "phone-1"]],
            ),
        ],
        snapshot: LocalSnapshot,
        constraints: SlateConstraints,
        k: int | None = k_default,
    ) -> Response:
        """Products that a shopper may view or buy next in a session, most likely first."""
        recommendations = snapshot.bundle.session(
            product, resolve_k(k, max_k, snapshot), constraints
        )
        app.state.metrics.count_recommendations(recommendations)
        return list_response(snapshot.bundle, "next", recommendations, session=product)

    @app.post(
        "/v1/complements",
        response_model=ComplementsResponse,
        responses=problem_responses(404, 411, 413),
    )
    def complements_of_new(
        new: Annotated[NewProductRequest, Body()],
        snapshot: LocalSnapshot,
        constraints: SlateConstraints,
        k: int | None = k_default,
    ) -> Response:
        """Complements of a product that is not in the catalogue, from its attributes."""
        recommendations = snapshot.bundle.complements_of_new(
            new.attributes, resolve_k(k, max_k, snapshot), constraints
        )
        app.state.metrics.count_recommendations(recommendations)
        product_id = str(new.attributes.get("product_id") or "new product")
        return list_response(snapshot.bundle, "complements", recommendations, product_id=product_id)

    @app.post("/v1/batch", response_model=BatchResponse, responses=problem_responses(411, 413))
    def batch(
        request: Annotated[BatchRequest, Body()],
        snapshot: LocalSnapshot,
        http: Request,
        constraints: KeyConstraints,
    ) -> Response:
        """Complements of several products, a list for each, in the order of the request."""
        count = resolve_k(None if request.k is None else min(request.k, max_k), max_k, snapshot)
        items: list[dict[str, Any]] = []
        for product_id in request.product_ids:
            if is_abandoned(http.scope):
                break
            try:
                recommendations = snapshot.bundle.complements(product_id, count, constraints)
                app.state.metrics.count_recommendations(recommendations)
                items.append({"product_id": product_id, "complements": recommendations})
            except UnknownProductError as error:
                items.append({"product_id": product_id, "error": str(error)})
        return json_response(snapshot.bundle, answers=items)
