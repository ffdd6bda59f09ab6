# ruff: noqa: E501 - a table
"""Odd and hostile requests to a service of the bundle of `hostile_files.small_bundle`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

COMPLEMENTS: Final = "/v1/products/P0/complements"


@dataclass
class RequestInput:
    """A request, and the status that it should have; `part` is in the body of the response."""

    name: str
    method: str
    path: str
    expected: int
    part: str = ""
    given: dict[str, Any] = field(default_factory=dict)


def get(name: str, path: str, expected: int, part: str = "", **given: Any) -> RequestInput:
    return RequestInput(name, "GET", path, expected, part, given)


def post(name: str, path: str, expected: int, body: Any, part: str = "") -> RequestInput:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"content": content, "headers": {"content-type": "application/json"}}
    return RequestInput(name, "POST", path, expected, part, given)


def queries() -> Iterator[RequestInput]:
    yield get("complements", COMPLEMENTS, 200, "P1")
    for k, expected in (
        ("0", 422), ("-1", 422), ("1e9", 422), ("99999999999999999999", 422), ("NaN", 422),
        ("1.5", 422), ("", 422), ("2", 200), ("00002", 200), ("٢", 422), ("2&k=3", 200),
        ("8\x00", 422), (" 2", 200),
    ):  # fmt: skip
        yield get(f"k={k!r}", f"{COMPLEMENTS}?k={quote(k, safe='&=')}", expected)
    for product, expected in (
        ("nothing", 404), ("P0%00", 404), ("%ff%fe", 404), ("..%2f..%2fetc%2fpasswd", 404),
        ("../../etc/passwd", 404), ("P" * 50_000, 404), ("%F0%9F%92%A9", 404), ("P0%20", 404),
        ("%0d%0aSet-Cookie:a=b", 404), ("<script>", 404), ("p0", 404),
    ):  # fmt: skip
        yield get(f"product {product[:20]}", f"/v1/products/{product}/complements", expected)
    for diversity, expected in (("0.5", 200), ("2", 422), ("-0.1", 422), ("nan", 422),
                                ("inf", 422), ("1e-400", 200), ("0,5", 422)):  # fmt: skip
        yield get(f"diversity={diversity}", f"{COMPLEMENTS}?diversity={diversity}", expected)
    for where, expected in (
        ("price<=20", 200), ("price", 422), ("price<<20", 422), ("price<=", 422),
        ("price<=NaN", 422), ("price<=1e999", 422), ("price<=20€", 422), ("nothing=1", 200),
        ("=1", 422), ("title contains ", 200), ("title contains (((((", 200), ("price=20=30", 422),
        ("brand in " + "|".join(["x"] * 101), 422), ("title=" + "x" * 600, 422),
        ("product_id=P1", 200), ("title contains \x00", 200), ("price<=20 and price>=1", 422),
        ("_row=1", 200), ("__class__=1", 200), ("price in 1|2", 200), ("title<=5", 422),
    ):  # fmt: skip
        path = f"{COMPLEMENTS}?where={quote(where)}"
        yield get(f"where={where[:24]!r}", path, expected, "" if expected == 200 else "detail")
    yield get("21 filters", COMPLEMENTS + "?" + "&".join(["where=price<=20"] * 21), 422)
    yield get("101 bans", COMPLEMENTS + "?" + "&".join(["ban=P1"] * 101), 422)
    yield get("a ban of the answer", COMPLEMENTS + "?ban=P1", 200)
    yield get("an unknown ban", COMPLEMENTS + "?ban=nothing", 200, "no such product")
    yield get("a pin of itself", COMPLEMENTS + "?pin=P0", 200)
    yield get("an unknown parameter", COMPLEMENTS + "?kk=2", 422, "k")
    yield get("a market", COMPLEMENTS + "?market=%00", 200)
    yield get("per_type=0", COMPLEMENTS + "?per_type=0", 422)
    yield get("search", "/v1/search?q=thing", 200, "P0")
    yield get("search of nothing", "/v1/search?q=", 422)
    yield get("search of 10,000", "/v1/search?q=" + "x" * 10_000, 422)
    yield get("search of marks", "/v1/search?q=" + quote("Z" + "\u0301" * 100), 200)
    yield get("search of zero bytes", "/v1/search?q=%00%00", 200)
    yield get("search of half a pair", "/v1/search?q=%ED%A0%80", 200)
    yield get("a basket", "/v1/basket?product=P0&product=P1", 200)
    yield get("a basket of none", "/v1/basket", 422)
    yield get("a basket of 4,000", "/v1/basket?" + "&".join(["product=P0"] * 4_000), 422)
    yield get("a basket of one unknown", "/v1/basket?product=P0&product=nothing", 404)
    yield get("compare", "/v1/compare?source=P0&target=P1", 200)
    yield get("compare with itself", "/v1/compare?source=P0&target=P0", 200)
    yield get("a kind", "/v1/kinds/nothing", 404)
    yield get("a page", "/..%2f..%2fetc/passwd", 404)
    yield get("best sellers", "/v1/best-sellers?k=100000", 422)


def methods_and_headers() -> Iterator[RequestInput]:
    for method, path, expected in (
        ("POST", COMPLEMENTS, 405), ("DELETE", "/v1/products/P0", 403), ("PUT", COMPLEMENTS, 405),
        ("TRACE", COMPLEMENTS, 405), ("BREW", COMPLEMENTS, 405), ("HEAD", COMPLEMENTS, 405),
        ("PATCH", "/v1/products/P0", 403),
    ):  # fmt: skip
        content = b"{}" if method in ("PATCH",) else b""
        yield RequestInput(f"{method} {path[-12:]}", method, path, expected, "",
                           {"content": content})  # fmt: skip
    for name, headers, expected in (
        ("another host", {"host": "evil.example"}, 421), ("no host", {"host": ""}, 421),
        ("an address as host", {"host": "127.0.0.1:8000"}, 200),
        ("a header of 100 KB", {"x-a": "a" * 100_000}, 200),
        ("1,000 headers", {f"x-{i}": "a" for i in range(1000)}, 200),
        ("a forwarded address", {"x-forwarded-for": "1.2.3.4, " * 100}, 200),
        ("a bad key", {"authorization": b"Bearer \xff"}, 200),
        ("an odd accept", {"accept": "*/*;q=NaN"}, 200),
        ("a range", {"range": "bytes=0-0,-1,5-2"}, 200),
        ("an old etag", {"if-none-match": '"x"' * 1000}, 200),
        ("an origin", {"origin": "null"}, 200),
    ):  # fmt: skip
        yield get(name, COMPLEMENTS, expected, headers=headers)


def bodies() -> Iterator[RequestInput]:
    batch, new = "/v1/batch", "/v1/complements"
    deep = b"[" * 100_000
    yield post("a batch", batch, 200, {"product_ids": ["P0", "P1"], "k": 2}, "P1")
    yield post("a batch of unknown ones", batch, 200, {"product_ids": ["P0", "nothing"]}, "nothing")
    for name, body, expected in (
        ("no JSON", b"{", 422), ("no object", [], 422), ("null", None, 422), ("empty", b"", 422),
        ("deep", deep, 422), ("deep objects", b'{"a":' * 50_000, 422), ("NaN", b'{"k":NaN}', 422),
        ("no products", {"product_ids": []}, 422), ("products of text", {"product_ids": "P0"}, 422),
        ("products of numbers", {"product_ids": [1]}, 422), ("a large k", {"product_ids": ["P0"],
         "k": 10**30}, 422), ("k of text", {"product_ids": ["P0"], "k": "many"}, 422),
        ("half a pair", b'{"product_ids": ["\\ud800"]}', 422), ("not UTF-8", b'{"product_ids":["\xff"]}', 422),
        ("100,000 products", {"product_ids": ["P0"] * 100_000}, 422), ("a repeated key",
         b'{"product_ids": ["P0"], "product_ids": ["P1"]}', 200), ("an unknown key", {"product_ids": ["P0"],
         "kk": 1}, 422), ("a number of 5,000 digits", b'{"k":' + b"9" * 5000 + b"}", 422),
        ("zero bytes", b"\0" * 100, 422), ("a mark", b'\xef\xbb\xbf{"product_ids": ["P0"]}', 200),
        ("2 MB", b'{"product_ids": ["' + b"x" * 2_000_000 + b'"]}', 413),
    ):  # fmt: skip
        yield post(f"batch: {name}", batch, expected, body)
    for name, attributes, expected in (
        ("a title", {"title": "Thing 9", "type": "t0"}, 200), ("none", {}, 422),
        ("a title of 1 MB", {"title": "x" * 900_000}, 422), ("a number", {"title": 5}, 200),
        ("an object", {"title": {"a": 1}}, 422), ("zero bytes", {"title": "a\0b"}, 200),
        ("an unknown attribute", {"titel": "x"}, 422), ("a price of text", {"title": "Thing 1",
         "price": "free"}, 422), ("an id of the catalogue", {"product_id": "P0", "title": "x"}, 422),
        ("half a pair", {"title": "\ud800"}, 422),
    ):  # fmt: skip
        yield post(f"new product: {name}", new, expected, {"attributes": attributes})
    yield post("feedback that is off", "/v1/feedback", 404,
               {"events": [{"event": "click", "product_id": "P1"}]})  # fmt: skip
    yield post("a rule without the right", "/v1/rules", 403, {"rules": []})
    yield post(
        "a change without the right",
        "/v1/products",
        403,
        {"products": [{"product_id": "P0", "deleted": True}]},
    )
    yield post(
        "a label",
        "/v1/labels",
        403,
        {"labels": [{"source": "P0", "target": "P1", "label": "complement"}]},
    )


EDITS: Final = "edits "
"""Start of the names of requests to a service that takes changes, feedback and labels."""


def changes() -> Iterator[RequestInput]:
    for name, attributes, expected in (
        ("a price", {"price": 5}, 200), ("NaN", b'{"attributes": {"price": NaN}}', 422),
        ("infinity", b'{"attributes": {"price": 1e999}}', 422), ("text", {"price": "free"}, 422),
        ("a negative price", {"price": -5}, 422), ("a list", {"price": [1]}, 422),
        ("a title", {"title": "x"}, 422), ("the id", {"product_id": "x"}, 422),
        ("nothing", {}, 200), ("an unknown one", {"prise": 1}, 422), ("stock", {"stock": -1}, 200),
        ("in_stock", {"in_stock": "maybe"}, 422), ("long text", {"in_stock": "x" * 20_000}, 422),
        ("true", {"price": True}, 422), ("a price of text digits", {"price": "5.5"}, 200),
    ):  # fmt: skip
        content = attributes if isinstance(attributes, bytes) else json.dumps(
            {"attributes": attributes}).encode()  # fmt: skip
        yield RequestInput(f"{EDITS}{name}", "PATCH", "/v1/products/P1", expected, "",
                           {"content": content, "headers": {"content-type": "application/json"}})  # fmt: skip
    for name, rule, expected in (
        ("a ban", {"id": "r1", "action": "ban", "target": {"products": ["P2"]}}, 200),
        ("no id", {"action": "ban", "target": {"products": ["P2"]}}, 422),
        ("an id of markup", {"id": "<b>", "action": "ban"}, 422),
        ("an unknown action", {"id": "r2", "action": "drop"}, 422),
        ("a ban of all", {"id": "r3", "action": "ban"}, 422),
        ("a filter that is none", {"id": "r4", "action": "ban", "target": {"where": ["price"]}}, 422),
        ("a rank of 0", {"id": "r5", "action": "pin", "rank": 0, "target": {"products": ["P2"]}}, 422),
        ("an end before the start", {"id": "r6", "action": "ban", "target": {"products": ["P2"]},
         "start": "2025-01-01", "end": "2024-01-01"}, 422),
        ("a date that is none", {"id": "r7", "action": "ban", "target": {"products": ["P2"]},
         "start": "2025-13-01"}, 422),
        ("an infinite ratio", b'{"rules": [{"id":"r8","action":"ban","max_price_ratio":Infinity}]}',
         422),
        ("a note of 1 MB", {"id": "r9", "action": "ban", "target": {"products": ["P2"]},
         "note": "x" * 900_000}, 422),
    ):  # fmt: skip
        yield post(f"{EDITS}rule: {name}", "/v1/rules", expected,
                   rule if isinstance(rule, bytes) else {"rules": [rule]})  # fmt: skip
    for name, event, expected in (
        ("a click", {"event": "click", "product_id": "P1", "source_id": "P0"}, 202),
        ("no event", {}, 422), ("an unknown type", {"event": "glance", "product_id": "P1"}, 422),
        ("a product of 1 MB", {"event": "click", "product_id": "x" * 900_000}, 422),
        ("an unknown product", {"event": "click", "product_id": "nothing", "source_id": "P0"}, 202),
        ("a time of 9999", {"event": "click", "product_id": "P1", "source_id": "P0",
         "occurred_at": "9999-12-31T00:00:00Z"}, 202),
        ("zero bytes", {"event": "click", "product_id": "P1\0", "source_id": "P0"}, 202),
        ("an infinite price", b'{"events":[{"event":"cart","product_id":"P1","price":1e999}]}', 422),
        ("an object as user", {"event": "click", "product_id": "P1", "user_id": {}}, 422),
    ):  # fmt: skip
        yield post(f"{EDITS}feedback: {name}", "/v1/feedback", expected, event if isinstance(event, bytes) else {"events": [event]})  # fmt: skip
    for name, label, expected in (
        ("a label", {"source": "P0", "target": "P1", "label": "complement"}, 200),
        ("an unknown label", {"source": "P0", "target": "P1", "label": "good"}, 422),
        ("an unknown product", {"source": "P0", "target": "zz", "label": "complement"}, 404),
    ):
        yield post(f"{EDITS}{name}", "/v1/labels", expected, {"labels": [label]})


def all_requests() -> list[RequestInput]:
    """Every request."""
    parts = (queries, methods_and_headers, bodies, changes)
    return [entry for part in parts for entry in part()]


def client(bundle: Path, folder: Path) -> Callable[[RequestInput], httpx.Response]:
    """Sends requests to a service in this process; one that takes changes for those of `EDITS`."""
    from goeswith.serve.app import create_app
    from goeswith.settings.serve_settings import ServeSettings

    plain = create_app(bundle, ServeSettings(log=False, rate=0))
    edits = create_app(
        bundle,
        ServeSettings(
            log=False, rate=0, editors=["*"], feedback=str(folder / "feedback"),
            max_body=2_000_000,
        ),
    )  # fmt: skip

    def send(entry: RequestInput) -> httpx.Response:
        app = edits if entry.name.startswith(EDITS) else plain

        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as c:
                return await c.request(entry.method, entry.path, **entry.given)

        return asyncio.run(request())

    return send
