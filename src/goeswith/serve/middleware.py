"""The outermost ASGI layer: snapshot, Host, API key, rate limit, metrics and log of a request."""

from __future__ import annotations

import math
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

from goeswith.serve.api_keys import key_from_headers
from goeswith.serve.limits.connection import is_abandoned
from goeswith.serve.limits.rate_limit import client_key
from goeswith.serve.limits.work_queue import WORK_SECONDS_KEY
from goeswith.serve.problem_details import PUBLIC_PATHS, problem
from goeswith.serve.snapshot import SNAPSHOT_KEY

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from goeswith.serve.api_keys import ApiKeys
    from goeswith.serve.limits.allowed_hosts import AllowedHosts
    from goeswith.serve.limits.rate_limit import RateLimiter
    from goeswith.serve.prometheus_metrics import ServiceMetrics
    from goeswith.serve.request_log import RequestLog
    from goeswith.serve.snapshot import SnapshotHolder

_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
UNKNOWN_ROUTE: Final = "other"
"""Label of requests without a route."""
ABANDONED: Final = 499
"""Status, in log and metrics, of a request whose client went away before a response."""
_CLIENT_KEY: Final = "goeswith.client"
"""Key of the ASGI scope with the name of the client in the rate limit."""


class ServiceMiddleware:
    """The outermost layer. An exception inside it becomes a 500 and a log line without its text."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        holder: SnapshotHolder,
        metrics: ServiceMetrics,
        log: RequestLog | None,
        keys: ApiKeys | None,
        rates: RateLimiter | None,
        hosts: AllowedHosts | None,
    ) -> None:
        self.app, self.holder = app, holder
        self.metrics, self.log = metrics, log
        self.keys, self.rates, self.hosts = keys, rates, hosts
        self._checks = bool(keys or rates or hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        bundle = (snapshot := self.holder()).bundle
        scope[SNAPSHOT_KEY] = snapshot
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], _NOSNIFF]
            await send(message)

        failure: dict[str, Any] = {}
        try:
            refusal = self._refusal(scope, bundle.id) if self._checks else None
            await (refusal or self.app)(scope, receive, send_with_headers)
        except Exception as error:
            failure = {"error": type(error).__name__, "at": _call_frames(error)}
            if not status:
                response = problem(500, "the service failed; see its log", bundle=bundle.id)
                await response(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            if not status and is_abandoned(scope):
                status = ABANDONED
            if self.rates is not None and _CLIENT_KEY in scope:
                self.rates.charge(scope[_CLIENT_KEY], scope.get(WORK_SECONDS_KEY, 0.0))
            route = scope.get("template") or _route_template(scope.get("route"))
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            self.metrics.count_request(route, method, status, seconds)
            if self.log is not None:
                self.log.write(
                    {
                        "method": method,
                        "route": route,
                        "status": status,
                        "milliseconds": round(seconds * 1000, 3),
                        "bundle": bundle.id,
                        "key": scope.get("key"),
                        **failure,
                    }
                )

    def _refusal(self, scope: Scope, bundle: str) -> Response | None:
        if self.hosts is not None and not self.hosts.allows(scope):
            return problem(
                421,
                "the service does not answer to this Host; add it to serve.hosts if it is yours",
                bundle=bundle,
            )
        path = scope["path"]
        if path == "/" or path.startswith(PUBLIC_PATHS):
            return None
        client_name = ""
        if self.keys is not None:
            name = self.keys.find_name(key_from_headers(scope["headers"]))
            if name is None:
                return problem(
                    401,
                    "send a key: Authorization: Bearer KEY, or X-API-Key: KEY",
                    bundle=bundle,
                    headers={"WWW-Authenticate": "Bearer"},
                )
            scope["key"] = name
            client_name = f"key {name}"
        if self.rates is not None:
            client = scope.get("client")
            client_name = client_name or client_key(client[0] if client else "")
            wait = self.rates.take(client_name)
            scope[_CLIENT_KEY] = client_name
            if wait:
                seconds = max(1, math.ceil(wait))
                return problem(
                    429,
                    f"more than {self.rates.rate:g} requests per second; retry in {seconds} s",
                    bundle=bundle,
                    headers={"Retry-After": str(seconds)},
                )
        return None


_METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def _route_template(route: Any) -> str:
    return getattr(route, "path_format", None) or getattr(route, "path", None) or UNKNOWN_ROUTE


def _call_frames(error: Exception) -> list[str]:
    """The calls that an error came through, innermost last; not its message, which may quote."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
