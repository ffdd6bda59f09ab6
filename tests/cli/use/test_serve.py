from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import BundleError, ConfigError
from goeswith.query.bundle import Bundle


def ask(address: str, process: subprocess.Popen[str]) -> Any:
    """The answer of a service that may still be starting."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(address, timeout=5) as answer:
                return json.load(answer)
        except (URLError, ConnectionError):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_the_service_answers_on_this_machine_only(shop_bundle: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "goeswith.cli.main", "serve", shop_bundle, "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = f"http://127.0.0.1:{port}/v1"
        assert ask(f"{address}/health/ready", process)["bundle"] == Bundle.open(shop_bundle).id
        body = ask(f"{address}/products/phone-1/complements?k=2", process)
        assert len(body["complements"]) == 2
        bound = Path(f"/proc/{process.pid}/net/tcp")
        if bound.exists():
            assert f"0100007F:{port:04X}" in bound.read_text()
            assert f"00000000:{port:04X}" not in bound.read_text()
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_bundle_that_is_none_is_reported_before_anything_listens(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not a bundle"):
        CliRunner().invoke(app, ["serve", str(tmp_path)], catch_exceptions=False)


def test_without_the_extra_the_message_says_how_to_install_it(
    shop_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "goeswith.serve.process.server", raising=False)
    done = CliRunner().invoke(app, ["serve", str(shop_bundle)])
    with pytest.raises(ConfigError, match=r"needs uvicorn.*pip install 'goeswith\[serve\]'"):
        raise done.exception or AssertionError
    assert "http://" not in done.output
