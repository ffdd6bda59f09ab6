"""The OpenAPI schema of the service without a bundle, for documentation and clients."""

from __future__ import annotations

from typing import Any

from goeswith.serve.app import routed_app
from goeswith.serve.routes.relevance_route import add_route
from goeswith.settings.serve_settings import ServeSettings


def service_schema(settings: ServeSettings | None = None) -> dict[str, Any]:
    """The schema that a service returns at `/openapi.json`, with its optional routes.

    Args:
        settings: of the table `serve`, for the limits in the schema; None for the defaults.
    """
    settings = settings or ServeSettings()
    app = routed_app(settings)
    add_route(app, settings, model=None)
    return app.openapi()
