from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from goeswith.serve.api_keys import new_key
from goeswith.serve.limits.rate_limit import MAX_CLIENTS, RateLimiter, client_key


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 20),
    waits=st.lists(st.floats(0, 5), min_size=1, max_size=60),
)
def test_never_more_than_the_burst_and_the_rate_get_through(
    rate: float, burst: int, waits: list[float]
) -> None:
    rates, now, through = RateLimiter(rate, burst), 0.0, 0
    for wait in waits:
        now += wait
        through += not rates.take("a", now)
    assert through <= burst + rate * now + 1e-6


@given(rate=st.floats(0.1, 100), burst=st.integers(1, 20))
def test_who_waits_as_long_as_required_gets_through(rate: float, burst: int) -> None:
    rates = RateLimiter(rate, burst)
    for _ in range(burst):
        assert rates.take("a", 0) == 0
    wait = rates.take("a", 0)
    assert 0 < wait <= 1 / rate + 1e-9
    assert rates.take("a", wait * (1 + 1e-9) + 1e-9) == 0
    assert rates.take("b", 0) == 0


def test_the_table_of_askers_is_bounded() -> None:
    rates = RateLimiter(1, 1)
    for i in range(MAX_CLIENTS + 100):
        rates.take(str(i), 0)
    assert len(rates._buckets) == MAX_CLIENTS


def test_clients_are_distinguished_by_address_and_ipv6_by_network() -> None:
    assert client_key("10.0.0.1") != client_key("10.0.0.2")
    assert client_key("2001:db8::1") == client_key("2001:db8::2:3")
    assert client_key("2001:db8:0:1::1") != client_key("2001:db8:0:2::1")
    assert client_key("::ffff:10.0.0.1") == "10.0.0.1"
    assert client_key("fe80::1%eth0") == client_key("fe80::2")
    assert client_key("not:an:address") == "not:an:address"


def test_too_many_requests_are_given_a_time_to_come_again(serve: Any) -> None:
    client = serve(rate=0.001, burst=2)
    address = "/v1/products/phone-1/complements"
    assert [client.get(address).status_code for _ in range(3)] == [200, 200, 429]
    response = client.get(address)
    assert int(response.headers["retry-after"]) >= 1
    assert response.json()["status"] == 429
    assert client.get("/v1/health/live").status_code == 200


def test_each_key_has_its_own_rate(serve: Any, tmp_path: Path) -> None:
    (one, first), (two, second) = new_key("one"), new_key("two")
    (tmp_path / "keys").write_text(f"{first}\n{second}\n")
    client = serve(rate=0.001, burst=1, keys_file=str(tmp_path / "keys"))

    def ask(key: str) -> int:
        return int(client.get("/v1/bundle", headers={"X-API-Key": key}).status_code)

    assert [ask(one), ask(one), ask(two), ask(two)] == [200, 429, 200, 429]
