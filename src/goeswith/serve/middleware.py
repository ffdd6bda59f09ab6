"""What every request passes: it takes a bundle, shows its key, is counted, timed and logged."""

from __future__ import annotations

import math
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

from goeswith.serve.api_keys import presented
from goeswith.serve.problem_details import OPEN, problem
from goeswith.serve.rate_limit import asker_at
from goeswith.serve.snapshot import TAKEN

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from goeswith.serve.api_keys import Keys
    from goeswith.serve.prometheus_metrics import Metrics
    from goeswith.serve.rate_limit import Rates
    from goeswith.serve.request_log import Log
    from goeswith.serve.snapshot import Holder

_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
NOWHERE: Final = "other"
"""The template of an address that no route has."""


class Gate:
    """The outermost layer. What fails inside it is answered and logged here, without its text."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        holder: Holder,
        metrics: Metrics,
        log: Log | None,
        keys: Keys | None,
        rates: Rates | None,
    ) -> None:
        self.app, self.holder = app, holder
        self.metrics, self.log = metrics, log
        self.keys, self.rates = keys, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        bundle = (taken := self.holder()).bundle
        scope[TAKEN] = taken
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], _NOSNIFF]
            await send(message)

        failed: dict[str, Any] = {}
        try:
            refused = self._refused(scope, bundle.id) if self.keys or self.rates else None
            await (refused or self.app)(scope, receive, sending)
        except Exception as error:
            failed = {"error": type(error).__name__, "at": _where(error)}
            if not status:
                said = problem(500, "the service failed; its log says where", bundle=bundle.id)
                await said(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - started
            route = scope.get("template") or _template(scope.get("route"))
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            self.metrics.request(route, method, status, seconds)
            if self.log is not None:
                self.log.tell(
                    {
                        "method": method,
                        "route": route,
                        "status": status,
                        "milliseconds": round(seconds * 1000, 3),
                        "bundle": bundle.id,
                        "key": scope.get("key"),
                        **failed,
                    }
                )

    def _refused(self, scope: Scope, bundle: str) -> Response | None:
        path = scope["path"]
        if path == "/" or path.startswith(OPEN):
            return None
        asker = ""
        if self.keys is not None:
            name = self.keys.name_of(presented(scope["headers"]))
            if name is None:
                return problem(
                    401,
                    "send a key: Authorization: Bearer KEY, or X-API-Key: KEY",
                    bundle=bundle,
                    headers={"WWW-Authenticate": "Bearer"},
                )
            scope["key"] = name
            asker = f"key {name}"
        if self.rates is not None:
            client = scope.get("client")
            wait = self.rates.wait(asker or asker_at(client[0] if client else ""))
            if wait:
                seconds = max(1, math.ceil(wait))
                return problem(
                    429,
                    f"more than {self.rates.rate:g} requests a second; ask again in {seconds} s",
                    bundle=bundle,
                    headers={"Retry-After": str(seconds)},
                )
        return None


_METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def _template(route: Any) -> str:
    return getattr(route, "path_format", None) or getattr(route, "path", None) or NOWHERE


def _where(error: Exception) -> list[str]:
    """The calls that an error came through, innermost last; not its message, which may quote."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
