from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from goeswith.query.bundle import Bundle
from goeswith.serve.responses import EncodedComplements, ResponseCache

LIMITS = ["?per_type=1", "?per_type=2&k=8", "?k=4&diversity=.3&per_type=1000", "?diversity=1.0"]


@pytest.mark.parametrize("query", ["", "?k=1", "?k=8", "?k=08", *LIMITS])
@pytest.mark.parametrize("product", ["phone-1", "camera-9"])
def test_the_short_way_answers_as_the_route_does(client: Any, product: str, query: str) -> None:
    address = f"/v1/products/{product}/complements"
    # a parameter that changes nothing has the route answer
    long = client.get(address + (f"{query}&" if query else "?") + "when_sold_out=0")
    for _ in range(2):  # computed, then cached
        short = client.get(address + query)
        assert short.json() == long.json()
        assert short.headers["content-type"] == long.headers["content-type"]


@pytest.mark.parametrize(
    "query",
    [
        *("?per_type=0", "?per_type=1001", "?per_type=1&per_type=2", "?diversity=1.1"),
        *("?diversity=nan", "?diversity=-0", "?per_type=1&ban=case-1", "?per_type="),
        "?k=0",
        "?k=9",
        "?k=-1",
        "?k=",
        "?k=٣",
        "?k=00001",
        "?k=1&k=9",
        "?model=none",
        "?k=%31",
    ],
)
def test_what_is_out_of_the_ordinary_goes_the_long_way(
    client: Any, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = []
    monkeypatch.setattr(ResponseCache, "put", lambda _, key, answer: keep.append(key))
    client.get(f"/v1/products/phone-2/complements{query}")
    assert keep == []


@pytest.mark.parametrize("query", LIMITS)
def test_limits_need_no_route(client: Any, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = []
    monkeypatch.setattr(ResponseCache, "put", lambda _, key, answer: keep.append(key))
    assert client.get(f"/v1/products/phone-2/complements{query}").status_code == 200
    assert len(keep) == 1


def test_limits_take_the_route_where_a_product_is_sold_out(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve()
    bundle = client.app.state.snapshot_holder().bundle
    monkeypatch.setattr(type(bundle.live), "has_unavailable", True)
    cache = client.app.state.snapshot_holder().cache
    assert client.get("/v1/products/phone-2/complements?per_type=1").status_code == 200
    assert cache._entries == {}


def test_a_response_is_computed_once_while_it_is_cached(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, computed = serve(), []
    plain = Bundle.precomputed

    def counted(bundle: Bundle, product_id: str, *given: Any) -> Any:
        computed.append(product_id)
        return plain(bundle, product_id, *given)

    monkeypatch.setattr(Bundle, "precomputed", counted)
    for product in ("phone-1", "phone-2", "phone-1", "phone-2"):
        assert client.get(f"/v1/products/{product}/complements").json()["product_id"] == product
    assert computed == ["phone-1", "phone-2"]
    client.get("/v1/products/phone-1/complements?k=3")
    assert computed == ["phone-1", "phone-2", "phone-1"]


def test_nothing_is_cached_if_the_settings_allow_no_memory(serve: Any) -> None:
    client = serve(cache_mb=0)
    for _ in range(2):
        assert client.get("/v1/products/phone-1/complements").status_code == 200
    assert client.app.state.snapshot_holder().cache._entries == {}


def test_memory_of_answers_is_bounded_and_forgets_the_one_used_longest_ago() -> None:
    draw = np.random.default_rng(0)  # random bytes, which packing does not make fewer
    bodies = {name: draw.bytes(300) for name in "abcd"}
    cache = ResponseCache(1000)
    for name in "abc":
        cache.put((name, 1, None, None), EncodedComplements(bodies[name], []))
    assert cache.get(("a", 1, None, None)) == EncodedComplements(bodies["a"], [])
    cache.put(("d", 1, None, None), EncodedComplements(bodies["d"], []))
    held = {name for name, *_ in (*cache._entries, *cache._packed)}
    assert held == {"a", "c", "d"}
    cache.put(("e", 1, None, None), EncodedComplements(draw.bytes(1001), []))
    assert cache.get(("e", 1, None, None)) is None
    assert 900 < cache._bytes <= 1000


def test_responses_used_last_stay_as_they_are_and_the_others_are_compressed() -> None:
    cache = ResponseCache(10_000)
    bodies = [(b"%d," % i) * 800 for i in range(10, 40)]  # 2,400 bytes, of which few are different
    for i, body in enumerate(bodies):
        cache.put((str(i), 1, None, None), EncodedComplements(body, [], i))
        assert cache._bytes <= 10_000
    for turn in range(3):
        for i, body in enumerate(bodies):
            assert cache.get((str(i), 1, None, None)) == EncodedComplements(body, [], i), turn
            held = [*cache._entries.values(), *cache._packed.values()]
            assert sum(len(entry.body) for entry in held) == cache._bytes <= 10_000
            assert sum(len(entry.body) for entry in cache._entries.values()) == cache._plain_bytes
    assert len(cache._entries) >= 2
    assert len(cache._packed) == len(bodies)
