"""Fast path for the most frequent requests: complements, at most with limits, before routing.

All other requests (another parameter, a value out of range, an unknown product) are passed on to
the route of the same path, which gives the same response or describes the error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from goeswith.core.errors import UnknownProductError
from goeswith.query.constraints import Constraints
from goeswith.query.stored_complements import limited_complements
from goeswith.serve.responses import EncodedComplements
from goeswith.serve.snapshot import SNAPSHOT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from goeswith.query.bundle import Bundle
    from goeswith.query.recommendation import Recommendation
    from goeswith.query.recommendation_list import RecommendationList
    from goeswith.serve.prometheus_metrics import ServiceMetrics
    from goeswith.serve.snapshot import Snapshot

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


class FastPath:
    """ASGI layer inside the middleware, before the routes."""

    def __init__(
        self, app: ASGIApp, *, metrics: ServiceMetrics, max_k: int, key_markets: Mapping[str, str]
    ) -> None:
        self.app, self.metrics, self.max_k = app, metrics, max_k
        self.key_markets = key_markets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        response = self._find_response(scope)
        if response is None:
            await self.app(scope, receive, send)
            return
        scope["template"] = TEMPLATE
        for model, fallback, count in response.models:
            self.metrics.count_model(model, fallback, count)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(response.body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    def _find_response(self, scope: Scope) -> EncodedComplements | None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        path: str = scope["path"]
        is_plain = path.endswith(_AFTER) and path.startswith(_BEFORE)
        if not is_plain or scope.get("key") in self.key_markets:
            return None
        snapshot: Snapshot = scope[SNAPSHOT_KEY]
        limits = self._parse(scope["query_string"], snapshot)
        product_id = path[len(_BEFORE) : -len(_AFTER)]
        bundle = snapshot.bundle
        bundle.refresh()
        if limits is None or not product_id or not _shows_stored(scope, bundle, limits):
            return None
        key = (product_id, *limits)
        version = bundle.live.version
        snapshot.cache.drop_outdated(key, bundle)
        response = snapshot.cache.get(key)
        if response is None:
            try:
                answers = (
                    _limited(bundle, product_id, limits)
                    if limits.per_type is not None or limits.diversity is not None
                    else bundle.precomputed(product_id, limits.k)
                )
            except UnknownProductError:
                return None
            if answers is None:
                return None  # models score, which takes longer than the event loop may wait
            response = EncodedComplements.encode(bundle, product_id, answers, version)
            snapshot.cache.put(key, response)
        return response

    def _parse(self, query: bytes, snapshot: Snapshot) -> _Limits | None:
        """The parameters; None for others, or a value that only the route can refuse."""
        max_k = min(self.max_k, snapshot.bundle.k)
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


def _shows_stored(scope: Scope, bundle: Bundle, limits: _Limits) -> bool:
    """Whether the stored list is shown, under limits without experiment, exploration and rules."""
    if limits.per_type is None and limits.diversity is None:
        return bundle.keeps_ranking
    state = scope["app"].state
    is_alone = state.experiment is None and state.explorer is None
    return is_alone and bundle.keeps_ranking and bundle.is_as_fitted


def _limited(
    bundle: Bundle, product_id: str, limits: _Limits
) -> RecommendationList[Recommendation] | None:
    constraints = Constraints(per_type=limits.per_type, diversity=limits.diversity)
    return limited_complements(bundle, bundle.source_row(product_id), limits.k, constraints)
