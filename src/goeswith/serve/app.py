"""The HTTP service: a thin cover over a bundle. Needs the extra `serve`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from goeswith import __version__
from goeswith.bundle.bundle import Bundle
from goeswith.serve.current import Current, Holder
from goeswith.serve.feedback import FeedbackLog
from goeswith.serve.gate import Gate
from goeswith.serve.keys import Keys
from goeswith.serve.limits import BodyLimit
from goeswith.serve.logs import Log
from goeswith.serve.metrics import Metrics
from goeswith.serve.page import add_page
from goeswith.serve.problems import describe_problems, tell_problems
from goeswith.serve.quick import Quick
from goeswith.serve.rate import Rates
from goeswith.serve.report import read_report
from goeswith.serve.routes import facts, feedback, products, relevance, several
from goeswith.settings import ServeSettings


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
