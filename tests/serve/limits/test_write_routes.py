"""Requests that change products and rules have the limits of all others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goeswith.serve.api_keys import new_key
from goeswith.serve.limits import rate_limit, work_queue

RULE = {"id": "a", "action": "ban", "target": {"products": ["case-1"]}}
LABEL = {"source": "phone-1", "target": "case-1", "label": "weak"}
WRITES: list[tuple[str, str, dict[str, Any]]] = [
    ("PATCH", "/v1/products/case-1", {"json": {"attributes": {"price": 3}}}),
    ("DELETE", "/v1/products/case-2", {}),
    ("POST", "/v1/products", {"json": {"products": [{"product_id": "case-3", "deleted": True}]}}),
    ("POST", "/v1/rules", {"json": {"rules": [RULE]}}),
    ("DELETE", "/v1/rules/a", {}),
    ("POST", "/v1/rules/undo", {}),
    ("POST", "/v1/labels", {"json": {"labels": [LABEL]}}),
]


@pytest.fixture
def path(shop_bundle: Path, tmp_path: Path) -> Iterator[Path]:
    """A bundle in which a test may change nothing."""
    path = Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))
    yield path
    assert {file.name for file in (path / "live").iterdir()} <= {"facts.counter", ".lock"}


def statuses(client: Any, **given: Any) -> set[int]:
    return {
        client(method, address, **{**request, **given}).status_code
        for method, address, request in WRITES
    }


def test_other_hosts_and_strangers_are_refused(serve: Any, path: Path, tmp_path: Path) -> None:
    client = serve(path, editors=["*"])
    assert statuses(client, headers={"Host": "evil.example"}) == {421}
    (tmp_path / "keys").write_text(f"{new_key('shop')[1]}\n")
    assert statuses(serve(path, editors=["*"], keys_file=str(tmp_path / "keys"))) == {401}
    assert statuses(serve(path)) == {403}


def test_bodies_are_bounded(serve: Any, path: Path) -> None:
    client = serve(path, editors=["*"], max_body=1000)

    async def parts():
        yield b"{}"

    def sent(**given: Any) -> set[int]:
        return {client(method, address, **given).status_code for method, address, _ in WRITES}

    assert sent(content=b"x" * 1001) == {413}
    assert {client(m, a, content=parts()).status_code for m, a, _ in WRITES} == {411}


def test_a_body_without_its_length_is_not_read_on(serve: Any, path: Path) -> None:
    client, read = serve(path, editors=["*"]), []

    async def receive() -> dict[str, Any]:
        read.append(1)
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    import asyncio

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/rules",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    asyncio.run(client.app(scope, receive, send))
    assert sent[0]["status"] == 411
    assert len(read) == 1


def test_a_change_takes_a_place_in_the_queue_and_tokens(
    serve: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(path, editors=["*"])
    monkeypatch.setattr(work_queue, "MAX_RUNNING", 0)
    monkeypatch.setattr(work_queue, "MAX_WAITING", 0)
    assert statuses(client) == {503}
    monkeypatch.undo()
    monkeypatch.setattr(rate_limit, "TOKEN_SECONDS", 1e-6)
    slow = serve(path, editors=["*"], rate=0.001, burst=2)
    unknown = {"json": {"attributes": {"price": 3}}}
    assert slow("PATCH", "/v1/products/nothing", **unknown).status_code == 404
    assert statuses(slow) == {429}


def test_changes_within_the_limits_are_made(serve: Any, shop_bundle: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))
    assert statuses(serve(path, editors=["*"], rate=100, burst=50)) == {200}
    assert (path / "live" / "facts.log").stat().st_size > 300
