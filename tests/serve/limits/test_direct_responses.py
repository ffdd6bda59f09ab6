"""Responses that the connection writes itself are those of the application."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from goeswith.serve.api_keys import new_key
from goeswith.serve.fast_path import DirectResponses
from goeswith.serve.limits.rate_limit import RateLimiter

from .conftest import read_all

PATH = "/v1/products/phone-1/complements"


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each request that came so far, whether its response was written directly."""
    found_direct: list[bool] = []
    find = DirectResponses.find

    def spy(self: DirectResponses, scope: Any) -> tuple[bytes, bytes] | None:
        response = find(self, scope)
        found_direct.append(response is not None)
        return response

    monkeypatch.setattr(DirectResponses, "find", spy)
    return found_direct


@pytest.mark.parametrize("query", ["", "?k=3", "?per_type=1&diversity=.5"])
@pytest.mark.parametrize("cache_mb", [0, 1])
def test_a_direct_response_is_that_of_the_application(
    running: Any, found: list[bool], query: str, cache_mb: int
) -> None:
    service = running(cache_mb=cache_mb)
    with httpx.Client(base_url=service.address) as client:
        direct = [client.get(PATH + query) for _ in range(3)]
        assert found == [True] * 3
        plain = client.get(PATH + query, headers={"origin": "https://shop.example"})
    assert len(found) == 3
    for one in direct:
        assert one.content == plain.content
        assert {**one.headers, "date": ""} == {**plain.headers, "date": ""}
    counted = 'goeswith_requests_total{method="GET",route="/v1/products/{product_id}/complements"'
    assert f'{counted},status="200"}} 4.0' in service.get("/metrics").text


@pytest.mark.parametrize(
    "path", [PATH + "?ban=case-1", PATH.replace("1", "none"), PATH + "?k=0", "/v1/products/phone-1"]
)
def test_everything_else_is_left_to_the_application(
    running: Any, found: list[bool], path: str
) -> None:
    service = running()
    assert service.get(path).status_code in {200, 404, 422}
    assert True not in found


def test_requests_that_arrive_at_once_are_answered_in_order(
    running: Any, found: list[bool]
) -> None:
    service = running()
    head = "GET /v1/products/{}/complements HTTP/1.1\r\nHost: localhost\r\n{}\r\n"
    end = "Connection: close\r\n"
    products = ["phone-1", "phone-2", "case-1"]
    ends = ["", "", end]
    requests = [head.format(*one) for one in zip(products, ends, strict=True)]
    with service.connect() as client:
        client.sendall("".join(requests).encode())
        raw = read_all(client).decode()
    places = [raw.index(f'"product_id":"{product}","complements"') for product in products]
    assert places == sorted(places)
    assert found == [True]


def test_keys_and_rates_hold(running: Any, found: list[bool], tmp_path: Path) -> None:
    key, line = new_key("shop")
    keys = tmp_path / "keys.txt"
    keys.write_text(line + "\n")
    service = running(keys_file=str(keys), rate=0.001, burst=2)
    assert service.get(PATH).status_code == 401
    statuses = [service.get(PATH, headers={"x-api-key": key}).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert found == [False, True, True, False]


def test_a_request_that_is_handed_on_takes_one_token(
    running: Any, found: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    monkeypatch.setattr(RateLimiter, "take", lambda _, client: taken.append(client) or 0.0)
    service = running(rate=1.0, burst=2)
    assert service.get(PATH + "?ban=case-1").status_code == 200
    assert len(taken) == 1
    assert found == [False]


def test_an_error_is_reported_by_the_application(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = running()

    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("goeswith.query.bundle.Bundle.precomputed", fail)
    assert service.get(PATH).status_code == 500
