"""Routes for the bundle, search, the benchmark report, metrics and health."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated, Final

from fastapi import FastAPI, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from goeswith.health.health_report import HealthReport
from goeswith.serve.dependencies import CurrentSnapshot, LocalSnapshot
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.prometheus_metrics import MEDIA_TYPE
from goeswith.serve.responses import json_response
from goeswith.serve.routes.product_changes import edit_refusal
from goeswith.serve.schemas import BestSellersResponse, SearchResponse
from goeswith.serve.service_schemas import BundleInfoResponse, HealthResponse, ReportResponse
from goeswith.serve.snapshot import MAX_BEST_SELLERS
from goeswith.settings.serve_settings import ServeSettings
from goeswith.store.search_index import MAX_SEARCH_RESULTS

_METRICS: Final = {"type": "string", "examples": ["goeswith_bundle_products 100.0\n"]}


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the routes to a service."""

    @app.get("/v1/search", response_model=SearchResponse)
    def search(
        snapshot: LocalSnapshot,
        q: Annotated[
            str,
            Query(
                min_length=1,
                max_length=200,
                description="Words of the title, beginnings of words, or a product id. Typing "
                "errors are tolerated.",
                examples=["phone"],
            ),
        ],
        k: Annotated[
            int,
            Query(
                ge=1, le=MAX_SEARCH_RESULTS, description="Maximum number of products.", examples=[5]
            ),
        ] = 10,
    ) -> Response:
        """Search products by words of the title or by id, best match first."""
        return json_response(snapshot.bundle, query=q, products=snapshot.bundle.search(q, k))

    @app.get("/v1/best-sellers", response_model=BestSellersResponse)
    def best_sellers(
        snapshot: LocalSnapshot,
        k: Annotated[
            int,
            Query(
                ge=1, le=MAX_BEST_SELLERS, description="Maximum number of products.", examples=[5]
            ),
        ] = 10,
    ) -> Response:
        """The most purchased products, without sold-out, hidden and deleted ones."""
        return json_response(snapshot.bundle, products=snapshot.best_sellers(k))

    @app.get("/v1/bundle")
    def bundle_facts(snapshot: CurrentSnapshot, request: Request) -> BundleInfoResponse:
        """Information about the bundle: data, models, product types and permissions."""
        refusal = edit_refusal(settings, request.scope.get("key"))
        return BundleInfoResponse.model_validate(
            {
                "bundle": snapshot.bundle.id,
                **snapshot.info,
                "has_report": snapshot.report is not None,
                "may_edit": refusal is None,
                "edit_refusal": refusal,
                "market": settings.key_markets.get(request.scope.get("key") or ""),
                "image_origins": settings.image_origins,
            }
        )

    @app.get("/v1/report", responses=problem_responses(404))
    def report(snapshot: CurrentSnapshot) -> ReportResponse:
        """The benchmark report of the models (setting `serve.report`)."""
        if snapshot.report is None:
            raise HTTPException(
                404,
                "there is no report: set serve.report to a file of `goeswith benchmark DATA "
                "-o FILE.json`",
            )
        return ReportResponse(bundle=snapshot.bundle.id, report=snapshot.report)

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": _METRICS}}}},
    )
    def metrics() -> Response:
        """Metrics in the Prometheus text format."""
        return Response(app.state.metrics.text(), media_type=MEDIA_TYPE)

    @app.get("/v1/health/live")
    async def live(snapshot: CurrentSnapshot) -> HealthResponse:
        """Liveness check: the process responds."""
        return HealthResponse(
            status="live", bundle=snapshot.bundle.id, products=len(snapshot.bundle)
        )

    @app.get("/v1/health/ready", responses=problem_responses(503))
    async def ready(snapshot: CurrentSnapshot) -> HealthResponse:
        """Readiness check: a complete bundle is open, and the service is not shutting down."""
        if app.state.ending:
            raise HTTPException(503, "the service is shutting down")
        return HealthResponse(
            status="ready", bundle=snapshot.bundle.id, products=len(snapshot.bundle)
        )

    @app.get("/v1/health/recommendations", response_model=HealthReport)
    def recommendations(snapshot: CurrentSnapshot) -> Response:
        """Health of the recommendations: coverage, evidence, look-alikes, rules, changes."""
        return Response(snapshot.health.report().model_dump_json(), media_type="application/json")
