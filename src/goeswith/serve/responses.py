"""Answers as bytes. Their shapes are documented by the routes, and not checked again for each."""

from __future__ import annotations

import zlib
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from goeswith.query.answer import Answer
    from goeswith.query.bundle import Bundle


def told(bundle: Bundle, **content: Any) -> Response:
    """An answer of a bundle; a dataclass in it is written as an object."""
    body = orjson.dumps({"bundle": bundle.id, **content})
    return Response(body, media_type="application/json")


class Complements(NamedTuple):
    """The answers of one product, as they are sent.

    Attributes:
        body: JSON.
        models: (model, whether as a fallback, how many), to be counted each time.
    """

    body: bytes
    models: list[tuple[str, bool, int]]

    @classmethod
    def of(cls, bundle: Bundle, product_id: str, answers: list[Answer]) -> Complements:
        """Write them down."""
        content = {"bundle": bundle.id, "product_id": product_id, "complements": answers}
        return cls(orjson.dumps(content), models_of(answers))


def models_of(answers: Iterable[Answer]) -> list[tuple[str, bool, int]]:
    """Who gave answers: (model, whether as a fallback, how many)."""
    counts = Counter((answer.model, answer.fallback) for answer in answers)
    return [(model, fallback, count) for (model, fallback), count in counts.items()]


class Remembered:
    """Answers as they were sent, those asked for last, up to a number of bytes.

    They are of one bundle and never change; a new bundle has its own. They are kept packed, so
    that more fit: unpacking takes far less than working an answer out.
    """

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._kept: OrderedDict[tuple[str, int], Complements] = OrderedDict()

    def get(self, key: tuple[str, int]) -> Complements | None:
        """What was kept for a product and a number of answers."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return Complements(zlib.decompress(found.body), found.models)

    def keep(self, key: tuple[str, int], answer: Complements) -> None:
        """Keep an answer in place of those that nobody asked for since longest."""
        if not self._most or key in self._kept:
            return
        packed = Complements(zlib.compress(answer.body, level=1), answer.models)
        if len(packed.body) > self._most:
            return
        self._kept[key] = packed
        self._bytes += len(packed.body)
        while self._bytes > self._most:
            self._bytes -= len(self._kept.popitem(last=False)[1].body)
