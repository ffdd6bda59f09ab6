"""JSON responses. The routes declare their schemas; responses are not validated."""

from __future__ import annotations

import zlib
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from goeswith.query.bundle import Bundle
    from goeswith.query.recommendation import Recommendation


def json_response(bundle: Bundle, **content: Any) -> Response:
    """A JSON response with the id of the bundle; a dataclass becomes an object."""
    body = orjson.dumps({"bundle": bundle.id, **content})
    return Response(body, media_type="application/json")


class EncodedComplements(NamedTuple):
    """The response with the complements of one product.

    Attributes:
        body: JSON.
        models: (model, whether it is a fallback, count), for the metrics.
    """

    body: bytes
    models: list[tuple[str, bool, int]]

    @classmethod
    def encode(
        cls, bundle: Bundle, product_id: str, answers: list[Recommendation]
    ) -> EncodedComplements:
        """Encode recommendations."""
        content = {"bundle": bundle.id, "product_id": product_id, "complements": answers}
        return cls(orjson.dumps(content), count_models(answers))


def count_models(answers: Iterable[Recommendation]) -> list[tuple[str, bool, int]]:
    """Counts by model: (model, whether it is a fallback, count)."""
    counts = Counter((answer.model, answer.fallback) for answer in answers)
    return [(model, fallback, count) for (model, fallback), count in counts.items()]


class ResponseCache:
    """The most recently used responses, up to a number of bytes.

    They belong to one bundle and never change; a new bundle has a new cache. They are compressed,
    so that more fit: decompression takes far less time than a query.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._entries: OrderedDict[tuple[str, int], EncodedComplements] = OrderedDict()

    def get(self, key: tuple[str, int]) -> EncodedComplements | None:
        """The response for a product and a number of recommendations; None if it is not cached."""
        packed = self._entries.get(key)
        if packed is None:
            return None
        self._entries.move_to_end(key)
        return EncodedComplements(zlib.decompress(packed.body), packed.models)

    def put(self, key: tuple[str, int], response: EncodedComplements) -> None:
        """Store a response in place of the least recently used ones."""
        if not self._max_bytes or key in self._entries:
            return
        packed = EncodedComplements(zlib.compress(response.body, level=1), response.models)
        if len(packed.body) > self._max_bytes:
            return
        self._entries[key] = packed
        self._bytes += len(packed.body)
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._entries.popitem(last=False)[1].body)
