"""Fast path for the most frequent requests: complements, at most with limits, before routing.

All other requests (another parameter, a value out of range, an unknown product) are passed on to
the route of the same path, which gives the same response or describes the error.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from goeswith.core.errors import UnknownProductError
from goeswith.query.constraints import Constraints
from goeswith.query.stored_complements import limited_complements
from goeswith.serve.responses import EncodedComplements
from goeswith.serve.snapshot import SNAPSHOT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import State
    from starlette.types import ASGIApp, Receive, Scope, Send

    from goeswith.query.bundle import Bundle
    from goeswith.query.recommendation import Recommendation
    from goeswith.query.recommendation_list import RecommendationList
    from goeswith.serve.limits.admission import Admission
    from goeswith.serve.middleware import RequestRecorder
    from goeswith.serve.prometheus_metrics import ServiceMetrics
    from goeswith.serve.snapshot import Snapshot, SnapshotHolder

TEMPLATE: Final = "/v1/products/{product_id}/complements"
_BEFORE: Final = "/v1/products/"
_AFTER: Final = "/complements"
_NUMBER: Final = re.compile(rb"[0-9]{1,4}")
_SHARE: Final = re.compile(rb"0|0?\.[0-9]{1,6}|1|1\.0{1,6}")
_MAX_PER_TYPE: Final = 1000
"""As of the route."""


class _Limits(NamedTuple):
    """Parameters of a request.

    Attributes:
        k: number of recommendations.
        per_type: maximum per product type; None without a limit.
        diversity: None where it is not given.
    """

    k: int
    per_type: int | None = None
    diversity: float | None = None


class StoredResponses:
    """The responses that need no route: cached ones, and those of a precomputed list."""

    def __init__(
        self, state: State, *, metrics: ServiceMetrics, max_k: int, key_markets: Mapping[str, str]
    ) -> None:
        """Args: state: of the application; metrics: counts the recommendations; max_k and
        key_markets: of the settings.
        """
        self._state, self._metrics = state, metrics
        self._max_k, self._key_markets = max_k, key_markets

    def find(
        self, path: str, query: bytes, key: str | None, snapshot: Snapshot
    ) -> EncodedComplements | None:
        """The response to a GET request, which is counted; None where the routes have to answer.

        Args:
            path: decoded.
            query: of the URL.
            key: name of the API key.
            snapshot: of the request.
        """
        if not (path.endswith(_AFTER) and path.startswith(_BEFORE)) or key in self._key_markets:
            return None
        limits = self._parse(query, snapshot)
        product_id = path[len(_BEFORE) : -len(_AFTER)]
        bundle = snapshot.bundle
        bundle.refresh()
        if limits is None or not product_id or not self._shows_stored(bundle, limits):
            return None
        cache_key = (product_id, *limits)
        version = bundle.live.version
        snapshot.cache.drop_outdated(cache_key, bundle)
        response = snapshot.cache.get(cache_key)
        if response is None:
            try:
                answers = (
                    bundle.precomputed(product_id, limits.k)
                    if limits.per_type is None and limits.diversity is None
                    else _limited(bundle, product_id, limits)
                )
            except UnknownProductError:
                return None
            if answers is None:
                return None  # models score, which takes longer than the event loop may wait
            response = EncodedComplements.encode(bundle, product_id, answers, version)
            snapshot.cache.put(cache_key, response)
        for model, fallback, count in response.models:
            self._metrics.count_model(model, fallback, count)
        return response

    def _shows_stored(self, bundle: Bundle, limits: _Limits) -> bool:
        """Whether the stored list is shown; under limits, without experiments and rules."""
        if limits.per_type is None and limits.diversity is None:
            return bundle.keeps_ranking
        state = self._state
        is_alone = state.experiment is None and state.explorer is None
        return is_alone and bundle.keeps_ranking and bundle.is_as_fitted

    def _parse(self, query: bytes, snapshot: Snapshot) -> _Limits | None:
        """The parameters; None for others, or a value that only the route can refuse."""
        max_k = min(self._max_k, snapshot.bundle.k)
        given: dict[bytes, bytes] = {}
        for part in query.split(b"&") if query else ():
            name, _, value = part.partition(b"=")
            pattern = _SHARE if name == b"diversity" else _NUMBER
            if name in given or name not in _NAMES or not pattern.fullmatch(value):
                return None
            given[name] = value
        k = int(given.get(b"k", min(10, max_k)))
        per_type = int(given[b"per_type"]) if b"per_type" in given else None
        if not 1 <= k <= max_k or not (per_type is None or 1 <= per_type <= _MAX_PER_TYPE):
            return None
        diversity = float(given[b"diversity"]) if b"diversity" in given else None
        return _Limits(k, per_type, diversity)


_NAMES: Final = frozenset({b"k", b"per_type", b"diversity"})


def _limited(
    bundle: Bundle, product_id: str, limits: _Limits
) -> RecommendationList[Recommendation] | None:
    constraints = Constraints(per_type=limits.per_type, diversity=limits.diversity)
    return limited_complements(bundle, bundle.source_row(product_id), limits.k, constraints)


class FastPath:
    """ASGI layer inside the middleware, before the routes."""

    def __init__(self, app: ASGIApp, *, responses: StoredResponses) -> None:
        self.app, self.responses = app, responses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        response = None
        if scope["type"] == "http" and scope["method"] == "GET":
            path, query = scope["path"], scope["query_string"]
            response = self.responses.find(path, query, scope.get("key"), scope[SNAPSHOT_KEY])
        if response is None:
            await self.app(scope, receive, send)
            return
        scope["template"] = TEMPLATE
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(response.body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})


class DirectResponses:
    """The same responses for the connection to write, without a task and layers in between.

    A look-up of the cache takes less time than these. What the layers do besides is done here: the
    admission, metrics and the log.
    """

    def __init__(
        self,
        responses: StoredResponses,
        *,
        holder: SnapshotHolder,
        admission: Admission,
        recorder: RequestRecorder,
    ) -> None:
        self._responses, self._holder = responses, holder
        self._admission, self._recorder = admission, recorder

    def find(self, scope: Scope) -> tuple[bytes, bytes] | None:
        """Headers and body of the response to a GET request without a body; None where the
        application has to answer.
        """
        started = time.perf_counter()
        snapshot = self._holder()
        bundle = snapshot.bundle.id
        try:
            if self._admission.refusal(scope, bundle) is not None:
                return None
            path, query, key = scope["path"], scope["query_string"], scope.get("key")
            response = self._responses.find(path, query, key, snapshot)
        except Exception:
            return None  # the application meets it too, and reports it
        if response is None:
            return None
        seconds = time.perf_counter() - started
        self._recorder.record("GET", TEMPLATE, 200, seconds, bundle, key)
        return _HEADERS % len(response.body), response.body


_HEADERS: Final = (
    b"content-type: application/json\r\n"
    b"content-length: %d\r\n"
    b"x-content-type-options: nosniff\r\n\r\n"
)
