"""Bodies that are too large are refused before they are read."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

MOST_BYTES: Final = 200_000


class BodyLimit:
    """Answers 411 to a body of unknown length and 413 to one of more than `MOST_BYTES`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        refused = None
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            length = Headers(scope=scope).get("content-length", "")
            if not (length.isascii() and length.isdigit()):
                refused = JSONResponse({"detail": "send a Content-Length"}, status_code=411)
            elif len(length) > 12 or int(length) > MOST_BYTES:
                detail = f"the body has more than {MOST_BYTES:,} bytes"
                refused = JSONResponse({"detail": detail}, status_code=413)
        await (refused or self.app)(scope, receive, send)
