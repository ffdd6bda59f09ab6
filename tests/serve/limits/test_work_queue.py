from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from goeswith.query.bundle import Bundle
from goeswith.serve.limits import work_queue

BASKET = "/v1/basket?product=phone-1"


class Gate:
    """Lets baskets be computed when it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened, self.entered = threading.Event(), 0
        real = Bundle.basket

        def basket(bundle: Bundle, *args: Any, **named: Any) -> Any:
            self.entered += 1
            self.opened.wait(20)
            return real(bundle, *args, **named)

        monkeypatch.setattr(Bundle, "basket", basket)


def test_health_is_answered_while_work_waits_and_more_than_the_queue_holds_is_refused(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_queue, "MAX_RUNNING", 2)
    monkeypatch.setattr(work_queue, "MAX_WAITING", 3)
    gate, service = Gate(monkeypatch), running()
    with ThreadPoolExecutor(8) as pool:
        requests = [pool.submit(service.get, BASKET) for _ in range(5)]
        while gate.entered < 2:
            time.sleep(0.01)
        time.sleep(0.3)
        for path in ("/v1/health/live", "/v1/health/ready", "/metrics", "/"):
            assert service.get(path).status_code == 200
        assert service.get("/v1/products/phone-1/complements").status_code == 200
        refused = service.get(BASKET)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        gate.opened.set()
        assert [one.result().status_code for one in requests] == [200] * 5
    assert gate.entered == 5


def test_who_waits_too_long_is_refused(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_queue, "MAX_RUNNING", 1)
    monkeypatch.setattr(work_queue, "MAX_WAIT_SECONDS", 0.1)
    gate, service = Gate(monkeypatch), running()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(service.get, BASKET)
        while gate.entered < 1:
            time.sleep(0.01)
        assert service.get(BASKET).status_code == 503
        gate.opened.set()
        assert first.result().status_code == 200
    assert service.get(BASKET).status_code == 200


def test_work_of_clients_that_are_gone_is_not_done(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_queue, "MAX_RUNNING", 1)
    gate, service = Gate(monkeypatch), running()
    request = f"GET {BASKET} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    for i in range(40):
        with service.connect() as client:
            client.sendall(request)
            while gate.entered < 1:
                time.sleep(0.01)
            time.sleep(0.01 if i else 0.1)
    time.sleep(0.2)
    gate.opened.set()
    assert service.get(BASKET).status_code == 200
    assert gate.entered == 2
    metrics = service.get("/metrics").text
    assert 'route="other",status="499"} 39.0' in metrics.replace('method="GET",', "")


def test_clients_that_are_gone_take_no_place_in_the_queue(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_queue, "MAX_RUNNING", 1)
    monkeypatch.setattr(work_queue, "MAX_WAITING", 2)
    gate, service = Gate(monkeypatch), running()
    request = f"GET {BASKET} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with ThreadPoolExecutor(1) as pool, service.connect() as busy:
        busy.sendall(request)
        while gate.entered < 1:
            time.sleep(0.01)
        for _ in range(3):
            with service.connect() as client:
                client.sendall(request)
                time.sleep(0.05)
        time.sleep(0.2)
        live = pool.submit(service.get, BASKET)
        time.sleep(0.2)
        gate.opened.set()
        assert live.result().status_code == 200


def test_a_batch_whose_client_is_gone_ends_early(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, computed = running(), []
    monkeypatch.setattr(
        Bundle, "complements", lambda *_: (computed.append(1), time.sleep(0.05), [])[-1]
    )
    body = b'{"product_ids": [' + b",".join([b'"phone-1"'] * 100) + b"]}"
    head = (
        "POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with service.connect() as client:
        client.sendall(head.encode() + body)
        while not computed:
            time.sleep(0.01)
    time.sleep(0.5)
    assert len(computed) < 30


def test_slow_bodies_hold_no_place(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_queue, "MAX_RUNNING", 1)
    service = running()
    head = b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
    clients = [service.connect() for _ in range(5)]
    for client in clients:
        client.sendall(head + b"{")
    time.sleep(0.2)
    assert service.get(BASKET).status_code == 200
    for client in clients:
        client.close()
