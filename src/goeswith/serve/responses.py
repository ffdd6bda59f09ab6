"""JSON responses. The routes declare their schemas; responses are not validated."""

from __future__ import annotations

import zlib
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from goeswith.query.bundle import Bundle
    from goeswith.query.recommendation import Recommendation
    from goeswith.query.recommendation_list import RecommendationList


CacheKey: TypeAlias = tuple[str, int, int | None, float | None]
"""Product, number of recommendations, maximum per type and diversity."""


def json_response(bundle: Bundle, **content: Any) -> Response:
    """A JSON response with the id of the bundle; a dataclass becomes an object."""
    body = orjson.dumps({"bundle": bundle.id, **content})
    return Response(body, media_type="application/json")


def list_response(
    bundle: Bundle, key: str, answers: RecommendationList[Any], **content: Any
) -> Response:
    """A JSON response with recommendations, what was skipped, and the rules that changed them."""
    lists = {key: answers, "skipped": answers.skipped, "rules": answers.rules}
    return json_response(bundle, **content, **lists)


class EncodedComplements(NamedTuple):
    """The response with the complements of one product.

    Attributes:
        body: JSON.
        models: (model, whether it is a fallback, count), for the metrics.
        row: of the product.
        version: of the live facts that it was made with.
    """

    body: bytes
    models: list[tuple[str, bool, int]]
    row: int = 0
    version: int = 0

    @classmethod
    def encode(
        cls,
        bundle: Bundle,
        product_id: str,
        answers: RecommendationList[Recommendation],
        version: int,
    ) -> EncodedComplements:
        """Encode recommendations that were made with a version of the live facts."""
        content = {
            "bundle": bundle.id,
            "product_id": product_id,
            "complements": answers,
            "skipped": answers.skipped,
            "rules": answers.rules,
        }
        row = bundle.products.row(product_id)
        return cls(orjson.dumps(content), count_models(answers), row, version)


def count_models(answers: Iterable[Recommendation]) -> list[tuple[str, bool, int]]:
    """Counts by model: (model, whether it is a fallback, count)."""
    counts = Counter((answer.model, answer.fallback) for answer in answers)
    return [(model, fallback, count) for (model, fallback), count in counts.items()]


class ResponseCache:
    """The most recently used responses, up to a number of bytes.

    They belong to one bundle; a new bundle has a new cache. A response is dropped once a fact of
    its product or of the product's precomputed list has changed. They are compressed, so that more
    fit: decompression takes far less time than a query.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._entries: OrderedDict[CacheKey, EncodedComplements] = OrderedDict()
        self._rules_version = 0

    def drop_outdated(self, key: CacheKey, bundle: Bundle) -> None:
        """Drop the response for a key if facts or rules have changed what it depends on."""
        if self._rules_version != bundle.rules.version:
            self._rules_version = bundle.rules.version
            self._entries.clear()
            self._bytes = 0
        entry, version = self._entries.get(key), bundle.live.version
        if entry is None or entry.version == version:
            return
        targets, _, _ = bundle.top_k_lists.for_product(entry.row, bundle.k)
        if bundle.live.is_unchanged(np.append(targets, entry.row), entry.version):
            self._entries[key] = entry._replace(version=version)
        else:
            self._bytes -= len(self._entries.pop(key).body)

    def get(self, key: CacheKey) -> EncodedComplements | None:
        """The response for a product and limits; None if it is not cached."""
        packed = self._entries.get(key)
        if packed is None:
            return None
        self._entries.move_to_end(key)
        return EncodedComplements(zlib.decompress(packed.body), packed.models)

    def put(self, key: CacheKey, response: EncodedComplements) -> None:
        """Store a response in place of the least recently used ones."""
        if not self._max_bytes or key in self._entries:
            return
        packed = response._replace(body=zlib.compress(response.body, level=1))
        if len(packed.body) > self._max_bytes:
            return
        self._entries[key] = packed
        self._bytes += len(packed.body)
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._entries.popitem(last=False)[1].body)
