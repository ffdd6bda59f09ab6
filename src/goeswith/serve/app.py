"""The HTTP service of a bundle. Needs the extra `serve`."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from fastapi import Depends, FastAPI
from starlette.datastructures import State
from starlette.middleware.cors import CORSMiddleware

from goeswith.core.errors import ConfigError
from goeswith.core.version import __version__
from goeswith.query.bundle import Bundle
from goeswith.results.experiments.stop_rule import StopDecision
from goeswith.serve.api_keys import GRACE_SECONDS, ApiKeys, Outcome
from goeswith.serve.api_reference import add_api_reference
from goeswith.serve.benchmark_report import read_report
from goeswith.serve.dependencies import refuse_unknown_parameters
from goeswith.serve.experiment_watch import ExperimentWatch
from goeswith.serve.fast_path import DirectResponses, FastPath, StoredResponses
from goeswith.serve.feedback_log import FeedbackLog
from goeswith.serve.limits.admission import Admission
from goeswith.serve.limits.allowed_hosts import allowed_hosts
from goeswith.serve.limits.body_limit import BodyLimit
from goeswith.serve.limits.rate_limit import RateLimiter
from goeswith.serve.limits.shopper_bound import ShopperBound
from goeswith.serve.limits.work_queue import WorkQueue
from goeswith.serve.middleware import RequestRecorder, ServiceMiddleware
from goeswith.serve.problem_details import add_problem_handlers, add_problem_schemas
from goeswith.serve.prometheus_metrics import MetricFamilies, ServiceMetrics
from goeswith.serve.request_log import RequestLog
from goeswith.serve.routes import feedback_route as feedback
from goeswith.serve.routes import info as facts
from goeswith.serve.routes import kinds_route as kinds
from goeswith.serve.routes import (
    labels_route,
    personal_route,
    product_changes,
    products,
    question_route,
    results_route,
    rules_route,
    users_route,
)
from goeswith.serve.routes import multi_product as several
from goeswith.serve.routes import relevance_route as relevance
from goeswith.serve.routes.experiment_variants import open_experiment
from goeswith.serve.routes.exploration import Explorer
from goeswith.serve.routes.operations import name_operations
from goeswith.serve.snapshot import Snapshot, SnapshotHolder
from goeswith.serve.static_page import add_page
from goeswith.settings.serve_settings import ServeSettings

_FOLLOW_SECONDS: Final = 0.1


def create_app(
    bundle_path: Path | str | Bundle,
    settings: ServeSettings | None = None,
    *,
    families: MetricFamilies | None = None,
    shop: str | None = None,
) -> FastAPI:
    """The service for one bundle, every file of which is checked first.

    `app.state.snapshot_holder` holds the current snapshot.

    Args:
        bundle_path: folder of a bundle, or an open bundle that was checked.
        settings: of the table `serve`; host and port are the server's.
        families: metrics that the shops of a process share.
        shop: name, if the service has several.

    Raises:
        BundleError: the bundle is invalid.
        ConfigError: a file in the settings cannot be used.
    """
    settings = settings or ServeSettings()
    if settings.key_markets and not settings.keys_file:
        raise ConfigError("serve.key_markets needs keys: set serve.keys_file")
    app = routed_app(settings)
    state = app.state
    state.snapshot_holder = SnapshotHolder(open_snapshot(bundle_path, settings))
    bundle = state.snapshot_holder().bundle
    state.experiment = open_experiment(settings, bundle)
    state.experiment_watch = (
        ExperimentWatch(state.experiment, Path(settings.feedback), _report_stop(state))
        if state.experiment is not None and settings.feedback is not None
        else None
    )
    state.explorer = None if settings.explore == "none" else Explorer(settings, bundle)
    state.shopper_bound = ShopperBound()
    state.metrics = ServiceMetrics(state.snapshot_holder, families, shop)
    state.feedback = (
        FeedbackLog(settings.feedback, settings.feedback_mb * 1_000_000)
        if settings.feedback
        else None
    )
    state.log = RequestLog(shop=shop) if settings.log else None
    state.ending = False
    state.has_keys = settings.keys_file is not None
    relevance.add(app, settings)
    add_page(app, settings.image_origins)
    add_api_reference(app)
    # innermost first: a body is complete before its request takes a place in the queue
    app.add_middleware(WorkQueue)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body)
    responses = StoredResponses(
        state, metrics=state.metrics, max_k=settings.max_k, key_markets=settings.key_markets
    )
    admission = Admission(
        ApiKeys(settings.keys_file, _report_keys(state)) if settings.keys_file else None,
        RateLimiter(settings.rate, settings.burst) if settings.rate else None,
        allowed_hosts(settings),
    )
    parts: dict[str, Any] = {
        "holder": state.snapshot_holder,
        "admission": admission,
        "recorder": RequestRecorder(state.metrics, state.log),
    }
    app.add_middleware(FastPath, responses=responses)
    app.add_middleware(ServiceMiddleware, **parts)
    # uvicorn's layer for proxies, outside of this application, finds out who the client is
    if not (settings.rate and settings.trusted_proxies):
        state.find_direct = DirectResponses(responses, **parts).find
    if settings.origins:
        # outside the middleware: a CORS preflight request has no key
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-api-key"],
        )
    return app


def routed_app(settings: ServeSettings) -> FastAPI:
    """The routes that every service has, without a bundle: enough for the OpenAPI schema."""
    app = FastAPI(
        title="goeswith",
        version=__version__,
        description="Recommends complementary products and returns the evidence for each of them.",
        lifespan=_lifespan,
        docs_url=None,  # FastAPI's page loads scripts from another host
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat the Host that the client sent
        dependencies=[Depends(refuse_unknown_parameters)],
    )
    app.state.key_markets = settings.key_markets
    add_problem_handlers(app)
    pages = (
        question_route,  # before a product, whose path takes any end
        products,
        several,
        users_route,
        personal_route,
        facts,
        kinds,
        feedback,
        product_changes,
        rules_route,
        labels_route,
        results_route,
    )
    for routes in pages:
        routes.add(app, settings)
    _add_problem_schemas(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Follow live facts between requests; at shutdown, write pending feedback and log lines."""
    follower = asyncio.create_task(_follow_facts(app))
    yield
    follower.cancel()
    app.state.ending = True
    if app.state.feedback is not None:
        await app.state.feedback.close()
    if app.state.log is not None:
        app.state.log.flush()


