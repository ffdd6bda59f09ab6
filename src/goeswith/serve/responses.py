"""Answers as bytes. Their shapes are documented by the routes, and not checked again for each."""

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
    """An answer of a bundle; a dataclass in it is written as an object."""
    body = orjson.dumps({"bundle": bundle.id, **content})
    return Response(body, media_type="application/json")


class EncodedComplements(NamedTuple):
    """The answers of one product, as they are sent.

    Attributes:
        body: JSON.
        models: (model, whether as a fallback, how many), to be counted each time.
    """

    body: bytes
    models: list[tuple[str, bool, int]]

    @classmethod
    def encode(
        cls, bundle: Bundle, product_id: str, answers: list[Recommendation]
    ) -> EncodedComplements:
        """Write them down."""
        content = {"bundle": bundle.id, "product_id": product_id, "complements": answers}
        return cls(orjson.dumps(content), count_models(answers))


def count_models(answers: Iterable[Recommendation]) -> list[tuple[str, bool, int]]:
    """Who gave answers: (model, whether as a fallback, how many)."""
    counts = Counter((answer.model, answer.fallback) for answer in answers)
    return [(model, fallback, count) for (model, fallback), count in counts.items()]


class ResponseCache:
    """Answers as they were sent, those asked for last, up to a number of bytes.

    They are of one bundle and never change; a new bundle has its own. They are kept packed, so
    that more fit: unpacking takes far less than working an answer out.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._entries: OrderedDict[tuple[str, int], EncodedComplements] = OrderedDict()

    def get(self, key: tuple[str, int]) -> EncodedComplements | None:
        """What was kept for a product and a number of answers."""
        packed = self._entries.get(key)
        if packed is None:
            return None
        self._entries.move_to_end(key)
        return EncodedComplements(zlib.decompress(packed.body), packed.models)

    def put(self, key: tuple[str, int], response: EncodedComplements) -> None:
        """Keep an answer in place of those that nobody asked for since longest."""
        if not self._max_bytes or key in self._entries:
            return
        packed = EncodedComplements(zlib.compress(response.body, level=1), response.models)
        if len(packed.body) > self._max_bytes:
            return
        self._entries[key] = packed
        self._bytes += len(packed.body)
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._entries.popitem(last=False)[1].body)
