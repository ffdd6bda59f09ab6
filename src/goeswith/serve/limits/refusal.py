"""Problem responses below the application, which has no part in them."""

from __future__ import annotations

import json
from http import HTTPStatus


def raw_problem(status: int, detail: str) -> bytes:
    """An HTTP response as bytes that ends the connection."""
    phrase = HTTPStatus(status).phrase
    content = {"type": "about:blank", "title": phrase, "status": status, "detail": detail}
    body = json.dumps(content).encode()
    retry = "Retry-After: 1\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {int(status)} {phrase}\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"{retry}Connection: close\r\n\r\n"
    )
    return head.encode() + body
