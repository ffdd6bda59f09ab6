"""The HTTP service: a thin cover over a bundle. Needs the extra `serve`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from goeswith import __version__
from goeswith.query.bundle import Bundle
from goeswith.serve.api_keys import Keys
from goeswith.serve.benchmark_report import read_report
from goeswith.serve.fast_path import Quick
from goeswith.serve.feedback_log import FeedbackLog
from goeswith.serve.middleware import Gate
from goeswith.serve.problem_details import describe_problems, tell_problems
from goeswith.serve.prometheus_metrics import Metrics
from goeswith.serve.rate_limit import Rates
from goeswith.serve.request_limits import BodyLimit
from goeswith.serve.request_log import Log
from goeswith.serve.routes import feedback_route as feedback
from goeswith.serve.routes import info as facts
from goeswith.serve.routes import multi_product as several
from goeswith.serve.routes import products
from goeswith.serve.routes import relevance_route as relevance
from goeswith.serve.snapshot import Current, Holder
from goeswith.serve.static_page import add_page
from goeswith.settings.sections import ServeSettings


def create_app(bundle_path: Path | str | Bundle, settings: ServeSettings | None = None) -> FastAPI:
    """The service for one bundle, every file of which is checked first.

    `app.state.current` hands out what answers now (`serve.current.Holder`).

    Args:
        bundle_path: as given to `goeswith fit --out`; or a bundle that was opened and checked.
        settings: of the table `serve`; host and port are the server's.

    Raises:
        BundleError: the bundle cannot be answered from.
        ConfigError: a file that the settings name cannot be used.
    """
    settings = settings or ServeSettings()
    app = FastAPI(
        title="goeswith",
        version=__version__,
        description="What goes with this product? Complements, each with its evidence.",
        lifespan=_ends,
    )
    state = app.state
    state.current = Holder(open_current(bundle_path, settings))
    state.metrics = Metrics(state.current)
    state.feedback = FeedbackLog(settings.feedback) if settings.feedback else None
    state.log = Log() if settings.log else None
    state.ending = False
    tell_problems(app)
    for routes in (products, several, facts, feedback, relevance):
        routes.add(app, settings)
    add_page(app)
    app.add_middleware(Quick, metrics=state.metrics, most=settings.max_k)
    app.add_middleware(BodyLimit, most=settings.max_body)
    app.add_middleware(
        Gate,
        holder=state.current,
        metrics=state.metrics,
        log=state.log,
        keys=Keys(settings.keys_file) if settings.keys_file else None,
        rates=Rates(settings.rate, settings.burst) if settings.rate else None,
    )
    if settings.origins:
        # outside the gate: a browser asks first without a key whether it may ask
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-api-key"],
        )
    _describe(app)
    return app


@asynccontextmanager
async def _ends(app: FastAPI) -> AsyncIterator[None]:
    """Nothing to start; at the end what waits is written."""
    yield
    app.state.ending = True
    if app.state.feedback is not None:
        await app.state.feedback.close()
    if app.state.log is not None:
        app.state.log.flush()


def open_current(bundle_path: Path | str | Bundle, settings: ServeSettings) -> Current:
    """A bundle with every file checked, ready to be asked.

    Raises:
        BundleError, ConfigError: as `create_app`.
    """
    report = read_report(settings.report) if settings.report else None
    if not isinstance(bundle_path, Bundle):
        bundle_path = Bundle.open(bundle_path, verify=True)
    return Current(bundle_path, settings.live, report, settings.remember * 1_000_000)


def _describe(app: FastAPI) -> None:
    """Have the OpenAPI description tell of problems as they are."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            describe_problems(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
