from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from goeswith.serve.limits import body_limit, rate_limit
from goeswith.serve.limits.rate_limit import TOKEN_SECONDS, RateLimiter
from goeswith.settings.serve_settings import ServeSettings


def status(client: Any, host: str) -> int:
    return int(client.get("/v1/bundle", headers={"Host": host}).status_code)


def test_a_service_of_this_machine_answers_to_no_other_name(client: Any, serve: Any) -> None:
    for host in ("localhost", "127.0.0.1:8000", "[::1]:8000", "LocalHost:1"):
        assert status(client, host) == 200
    for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost:x", ""):
        assert status(client, host) == 421
    response = client.get("/v1/health/live", headers={"Host": "evil.example"})
    assert response.status_code == 421
    assert "serve.hosts" in response.json()["detail"]
    assert status(serve(host="0.0.0.0"), "evil.example") == 200
    listed = serve(host="0.0.0.0", hosts=["Shop.example"])
    assert [status(listed, host) for host in ("shop.example:80", "localhost", "evil.example")] == [
        200,
        200,
        421,
    ]


def test_no_redirect_repeats_the_host(client: Any) -> None:
    response = client.get("/v1/bundle/")
    assert response.status_code == 404
    assert "location" not in response.headers


def test_long_work_costs_more_tokens(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = RateLimiter(1, 10)
    assert rates.take("a", 0) == 0
    rates.charge("a", TOKEN_SECONDS / 2, 0)
    assert rates.take("a", 0) == 0
    rates.charge("a", 20.5 * TOKEN_SECONDS, 0)
    assert rates.take("a", 0) == pytest.approx(13)
    assert rates.take("a", 13) == 0
    monkeypatch.setattr(rate_limit, "TOKEN_SECONDS", 1e-5)
    client = serve(rate=0.001, burst=10)
    assert client.get("/v1/basket?product=phone-1").status_code == 200
    assert client.get("/v1/basket?product=phone-1").status_code == 429


def test_the_bodies_of_all_requests_are_bounded(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_limit, "MAX_BUFFERED", 200)
    client = serve()
    body = {"product_ids": ["phone-1"] * 20}
    response = client.many([("POST", "/v1/batch", {"json": body})] * 3)
    assert sorted(one.status_code for one in response) == [200, 503, 503]
    assert client.post("/v1/batch", json=body).status_code == 200


def test_a_proxy_is_an_address_or_a_network() -> None:
    with pytest.raises(ValidationError):
        ServeSettings(trusted_proxies=["proxy.example"])
