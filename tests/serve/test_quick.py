from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from goeswith.query.bundle import Bundle
from goeswith.serve.responses import EncodedComplements, ResponseCache


@pytest.mark.parametrize("query", ["", "?k=1", "?k=8", "?k=08"])
@pytest.mark.parametrize("product", ["phone-1", "camera-9"])
def test_the_short_way_answers_as_the_route_does(client: Any, product: str, query: str) -> None:
    address = f"/v1/products/{product}/complements"
    # a filter that everything meets has the route answer
    long = client.get(address + (f"{query}&" if query else "?") + "where=price>=0")
    for _ in range(2):  # worked out, then remembered
        short = client.get(address + query)
        assert short.json() == long.json()
        assert short.headers["content-type"] == long.headers["content-type"]


@pytest.mark.parametrize(
    "query",
    ["?k=0", "?k=9", "?k=-1", "?k=", "?k=٣", "?k=00001", "?k=1&k=9", "?model=none", "?k=%31"],
)
def test_what_is_out_of_the_ordinary_goes_the_long_way(
    client: Any, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = []
    monkeypatch.setattr(ResponseCache, "put", lambda _, key, answer: keep.append(key))
    client.get(f"/v1/products/phone-2/complements{query}")
    assert keep == []


def test_an_answer_is_worked_out_once_while_it_is_remembered(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, asked = serve(), []
    plain = Bundle.precomputed

    def counted(bundle: Bundle, product_id: str, *given: Any) -> Any:
        asked.append(product_id)
        return plain(bundle, product_id, *given)

    monkeypatch.setattr(Bundle, "precomputed", counted)
    for product in ("phone-1", "phone-2", "phone-1", "phone-2"):
        assert client.get(f"/v1/products/{product}/complements").json()["product_id"] == product
    assert asked == ["phone-1", "phone-2"]
    client.get("/v1/products/phone-1/complements?k=3")
    assert asked == ["phone-1", "phone-2", "phone-1"]


def test_nothing_is_remembered_where_the_settings_give_no_memory(serve: Any) -> None:
    client = serve(cache_mb=0)
    for _ in range(2):
        assert client.get("/v1/products/phone-1/complements").status_code == 200
    assert client.app.state.snapshot_holder().cache._entries == {}


def test_memory_of_answers_is_bounded_and_forgets_the_one_asked_longest_ago() -> None:
    draw = np.random.default_rng(0)  # random bytes, which packing does not make fewer
    bodies = {name: draw.bytes(300) for name in "abcd"}
    remembered = ResponseCache(1000)
    for name in "abc":
        remembered.put((name, 1), EncodedComplements(bodies[name], []))
    assert remembered.get(("a", 1)) == EncodedComplements(bodies["a"], [])
    remembered.put(("d", 1), EncodedComplements(bodies["d"], []))
    assert [remembered.get((name, 1)) is not None for name in "abcd"] == [True, False, True, True]
    remembered.put(("e", 1), EncodedComplements(draw.bytes(1001), []))
    assert remembered.get(("e", 1)) is None
    assert 900 < remembered._bytes <= 1000