async def _follow_facts(app: FastAPI) -> None:
    """Take over live facts while nobody asks, so that the next request need not."""
    while True:
        await asyncio.sleep(_FOLLOW_SECONDS)
        bundle = app.state.snapshot_holder().bundle
        bundle.live.refresh(thorough=True)
        bundle.refresh()


def _report_stop(state: State) -> Callable[[StopDecision], None]:
    """Writes the end of an experiment to the log, or to stderr."""

    def report(stopped: StopDecision) -> None:
        if state.log is not None:
            name = state.experiment.name
            state.log.write({"event": "experiment_stopped", "experiment": name, **asdict(stopped)})
        else:
            text = f"the experiment is stopped; all see {stopped.shows}: {stopped.reason}"
            print(text, file=sys.stderr, flush=True)  # noqa: T201

    return report


def _report_keys(state: State) -> Callable[[Outcome, str | None], None]:
    """Counts each change of the file of keys, and writes it to the log or to stderr."""

    def report(outcome: Outcome, fault: str | None) -> None:
        state.metrics.count_key_file(outcome)
        if state.log is not None:
            fields = {"event": "keys", "outcome": outcome}
            state.log.write({**fields, **({"why": fault} if fault else {})})
        if fault is not None:
            then = (
                f"the keys from before stay valid for {GRACE_SECONDS:g} s"
                if outcome == "faulty"
                else "only the lines that can be read are valid"
            )
            print(f"{fault}; {then}", file=sys.stderr, flush=True)  # noqa: T201

    return report


def open_snapshot(bundle_path: Path | str | Bundle, settings: ServeSettings) -> Snapshot:
    """A snapshot of a bundle with every file checked.

    Raises:
        BundleError, ConfigError: as `create_app`.
    """
    report = read_report(settings.report) if settings.report else None
    if not isinstance(bundle_path, Bundle):
        bundle_path = Bundle.open(bundle_path, verify=True, trusted_keys=settings.trusted_keys)
    return Snapshot(bundle_path, settings.live, report, settings.cache_mb * 1_000_000)


def _add_problem_schemas(app: FastAPI) -> None:
    """Add problem responses, and the names of operations, to the OpenAPI schema."""
    plain, lock = app.openapi, threading.Lock()
    schema: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        with lock:
            if not schema:
                schema.update(plain())
                add_problem_schemas(schema)
                name_operations(schema)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
