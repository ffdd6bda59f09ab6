"""Errors as problem+json (RFC 9457): the cause and the remedy, without a traceback."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from goeswith.core.errors import BundleError, ConfigError, DataError, UnknownProductError
from goeswith.serve.service_schemas import ProblemResponse
from goeswith.serve.snapshot import SNAPSHOT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

    from goeswith.serve.snapshot import Snapshot

MEDIA_TYPE: Final = "application/problem+json"
PUBLIC_PATHS: Final = ("/v1/health/live", "/v1/health/ready", "/assets/")
"""Paths that need no key and have no rate limit, as does the page itself."""
_MAX_ERRORS: Final = 10
_MAX_DETAIL: Final = 2000
"""Characters of a detail, which may quote the request."""


def problem(
    status: int,
    detail: str,
    *,
    bundle: str | None = None,
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> Response:
    """A problem response."""
    if len(detail) > _MAX_DETAIL:
        detail = f"{detail[:_MAX_DETAIL]}…"
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    content |= {"bundle": bundle} if bundle else {}
    body = json.dumps(content | extra, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route for its problem responses."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def add_problem_handlers(app: FastAPI) -> None:
    """Turn every error of `app` into a problem response."""

    def snapshot_of(request: Request) -> Snapshot:
        current: Snapshot = request.scope[SNAPSHOT_KEY]
        return current

    def on_unknown_product(request: Request, error: Exception) -> Response:
        bundle = snapshot_of(request).bundle
        product_id = getattr(error, "product_id", None) or ""
        near = [
            {"product_id": bundle.products.ids[row], "title": bundle.products.title(row)}
            for row in bundle.products.nearest(product_id)
        ]
        return problem(404, str(error), bundle=bundle.id, nearest=near)

    def on_refused(request: Request, error: Exception) -> Response:
        return problem(422, str(error), bundle=snapshot_of(request).bundle.id)

    def on_invalid(request: Request, error: Exception) -> Response:
        details = error.errors() if isinstance(error, RequestValidationError) else []
        errors = [
            {"loc": list(one["loc"]), "msg": one["msg"], "type": one["type"]}
            for one in details[:_MAX_ERRORS]
        ]
        detail = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in errors)
        return problem(422, detail, bundle=snapshot_of(request).bundle.id, errors=errors)

    def on_http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        detail = error.detail if isinstance(error, HTTPException) else ""
        # FastAPI has a status of its own for bodies that are nested too deep or are not UTF-8
        status = 422 if status == 400 else status
        if not detail or detail == HTTPStatus(status).phrase:
            detail = {
                404: "there is nothing at this path; /openapi.json lists all paths",
                405: "this path does not support that method; /openapi.json lists the methods",
            }.get(status, HTTPStatus(status).phrase)
        headers = error.headers if isinstance(error, HTTPException) else None
        return problem(status, detail, bundle=snapshot_of(request).bundle.id, headers=headers)

    def on_failure(request: Request, error: Exception) -> Response:
        return problem(
            500, "the service failed; see its log", bundle=snapshot_of(request).bundle.id
        )

    app.add_exception_handler(UnknownProductError, on_unknown_product)
    for kind in (ConfigError, DataError):
        app.add_exception_handler(kind, on_refused)
    app.add_exception_handler(BundleError, on_failure)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, on_failure)


def add_problem_schemas(schema: dict[str, Any]) -> None:
    """Add problems to an OpenAPI schema: for 422 in place of FastAPI's own, and those of the
    middleware, which routes do not declare.
    """
    schemas = schema["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem_schema = ProblemResponse.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem_schema.pop("$defs", {}))
    schemas["Problem"] = problem_schema
    for address, path in schema["paths"].items():
        for operation in path.values():
            responses = operation["responses"]
            statuses = (421,) if address.startswith(PUBLIC_PATHS) else (401, 403, 421, 429, 503)
            extra = problem_responses(*statuses, 422)
            responses |= {str(status): response for status, response in extra.items()}
