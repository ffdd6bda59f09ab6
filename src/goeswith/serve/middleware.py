"""The outermost ASGI layer: snapshot, admission, metrics and log of a request."""

from __future__ import annotations

import time
import traceback
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from goeswith.serve.limits.connection import is_abandoned
from goeswith.serve.problem_details import problem
from goeswith.serve.snapshot import SNAPSHOT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from goeswith.serve.limits.admission import Admission
    from goeswith.serve.prometheus_metrics import ServiceMetrics
    from goeswith.serve.request_log import RequestLog
    from goeswith.serve.snapshot import SnapshotHolder

_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
UNKNOWN_ROUTE: Final = "other"
"""Label of requests without a route."""
ABANDONED: Final = 499
"""Status, in log and metrics, of a request whose client went away before a response."""


class RequestRecorder:
    """Counts and logs requests."""

    def __init__(self, metrics: ServiceMetrics, log: RequestLog | None) -> None:
        self.metrics, self.log = metrics, log

    def record(  # noqa: PLR0917
        self,
        method: str,
        route: str,
        status: int,
        seconds: float,
        bundle: str,
        key: str | None,
        failure: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Count and log one request.

        Args:
            method: a known one, or OTHER.
            route: template of its path.
            status: of the response.
            seconds: from the head of the request to the end of the response.
            bundle: id of the bundle that answered.
            key: name of its API key.
            failure: further fields of the log.
        """
        self.metrics.count_request(route, method, status, seconds)
        if self.log is not None:
            self.log.write(
                {
                    "method": method,
                    "route": route,
                    "status": status,
                    "milliseconds": round(seconds * 1000, 3),
                    "bundle": bundle,
                    "key": key,
                    **failure,
                }
            )


class ServiceMiddleware:
    """The outermost layer. An exception inside it becomes a 500 and a log line without its text."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        holder: SnapshotHolder,
        admission: Admission,
        recorder: RequestRecorder,
    ) -> None:
        self.app, self.holder = app, holder
        self.admission, self.recorder = admission, recorder

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
            refusal = self.admission.refusal(scope, bundle.id)
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
            self.admission.charge(scope)
            route = scope.get("template") or _route_template(scope.get("route"))
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            key = scope.get("key")
            self.recorder.record(method, route, status, seconds, bundle.id, key, failure)


_METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def _route_template(route: Any) -> str:
    return getattr(route, "path_format", None) or getattr(route, "path", None) or UNKNOWN_ROUTE


def _call_frames(error: Exception) -> list[str]:
    """The calls that an error came through, innermost last; not its message, which may quote."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
