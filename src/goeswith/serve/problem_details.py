"""Errors as problem+json (RFC 9457): what is wrong and what to do, never a traceback."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from goeswith.core.errors import BundleError, ConfigError, DataError, UnknownProductError
from goeswith.serve.service_schemas import Problem
from goeswith.serve.snapshot import TAKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

    from goeswith.serve.snapshot import Current

MEDIA_TYPE: Final = "application/problem+json"
OPEN: Final = ("/v1/health/", "/assets/")
"""Addresses that need no key and count for no rate; and the page itself."""
_MOST_ERRORS: Final = 10
_LONGEST: Final = 2000
"""Characters of a detail: what a request sent may stand in it."""


def problem(
    status: int,
    detail: str,
    *,
    bundle: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """An answer that says why there is no other."""
    if len(detail) > _LONGEST:
        detail = f"{detail[:_LONGEST]}…"
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    content |= {"bundle": bundle} if bundle else {}
    body = json.dumps(content | more, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route for the problems that it may answer with."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def tell_problems(app: FastAPI) -> None:
    """Have every error of `app` answered as a problem."""

    def taken(request: Request) -> Current:
        current: Current = request.scope[TAKEN]
        return current

    def unknown(request: Request, error: Exception) -> Response:
        bundle = taken(request).bundle
        asked = getattr(error, "product_id", None) or ""
        near = [
            {"product_id": bundle.products.ids[row], "title": bundle.products.title(row)}
            for row in bundle.products.nearest(asked)
        ]
        return problem(404, str(error), bundle=bundle.id, nearest=near)

    def refused(request: Request, error: Exception) -> Response:
        return problem(422, str(error), bundle=taken(request).bundle.id)

    def invalid(request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        wrong = [
            {"loc": list(one["loc"]), "msg": one["msg"], "type": one["type"]}
            for one in found[:_MOST_ERRORS]
        ]
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong)
        return problem(422, said, bundle=taken(request).bundle.id, errors=wrong)

    def plain(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        detail = error.detail if isinstance(error, HTTPException) else ""
        # FastAPI has a status of its own for bodies that are nested too deep or are not UTF-8
        status = 422 if status == 400 else status
        if not detail or detail == HTTPStatus(status).phrase:
            detail = {
                404: "there is nothing at this address; /openapi.json describes what there is",
                405: "this address does not take that method; /openapi.json says which",
            }.get(status, HTTPStatus(status).phrase)
        headers = error.headers if isinstance(error, HTTPException) else None
        return problem(status, detail, bundle=taken(request).bundle.id, headers=headers)

    def broken(request: Request, error: Exception) -> Response:
        return problem(
            500, "the service failed; its log says more", bundle=taken(request).bundle.id
        )

    app.add_exception_handler(UnknownProductError, unknown)
    for kind in (ConfigError, DataError):
        app.add_exception_handler(kind, refused)
    app.add_exception_handler(BundleError, broken)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(Exception, broken)


def describe_problems(schema: dict[str, Any]) -> None:
    """Put problems into an OpenAPI schema: that of a 422 in place of FastAPI's own, and those of
    the gate, which no route knows of.
    """
    shapes = schema["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        shapes.pop(name, None)
    found = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    shapes.update(found.pop("$defs", {}))
    shapes["Problem"] = found
    for address, path in schema["paths"].items():
        for operation in path.values():
            known = operation["responses"]
            gate = () if address.startswith(OPEN) else (401, 429)
            told = documented(*gate, *([422] if "422" in known else []))
            known |= {str(status): response for status, response in told.items()}
