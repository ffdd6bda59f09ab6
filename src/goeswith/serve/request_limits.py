"""Bodies that are too large are refused before they are read."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from goeswith.serve.problem_details import problem
from goeswith.serve.snapshot import TAKEN


class BodyLimit:
    """Answers 411 to a body of unknown length and 413 to one of more than `most` bytes."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        refused = None
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            bundle = scope[TAKEN].bundle.id
            length = Headers(scope=scope).get("content-length", "")
            if not (length.isascii() and length.isdigit()):
                refused = problem(411, "send a Content-Length", bundle=bundle)
            elif len(length) > 12 or int(length) > self.most:
                detail = f"the body has more than {self.most:,} bytes; send less at once"
                refused = problem(413, detail, bundle=bundle)
        await (refused or self.app)(scope, receive, send)
