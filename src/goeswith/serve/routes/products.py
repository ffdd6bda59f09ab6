"""Routes for one product of the catalogue, or two."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated

from fastapi import FastAPI, Query
from starlette.responses import Response

from goeswith.serve.dependencies import (
    CurrentSnapshot,
    FilterConstraints,
    Id,
    LocalSnapshot,
    ProductId,
    SlateConstraints,
    k_parameter,
    resolve_k,
)
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.responses import json_response, list_response
from goeswith.serve.routes.experiment_variants import (
    assigned_variant,
    complements_of_variant,
    shown_variant,
)
from goeswith.serve.routes.exploration import Explored, explored_complements
from goeswith.serve.routes.exposures import Exposure, Visitor, store_answer
from goeswith.serve.schemas import (
    ComparisonResponse,
    ComplementsResponse,
    ProductResponse,
    ReverseResponse,
    SimilarsResponse,
)
from goeswith.settings.serve_settings import ServeSettings

PRODUCT_PATH = "/v1/products/{product_id:path}"


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the routes to a service."""
    max_k = settings.max_k
    k_default = k_parameter(max_k)

    # before the route of a product, whose path takes any end
    @app.get(
        f"{PRODUCT_PATH}/complements",
        response_model=ComplementsResponse,
        responses=problem_responses(404),
    )
    def complements(  # noqa: PLR0917
        product_id: ProductId,
        snapshot: LocalSnapshot,
        constraints: SlateConstraints,
        visitor: Visitor,
        k: int | None = k_default,
        model: Annotated[
            str | None,
            Query(
                max_length=500,
                description="Rank with this model of the bundle alone, without fallback models, "
                "to compare models.",
                examples=["popularity"],
            ),
        ] = None,
    ) -> Response:
        """Complements of a product, best first; at most `k`."""
        bundle, count = snapshot.bundle, resolve_k(k, max_k, snapshot)
        variant, teams = assigned_variant(app, visitor), None
        ranking = shown_variant(app, visitor) if variant is None else variant
        if model is None and ranking is not None:
            recommendations, teams = complements_of_variant(
                app, bundle, ranking, visitor, product_id, count, constraints
            )
        elif model is None:
            recommendations = bundle.complements(product_id, count, constraints)
        else:
            recommendations = bundle.complements_by(model, product_id, count, constraints)
        explored = Explored(recommendations)
        if app.state.explorer is not None and model is None and teams is None:
            explored = explored_complements(
                app, bundle, visitor, product_id, recommendations, constraints
            )
            recommendations = explored.recommendations
        app.state.metrics.count_recommendations(recommendations)
        market = constraints.market if constraints else None
        exposure = Exposure(
            visitor, market, variant, teams, explored.propensities, learned=explored.learned
        )
        stored = store_answer(app, settings, bundle, [product_id], recommendations, exposure)
        return list_response(
            bundle, "complements", recommendations, product_id=product_id, **stored
        )

    @app.get(
        "/v1/products/{product_id:path}/similars",
        response_model=SimilarsResponse,
        responses=problem_responses(404),
    )
    def similars(
        product_id: ProductId,
        snapshot: LocalSnapshot,
        constraints: FilterConstraints,
        k: int | None = k_default,
    ) -> Response:
        """Substitutes of a product: viewed alternatives, then products with similar attributes."""
        recommendations = snapshot.bundle.similars(
            product_id, resolve_k(k, max_k, snapshot), constraints
        )
        app.state.metrics.count_recommendations(recommendations)
        return list_response(snapshot.bundle, "similars", recommendations, product_id=product_id)

    @app.get(
        "/v1/products/{product_id:path}/reverse",
        response_model=ReverseResponse,
        responses=problem_responses(404),
    )
    def reverse(
        product_id: ProductId, snapshot: LocalSnapshot, k: int | None = k_default
    ) -> Response:
        """Products for which this product is recommended."""
        recommendations = snapshot.bundle.reverse(product_id, resolve_k(k, max_k, snapshot))
        app.state.metrics.count_recommendations(recommendations)
        return list_response(snapshot.bundle, "sources", recommendations, product_id=product_id)

    @app.get(PRODUCT_PATH, responses=problem_responses(404))
    def product(product_id: ProductId, snapshot: CurrentSnapshot) -> ProductResponse:
        """All attributes of a product."""
        bundle = snapshot.bundle
        stored = bundle.product(product_id)
        names = dict.fromkeys([*snapshot.columns, *stored])
        attributes = {n: stored[n] for n in names if n in stored and n != "product_id"}
        return ProductResponse(
            bundle=bundle.id,
            product_id=product_id,
            attributes=attributes,
            changed=sorted(bundle.live.facts_of(bundle.products.row(product_id))),
        )

    @app.get("/v1/compare", response_model=ComparisonResponse, responses=problem_responses(404))
    def compare(
        snapshot: LocalSnapshot,
        source: Annotated[Id, Query(description="Id of the first product.", examples=["phone-1"])],
        target: Annotated[Id, Query(description="Id of the second product.", examples=["case-1"])],
    ) -> Response:
        """The relation between two products in both directions, with evidence."""
        comparison = snapshot.bundle.compare(source, target)
        rows = [snapshot.bundle.products.row(product_id) for product_id in (source, target)]
        first, second = snapshot.bundle.summaries(rows)
        return json_response(snapshot.bundle, source=first, target=second, **vars(comparison))
