"""Bundles that are swapped while the service runs, and such as are refused."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from goeswith.core.errors import ConfigError
from goeswith.query.bundle import Bundle
from goeswith.serve.app import create_app
from goeswith.serve.process.build_verifier import BuildVerifier
from goeswith.serve.process.reloader import Reloader
from goeswith.serve.process.worker import make_reloader, open_socket
from goeswith.settings.serve_settings import ServeSettings
from goeswith.store.manifest import Manifest, read_manifest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "swaps.py"
KINDS = [
    "a file cut short",
    "a byte of the answers flipped",
    "a byte of a model flipped",
    "a file missing",
    "a build missing",
    "a hash that is not the file's",
    "a format of the future",
    "a manifest that was edited",
    "a manifest that is no JSON",
    "answers of products that are not there",
    "a shape that is not the manifest's",
    "a file outside the folder",
]


@pytest.fixture(scope="module")
def swaps() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("swaps", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["swaps"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["swaps"]


@pytest.fixture(scope="module")
def fitted(swaps: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("first") / "bundle"
    swaps.fit_number(path, 1)
    return path


@pytest.fixture
def path(fitted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fitted, tmp_path / "bundle"))


def ask(app: FastAPI, address: str) -> Any:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(address)

    answer = asyncio.run(request())
    assert answer.status_code == 200, answer.text
    return answer.text if address == "/metrics" else answer.json()


def outcomes(app: FastAPI) -> tuple[int, int]:
    """How many bundles were swapped and refused."""
    text = ask(app, "/metrics")
    found = [
        float(line.split()[-1])
        for outcome in ("swapped", "refused")
        for line in text.splitlines()
        if line.startswith(f'goeswith_reloads_total{{outcome="{outcome}"}}')
    ]
    return int(found[0]), int(found[1])


def test_a_new_bundle_answers_and_the_old_one_is_let_go_of(swaps: ModuleType, path: Path) -> None:
    app = create_app(path, ServeSettings(log=False))
    reloader = make_reloader(app, path)
    assert not reloader.check()
    old = weakref.ref(app.state.snapshot_holder().bundle)
    for address in ("/v1/products/p1/complements?where=price%3C9", "/v1/bundle", "/v1/search?q=p1"):
        ask(app, address)
    folder = path / f"build-{app.state.snapshot_holder().bundle.id}"
    new = swaps.fit_number(path, 2)
    assert reloader.check()
    answer = ask(app, "/v1/products/p1/complements?k=2")
    assert answer["bundle"] == new
    assert swaps.numbers_in(answer) == {2}
    assert answer["complements"][0]["product_id"] == "p3"
    assert outcomes(app) == (1, 0)
    gc.collect()
    assert old() is None
    swaps.fit_number(path, 3)
    assert not folder.exists()


def test_a_request_ends_with_the_bundle_that_it_began_with(swaps: ModuleType, path: Path) -> None:
    app = create_app(path, ServeSettings(log=False))
    current = app.state.snapshot_holder()
    swaps.fit_number(path, 2)
    assert make_reloader(app, path).check()
    # what the first request took is whole, though its build was replaced twice
    swaps.fit_number(path, 3)
    assert swaps.numbers_in(current.bundle.product("p1")) == {1}
    assert current.bundle.complements_of_new({"title": "Item", "type": "type 1"}, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_bundle_is_refused_once_and_the_old_one_answers_on(
    swaps: ModuleType, path: Path, kind: str
) -> None:
    app = create_app(path, ServeSettings(log=False))
    before = app.state.snapshot_holder().bundle.id
    reloader = make_reloader(app, path)
    swaps.offer_damaged(path, kind, 9)
    for _ in range(3):
        assert not reloader.check()
    assert outcomes(app) == (0, 1)
    answer = ask(app, "/v1/products/p1/complements?k=2")
    assert (answer["bundle"], swaps.numbers_in(answer)) == (before, {1})
    assert not reloader.check(force=True)
    assert outcomes(app) == (0, 2)
    new = swaps.fit_number(path, 2)
    assert reloader.check()
    assert ask(app, "/v1/products/p1")["bundle"] == new


def test_every_kind_of_damage_is_tried(swaps: ModuleType) -> None:
    assert list(swaps.DAMAGES) == KINDS


def test_a_bundle_that_was_copied_in_the_wrong_order_is_taken_when_it_is_whole(
    swaps: ModuleType, path: Path, tmp_path: Path
) -> None:
    app = create_app(path, ServeSettings(log=False))
    reloader = make_reloader(app, path)
    new = swaps.fit_number(tmp_path / "other", 2)
    (tmp_path / "other" / "manifest.json").replace(path / "manifest.json")
    assert not reloader.check()
    (tmp_path / "other" / f"build-{new}").rename(path / f"build-{new}")
    assert reloader.check()
    assert ask(app, "/v1/products/p1")["bundle"] == new


def test_a_bundle_that_is_gone_is_no_reason_to_stop(path: Path, tmp_path: Path) -> None:
    app = create_app(path, ServeSettings(log=False))
    path.rename(tmp_path / "elsewhere")
    assert not make_reloader(app, path).check()
    assert ask(app, "/v1/products/p1")["attributes"]["title"] == "Item 1 of build 1"


def test_the_log_tells_why_a_bundle_is_refused(
    swaps: ModuleType, path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    app = create_app(path)
    swaps.offer_damaged(path, "a byte of the answers flipped", 9)
    make_reloader(app, path).check()
    line = json.loads(capfdbinary.readouterr().out)
    assert (line["event"], line["outcome"]) == ("reload", "refused")
    assert "answers.safetensors is damaged" in line["why"]


def test_files_are_read_once_for_all_processes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sums = []
    real = Manifest.verify_checksums
    monkeypatch.setattr(
        Manifest, "verify_checksums", lambda self, *how: (sums.append(1), real(self, *how))[1]
    )
    checked, manifest = BuildVerifier(), read_manifest(path)
    process = os.fork()
    if not process:
        try:
            checked(manifest)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(process, 0)[1] == 0
    checked(manifest)
    assert not sums
    (manifest.folder / "answers.safetensors").touch()
    checked(manifest)
    assert sums == [1]


def test_a_reloader_looks_by_itself_and_when_woken(swaps: ModuleType, path: Path) -> None:
    taken: list[Bundle] = []
    bundle = Bundle.open(path)
    for every, wakes in ((0.05, False), (0.0, True)):
        reloader = Reloader(path, lambda: (taken or [bundle])[-1], taken.append)
        reloader.start(every)
        new = swaps.fit_number(path, 2)
        if wakes:
            reloader.wake()
        while not taken or taken[-1].id != new:
            time.sleep(0.01)
        reloader.stop()


def test_swaps_and_damaged_bundles_under_load_fail_no_request(swaps: ModuleType) -> None:
    kinds = ["a byte of the answers flipped", "a file missing", "a manifest that is no JSON"]
    result = swaps.run(swaps=3, kinds=kinds, workers=2, clients=2)
    assert result["failed"] == 0, result["first_failures"]
    assert result["mixed_answers"] == 0, result["first_mixed"]
    assert result["reloads_of_all_workers"] == {"swapped": 6, "refused": 6}
    assert result["answers_that_say_a_number"] > 50
    assert result["builds_that_answered"] == 4


def test_workers_are_replaced_reload_on_request_and_end_in_order(
    swaps: ModuleType, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swaps, "EVERY", 0)
    with swaps.serving(path, 2) as (process, port):

        def workers() -> set[int]:
            found = subprocess.run(
                ["ps", "--ppid", str(process.pid), "-o", "pid="],
                capture_output=True,
                text=True,
                check=False,
            )
            return set(map(int, found.stdout.split()))

        first = workers()
        assert len(first) == 2
        os.kill(min(first), signal.SIGKILL)
        swaps.until(lambda: len(workers()) == 2 and workers() != first, process)
        assert swaps.body_of(port, "/v1/health/ready")
        new = swaps.fit_number(path, 2)
        assert swaps.reloads(port, "swapped") == 0
        swaps.until(lambda: swaps.body_of(port, "/v1/health/ready") is not None, process)

        def hung_up() -> bool:
            process.send_signal(signal.SIGHUP)
            return bool(swaps.reloads(port, "swapped") == 2)

        swaps.until(hung_up, process)
        assert json.loads(swaps.body_of(port, "/v1/bundle"))["bundle"] == new
        process.terminate()
        assert process.wait(timeout=30) == 0
        assert not workers()


def test_workers_end_when_their_parent_is_killed(swaps: ModuleType, path: Path) -> None:
    with swaps.serving(path, 2) as (process, port):
        process.kill()
        process.wait()
        while swaps.body_of(port, "/v1/health/live") is not None:
            time.sleep(0.01)


def test_an_address_that_is_taken_or_none_is_reported() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"cannot listen on 127.0.0.1:{port}: Address"):
            open_socket(ServeSettings(port=port))
    with pytest.raises(ConfigError, match=r"'no\.such\.name\.invalid' is not an address"):
        open_socket(ServeSettings(host="no.such.name.invalid"))
