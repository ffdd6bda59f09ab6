"""What the service tells of itself: its bundle, what was measured, how it is."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated, Final

from fastapi import FastAPI, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from goeswith.serve.dependencies import Now
from goeswith.serve.problem_details import documented
from goeswith.serve.prometheus_metrics import MEDIA_TYPE
from goeswith.serve.responses import told
from goeswith.serve.schemas import Found
from goeswith.serve.service_schemas import BundleFacts, Health, Report
from goeswith.settings.sections import ServeSettings
from goeswith.store.search_index import MOST_FOUND

_METRICS: Final = {"type": "string", "examples": ["goeswith_bundle_products 100.0\n"]}


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the routes to a service."""

    @app.get("/v1/search", response_model=Found)
    def search(
        now: Now,
        q: Annotated[
            str,
            Query(
                min_length=1,
                max_length=200,
                description="Words, beginnings of words or an id; letters may be wrong.",
                examples=["phone"],
            ),
        ],
        k: Annotated[int, Query(ge=1, le=MOST_FOUND, description="How many.", examples=[5])] = 10,
    ) -> Response:
        """Products whose title or id is like the words, best first."""
        return told(now.bundle, query=q, products=now.bundle.search(q, k))

    @app.get("/v1/bundle")
    def bundle_facts(now: Now) -> BundleFacts:
        """What the service answers from."""
        return BundleFacts.model_validate(
            {"bundle": now.bundle.id, **now.facts, "has_report": now.report is not None}
        )

    @app.get("/v1/report", responses=documented(404))
    def report(now: Now) -> Report:
        """What a benchmark measured of the models, on these data."""
        if now.report is None:
            raise HTTPException(
                404,
                "there is no report: `goeswith benchmark DATA --json FILE` writes one, which "
                "serve.report names",
            )
        return Report(bundle=now.bundle.id, report=now.report)

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": _METRICS}}}},
    )
    def metrics() -> Response:
        """Counts and times, as Prometheus reads them."""
        return Response(app.state.metrics.text(), media_type=MEDIA_TYPE)

    @app.get("/v1/health/live")
    def live(now: Now) -> Health:
        """The process answers."""
        return Health(status="live", bundle=now.bundle.id, products=len(now.bundle))

    @app.get("/v1/health/ready", responses=documented(503))
    def ready(now: Now) -> Health:
        """A bundle is open and whole, and the service is not about to end."""
        if app.state.ending:
            raise HTTPException(503, "the service is shutting down")
        return Health(status="ready", bundle=now.bundle.id, products=len(now.bundle))
