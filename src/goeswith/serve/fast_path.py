"""The question that is asked most, answered before any routing: complements without constraints.

Whatever is out of the ordinary (another parameter, a `k` out of bounds, an unknown product) goes on
to the route of the same address, which answers the same and says what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from goeswith.core.errors import UnknownProductError
from goeswith.serve.responses import Complements
from goeswith.serve.snapshot import TAKEN

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from goeswith.serve.prometheus_metrics import Metrics
    from goeswith.serve.snapshot import Current

TEMPLATE: Final = "/v1/products/{product_id}/complements"
_BEFORE: Final = "/v1/products/"
_AFTER: Final = "/complements"


class Quick:
    """Stands inside the gate, before the routes."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, most: int) -> None:
        self.app, self.metrics, self.most = app, metrics, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        found = self._found(scope)
        if found is None:
            await self.app(scope, receive, send)
            return
        scope["template"] = TEMPLATE
        for model, fallback, count in found.models:
            self.metrics.answered_by(model, fallback, count)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(found.body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": found.body})

    def _found(self, scope: Scope) -> Complements | None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        path: str = scope["path"]
        if not (path.endswith(_AFTER) and path.startswith(_BEFORE)):
            return None
        current: Current = scope[TAKEN]
        k = self._asked(scope["query_string"], current)
        product_id = path[len(_BEFORE) : -len(_AFTER)]
        if not k or not product_id or not current.bundle.plain:
            return None
        key = (product_id, k)
        found = current.remembered.get(key)
        if found is None:
            try:
                answers = current.bundle.complements(product_id, k)
            except UnknownProductError:
                return None
            found = Complements.of(current.bundle, product_id, answers)
            current.remembered.keep(key, found)
        return found

    def _asked(self, query: bytes, current: Current) -> int:
        """How many answers; 0 where more is asked than that, or too many."""
        most = min(self.most, current.bundle.k)
        if not query:
            return min(10, most)
        digits = query[2:]
        if query[:2] != b"k=" or not digits.isdigit() or len(digits) > 4:
            return 0
        return k if (k := int(digits)) <= most else 0
