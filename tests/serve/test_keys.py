from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError
from goeswith.serve.api_keys import ApiKeys, new_key, read_keys


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, Path]:
    key, line = new_key("shop")
    path = tmp_path / "keys"
    path.write_text(f"# who may ask\n{new_key('other')[1]}\n{line}  # since May\n")
    return key, path


def test_without_a_key_only_health_is_reported(serve: Any, keys: tuple[str, Path]) -> None:
    key, path = keys
    client = serve(keys_file=str(path))
    for address in ("/v1/health/live", "/v1/health/ready"):
        assert client.get(address).status_code == 200
    for address in ("/v1/products/phone-1", "/v1/bundle", "/metrics", "/openapi.json", "/none"):
        response = client.get(address)
        assert response.status_code == 401
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["www-authenticate"] == "Bearer"
        for wrong in (key[:-1], "", "gw_", "ключ".encode(), "x" * 10_000):
            assert client.get(address, headers={"X-API-Key": wrong}).status_code == 401
        for right in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
            assert client.get(address, headers=right).status_code != 401


def test_the_file_holds_no_key_but_its_hash(keys: tuple[str, Path]) -> None:
    key, path = keys
    assert key not in path.read_text()
    assert read_keys(path)["shop"] == [hashlib.sha256(key.encode()).hexdigest()]


def test_two_keys_are_never_the_same() -> None:
    assert len({new_key("a")[0] for _ in range(100)}) == 100


def test_a_changed_file_is_read_and_a_broken_one_changes_nothing_for_a_while(
    keys: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, path = keys
    known = ApiKeys(path)
    now = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def later(text: str) -> None:
        now[0] += 2
        path.write_text(text)
        os.utime(path, ns=(int(now[0] * 1e9), int(now[0] * 1e9)))

    later("no key at all\n")
    assert known.find_name(key.encode()) == "shop"
    more, line = new_key("more")
    later(f"{line}\n")
    assert known.find_name(more.encode()) == "more"
    assert known.find_name(key.encode()) is None


@pytest.mark.parametrize("fault", ["emptied", "deleted", "a line mistyped", "a folder"])
def test_a_file_with_a_fault_leaves_no_revoked_key_valid(
    serve: Any,
    keys: tuple[str, Path],
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key, path = keys
    good, line = new_key("good")
    path.write_text(f"{path.read_text()}{line}\n")
    client = serve(keys_file=str(path))
    now = [time.monotonic()]
    monkeypatch.setattr("goeswith.serve.api_keys.time.monotonic", lambda: now[0])

    def ask(key: str, after: float) -> int:
        now[0] += after
        return int(client.get("/v1/bundle", headers={"X-API-Key": key}).status_code)

    def metrics(key: str) -> str:
        return str(client.get("/metrics", headers={"X-API-Key": key}).text)

    path.unlink()
    if fault == "emptied":
        path.write_text("")
    elif fault == "a line mistyped":
        path.write_text(f"{line}\nshop:abc\n")
    elif fault == "a folder":
        path.mkdir()
    assert ask(key, 2) == 200
    assert "stay valid for 30 s" in capsys.readouterr().err
    assert 'goeswith_key_file_changes_total{outcome="faulty"} 1.0' in metrics(good)
    assert ask(key, 27) == 200
    assert ask(key, 5) == 401
    assert ask(good, 0) == (200 if fault == "a line mistyped" else 401)
    assert "only the lines that can be read" in capsys.readouterr().err
    if path.is_dir():
        path.rmdir()
    path.write_text(f"{line}\n")
    assert ask(good, 2) == 200
    assert ask(key, 0) == 401
    assert 'goeswith_key_file_changes_total{outcome="closed"} 1.0' in metrics(good)
    assert 'goeswith_key_file_changes_total{outcome="read"} 1.0' in metrics(good)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no key"),
        ("shop\n", "line 1"),
        ("# ok\nshop:abc\n", "line 2"),
        ("a b:" + "0" * 64, "line 1"),
        ("shop:" + "A" * 64, "line 1"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_keys(path)


def test_a_missing_file_stops_the_start(serve: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="goeswith key NAME"):
        serve(keys_file=str(tmp_path / "none"))


def test_the_command_prints_a_key_and_the_line_that_lets_it_in(serve: Any, tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["key", "shop-1"]).stdout.split()
    key, line = said[1], said[3]
    (tmp_path / "keys").write_text(line)
    client = serve(keys_file=str(tmp_path / "keys"))
    assert client.get("/v1/bundle", headers={"X-API-Key": key}).status_code == 200
    with pytest.raises(ConfigError, match="is not a valid name for a key"):
        CliRunner().invoke(app, ["key", "a:b"], catch_exceptions=False)
