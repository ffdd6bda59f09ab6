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
    its product or of the product's precomputed list has changed. If not all fit, those used last
    fill half of the bytes as they are, and the others are compressed: decompression takes far less
    time than a query, but longer than the rest of a cached answer.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._bytes, self._plain_bytes = max_bytes, 0, 0
        self._entries: OrderedDict[CacheKey, EncodedComplements] = OrderedDict()
        self._packed: OrderedDict[CacheKey, EncodedComplements] = OrderedDict()
        self._rules_version = 0

    def drop_outdated(self, key: CacheKey, bundle: Bundle) -> None:
        """Drop the response for a key if facts or rules have changed what it depends on."""
        if self._rules_version != bundle.rules.version:
            self._rules_version = bundle.rules.version
            self._entries.clear()
            self._packed.clear()
            self._bytes = self._plain_bytes = 0
        entry, version = self._entries.get(key) or self._packed.get(key), bundle.live.version
        if entry is None or entry.version == version:
            return
        targets, _, _ = bundle.top_k_lists.for_product(entry.row, bundle.k)
        if bundle.live.is_unchanged(np.append(targets, entry.row), entry.version):
            for entries in (self._entries, self._packed):
                if key in entries:
                    entries[key] = entries[key]._replace(version=version)
        else:
            self._take(self._entries, key)
            self._take(self._packed, key)

    def get(self, key: CacheKey) -> EncodedComplements | None:
        """The response for a product and limits; None if it is not cached."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            return entry
        packed = self._packed.get(key)
        if packed is None:
            return None
        # the compressed copy stays, so that it need not be compressed again
        self._packed.move_to_end(key)
        entry = packed._replace(body=zlib.decompress(packed.body))
        self._add(key, entry)
        return entry

    def put(self, key: CacheKey, response: EncodedComplements) -> None:
        """Store a response in place of the least recently used ones."""
        is_stored = key in self._entries or key in self._packed
        if not is_stored and len(response.body) <= self._max_bytes:
            self._add(key, response)

    def _add(self, key: CacheKey, entry: EncodedComplements) -> None:
        self._entries[key] = entry
        self._bytes += len(entry.body)
        self._plain_bytes += len(entry.body)
        while self._bytes > self._max_bytes:
            if self._packed and 2 * self._plain_bytes <= self._max_bytes:
                self._take(self._packed, next(iter(self._packed)))
                continue
            oldest = next(iter(self._entries))
            old = self._take(self._entries, oldest)
            if oldest in self._packed:
                self._packed.move_to_end(oldest)
            elif old is not None:
                packed = old._replace(body=zlib.compress(old.body, level=1))
                self._packed[oldest] = packed
                self._bytes += len(packed.body)

    def _take(
        self, entries: OrderedDict[CacheKey, EncodedComplements], key: CacheKey
    ) -> EncodedComplements | None:
        """Take one out of the plain or the compressed entries."""
        entry = entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.body)
            if entries is self._entries:
                self._plain_bytes -= len(entry.body)
        return entry
