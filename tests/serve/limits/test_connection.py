from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from goeswith.serve.limits import connection

from .conftest import read_all

HEAD = b"GET /v1/health/live HTTP/1.1\r\nHost: localhost\r\n"


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1]) if response else 0


def test_a_head_within_the_limit_is_answered_and_a_larger_one_refused(running: Any) -> None:
    service = running(keys_file=None)
    end = b"Connection: close\r\n\r\n"
    small = HEAD + b"X-A: " + b"a" * 60_000 + b"\r\n" + end
    assert status(service.send(small)) == 200
    for large in (
        HEAD + b"X-A: " + b"a" * 70_000 + b"\r\n" + end,
        HEAD + b"".join(b"X-%d: a\r\n" % i for i in range(10_000)) + end,
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n" + end,
        HEAD + b"X-A: " + b"a" * 200_000,  # without an end
    ):
        response = service.send(large)
        assert status(response) == 431
        assert b"connection: close" in response.lower()
        assert b"application/problem+json" in response
    assert service.get("/v1/health/live").status_code == 200
    assert 'goeswith_connections_refused_total{status="431"} 4.0' in service.get("/metrics").text


def test_an_endless_header_value_ends_after_the_limit(running: Any) -> None:
    service = running()
    with service.connect() as client:
        client.sendall(HEAD + b"X-A: ")
        sent = 0
        try:
            while sent < 50_000_000:
                sent += client.send(b"a" * 65_536)
        except OSError:
            pass
        assert sent < 20_000_000  # what the buffers of the system take


@pytest.mark.parametrize(
    ("sent", "seconds", "expected"),
    [
        (HEAD, "HEAD_SECONDS", 408),
        (b"", "HEAD_SECONDS", 0),
        (b"\r\n", "HEAD_SECONDS", 0),
        (
            b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
            "BODY_SECONDS",
            408,
        ),
    ],
    ids=["half a head", "nothing", "an empty line", "half a body"],
)
def test_what_does_not_arrive_in_time_ends_the_connection(
    running: Any, monkeypatch: pytest.MonkeyPatch, sent: bytes, seconds: str, expected: int
) -> None:
    monkeypatch.setattr(connection, seconds, 0.3)
    service = running()
    started = time.monotonic()
    assert status(service.send(sent)) == expected
    assert time.monotonic() - started < 10
    assert service.get("/v1/health/live").status_code == 200


def test_a_body_that_nobody_reads_ends_the_connection(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 0.3)
    service = running()
    for head, expected in (
        (b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99000000\r\n\r\n", 413),
        (b"GET /v1/bundle HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99000000\r\n\r\n", 200),
    ):
        assert status(service.send(head + b"x" * 1000)) == expected
    with service.connect() as client:  # trailers without an end
        client.sendall(
            b"GET /v1/bundle HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        )
        sent = 0
        try:
            while sent < 50_000_000:
                sent += client.send(b"x-a: " + b"a" * 60_000 + b"\r\n")
        except OSError:
            pass
        assert sent < 20_000_000


def test_a_new_connection_takes_the_place_of_the_slowest(running: Any) -> None:
    service = running(max_connections=5)
    slow = [service.connect() for _ in range(30)]
    for client in slow:
        try:
            client.sendall(HEAD)
        except OSError:
            continue
    for _ in range(5):
        assert service.get("/v1/health/live").status_code == 200
    ended = [client for client in slow if read_some(client) == b""]
    assert len(ended) >= 25
    for client in slow:
        client.close()


def read_some(client: socket.socket) -> bytes | None:
    """What is there; None if nothing is, b"" if the connection has ended."""
    client.settimeout(0.05)
    try:
        return client.recv(1000)
    except TimeoutError:
        return None
    except OSError:
        return b""


def test_without_a_place_a_connection_is_refused(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = running(max_connections=1)
    with service.connect() as busy:
        busy.sendall(b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.3)
        with service.connect() as other:
            response = read_all(other)
        assert status(response) == 503
        assert b"Retry-After" in response


def test_forwarded_addresses_count_only_from_trusted_proxies(running: Any) -> None:
    def statuses(service: Any) -> list[int]:
        return [
            service.get("/v1/bundle", headers={"X-Forwarded-For": f"10.0.0.{i}"}).status_code
            for i in range(3)
        ]

    assert statuses(running(rate=0.001, burst=1)) == [200, 429, 429]
    assert statuses(running(rate=0.001, burst=1, trusted_proxies=["127.0.0.0/8"])) == [200] * 3


def test_while_the_service_ends_each_response_ends_its_connection(running: Any) -> None:
    service = running(drain=1.0)
    request = HEAD + b"\r\n"
    with service.connect() as client:
        client.sendall(request)
        assert b"connection: close" not in client.recv(10_000).lower()
        service.server.handle_exit(15, None)
        client.sendall(request)
        assert b"connection: close" in read_all(client).lower()


def test_a_request_on_an_idle_connection_is_answered_after_the_service_stopped_to_listen(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = running()
    monkeypatch.setattr("goeswith.serve.process.server._IDLE_SECONDS", 5.0)
    with service.connect() as client:
        client.sendall(HEAD + b"\r\n")
        client.recv(10_000)
        service.server.handle_exit(15, None)
        while True:
            try:
                service.connect().close()
            except ConnectionRefusedError:
                break
            time.sleep(0.02)
        client.sendall(HEAD + b"\r\n")
        assert status(read_all(client)) == 200
