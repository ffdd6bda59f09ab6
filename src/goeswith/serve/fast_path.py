"""Fast path for the most frequent request: complements without constraints, before routing.

All other requests (another parameter, `k` out of range, an unknown product) are passed on to the
route of the same path, which gives the same response or describes the error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from goeswith.core.errors import UnknownProductError
from goeswith.serve.responses import EncodedComplements
from goeswith.serve.snapshot import SNAPSHOT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from goeswith.serve.prometheus_metrics import ServiceMetrics
    from goeswith.serve.snapshot import Snapshot

TEMPLATE: Final = "/v1/products/{product_id}/complements"
_BEFORE: Final = "/v1/products/"
_AFTER: Final = "/complements"


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
        k = self._parse_k(scope["query_string"], snapshot)
        product_id = path[len(_BEFORE) : -len(_AFTER)]
        if not k or not product_id or not snapshot.bundle.keeps_ranking:
            return None
        key, bundle = (product_id, k), snapshot.bundle
        bundle.refresh()
        version = bundle.live.version
        snapshot.cache.drop_outdated(key, bundle)
        response = snapshot.cache.get(key)
        if response is None:
            try:
                answers = bundle.precomputed(product_id, k)
            except UnknownProductError:
                return None
            if answers is None:
                return None  # models score, which takes longer than the event loop may wait
            response = EncodedComplements.encode(bundle, product_id, answers, version)
            snapshot.cache.put(key, response)
        return response

    def _parse_k(self, query: bytes, snapshot: Snapshot) -> int:
        """The number of recommendations; 0 for other parameters, or if there are too many."""
        max_k = min(self.max_k, snapshot.bundle.k)
        if not query:
            return min(10, max_k)
        digits = query[2:]
        if query[:2] != b"k=" or not digits.isdigit() or len(digits) > 4:
            return 0
        return k if (k := int(digits)) <= max_k else 0
