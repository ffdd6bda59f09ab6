"""Bodies are read within limits before a request takes a place in the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from goeswith.serve.problem_details import problem
from goeswith.serve.snapshot import SNAPSHOT_KEY

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BUFFERED: Final = 64_000_000
"""Bytes of the bodies of all requests of a process at a time."""


class BodyLimit:
    """Responds 411 to a body of unknown length and 413 to one of more than `max_bytes` bytes.

    A body is read completely before the next layer is called, so that slow clients hold no place
    there; bodies beyond `MAX_BUFFERED` get a 503.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app, self.max_bytes = app, max_bytes
        self._buffered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        refusal = self._refusal(length, scope[SNAPSHOT_KEY].bundle.id)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        size = int(length)
        self._buffered += size
        try:
            body = await _read(receive)
            if body is not None:
                await self.app(scope, _replay(body, receive), send)
        finally:
            self._buffered -= size

    def _refusal(self, length: str, bundle: str) -> Response | None:
        if not (length.isascii() and length.isdigit()):
            return problem(411, "send a Content-Length", bundle=bundle)
        if len(length) > 12 or int(length) > self.max_bytes:
            detail = f"the body has more than {self.max_bytes:,} bytes; send less at once"
            return problem(413, detail, bundle=bundle)
        if self._buffered and self._buffered + int(length) > MAX_BUFFERED:
            return problem(
                503,
                "too many large bodies at once; retry in 1 s",
                bundle=bundle,
                headers={"Retry-After": "1"},
            )
        return None


async def _read(receive: Receive) -> bytes | None:
    """The body of a request; None if the client is gone before its end."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that starts with a body that was read."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
