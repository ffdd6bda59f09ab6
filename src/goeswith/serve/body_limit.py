"""Bodies that are too large are refused before they are read."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from goeswith.serve.problem_details import problem
from goeswith.serve.snapshot import SNAPSHOT_KEY


class BodyLimit:
    """Responds 411 to a body of unknown length and 413 to one of more than `max_bytes` bytes."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app, self.max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        refusal = None
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            bundle = scope[SNAPSHOT_KEY].bundle.id
            length = Headers(scope=scope).get("content-length", "")
            if not (length.isascii() and length.isdigit()):
                refusal = problem(411, "send a Content-Length", bundle=bundle)
            elif len(length) > 12 or int(length) > self.max_bytes:
                detail = f"the body has more than {self.max_bytes:,} bytes; send less at once"
                refusal = problem(413, detail, bundle=bundle)
        await (refusal or self.app)(scope, receive, send)
