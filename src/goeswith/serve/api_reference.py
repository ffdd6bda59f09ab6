"""The API reference at `/docs`: one self-contained HTML page made from the OpenAPI schema.

It has no scripts and loads nothing from other hosts, so that it works offline.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from fastapi import FastAPI

_STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h2{margin-top:2.5rem}h3{margin-bottom:0}table{border-collapse:collapse;margin:.5rem 0}"
    "td,th{border:1px solid #999;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "code{font-family:ui-monospace,monospace}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#eee}a{color:#8cf}}"
)
_STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def add_api_reference(app: FastAPI) -> None:
    """Serve the reference of an application at `/docs`."""

    @cache
    def content() -> str:
        return reference_page(app.openapi())

    def reference(request: Request) -> Response:
        return Response(content(), headers=_HEADERS, media_type="text/html")

    app.add_route("/docs", reference, include_in_schema=False)


def reference_page(schema: dict[str, Any]) -> str:
    """The HTML page of an OpenAPI schema."""
    title = escape(f"{schema['info']['title']} {schema['info']['version']}: API reference")
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>",
        f"<p>{escape(schema['info'].get('description', ''))} ",
        'The same as JSON: <a href="openapi.json">openapi.json</a>.</p>',
        "<h2>Routes</h2>",
    ]
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            parts += _operation(path, method, operation)
    parts.append("<h2>Schemas</h2>")
    for name, described in sorted(schema["components"]["schemas"].items()):
        parts += _schema(name, described)
    return "".join([*parts, "</body></html>"])


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<h3><code>{method.upper()} {escape(path)}</code></h3>"
    yield f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p>"
    parameters = operation.get("parameters", [])
    if parameters:
        yield from _table(
            ("parameter", "in", "type", "required", "description"),
            [
                (
                    f"<code>{escape(one['name'])}</code>",
                    escape(one["in"]),
                    _type(one["schema"]) + _limits(one["schema"]),
                    "yes" if one.get("required") else "no",
                    escape(one.get("description") or one["schema"].get("description", "")),
                )
                for one in parameters
            ],
        )
    for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Request body ({escape(media_type)}): {_type(body['schema'])}</p>"
    responses = []
    for status, response in operation["responses"].items():
        types = [_type(body.get("schema", {})) for body in response.get("content", {}).values()]
        responses.append((status, escape(response["description"]), ", ".join(types)))
    yield from _table(("status", "description", "body"), responses)


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f'<h3 id="{escape(name)}"><code>{escape(name)}</code></h3>'
    yield f"<p>{escape(schema.get('description', ''))}</p>"
    required = schema.get("required", [])
    yield from _table(
        ("field", "type", "required", "description"),
        [
            (
                f"<code>{escape(field)}</code>",
                _type(described) + _limits(described),
                "yes" if field in required else "no",
                escape(described.get("description", "")),
            )
            for field, described in schema.get("properties", {}).items()
        ],
    )


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """A table whose cells are HTML already."""
    yield "<table><tr>"
    yield from (f"<th>{heading}</th>" for heading in headings)
    yield "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</table>"


def _limits(schema: dict[str, Any]) -> str:
    """Range and default of a value, such as ", 1 to 100, default 10"; empty without them."""
    parts = [schema, *schema.get("anyOf", [])]
    least, most = (
        next((one[name] for one in parts if name in one), None) for name in ("minimum", "maximum")
    )
    text = ""
    if least is not None and most is not None:
        text = f", {least:,.15g} to {most:,.15g}"
    elif least is not None:
        text = f", at least {least:,.15g}"
    default = schema.get("default")
    if isinstance(default, str | int | float) and default != "":
        text += f", default {str(default).lower() if isinstance(default, bool) else default}"
    return escape(text)


def _type(schema: dict[str, Any]) -> str:
    """The type of a value as HTML, linked to the schema that it refers to."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(_type(one) for one in schema[several])
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if values:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return escape(str(schema.get("type", "any")))
