"""The HTTP service: a thin cover over a bundle. Needs the extra `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from goeswith import __version__
from goeswith.bundle.bundle import Bundle
from goeswith.config import ServeSettings
from goeswith.serve.current import TAKEN, Current, Holder
from goeswith.serve.limits import BodyLimit
from goeswith.serve.problems import describe_problems, tell_problems
from goeswith.serve.report import read_report
from goeswith.serve.routes import facts, feedback, products, several

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


def create_app(bundle_path: Path | str, settings: ServeSettings | None = None) -> FastAPI:
    """The service for one bundle, every file of which is checked first.

    `app.state.current` hands out what answers now (`serve.current.Holder`).

    Args:
        bundle_path: as given to `goeswith fit --out`.
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
    )
    app.state.current = Holder(open_current(bundle_path, settings))
    app.state.feedback = None
    app.state.ending = False
    tell_problems(app)
    for routes in (products, several, facts, feedback):
        routes.add(app, settings)
    app.add_middleware(BodyLimit, most=settings.max_body)
    app.add_middleware(Taking, holder=app.state.current)
    _describe(app)
    return app


def open_current(bundle_path: Path | str, settings: ServeSettings) -> Current:
    """A bundle with every file checked, ready to be asked.

    Raises:
        BundleError, ConfigError: as `create_app`.
    """
    report = read_report(settings.report) if settings.report else None
    return Current(Bundle.open(bundle_path, verify=True), settings.live, report)


class Taking:
    """Takes what answers now, once for each request."""

    def __init__(self, app: ASGIApp, holder: Holder) -> None:
        self.app, self.holder = app, holder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put it into the scope."""
        scope[TAKEN] = self.holder()
        await self.app(scope, receive, send)


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
