"""A service with a shop's bundle, and a browser that looks at its page."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from goeswith.data.folder import load_data
from goeswith.pipeline.explanation_writer import explain_bundle
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.serve.app import create_app
from goeswith.settings.sections import FitSettings, Settings
from goeswith.settings.serve_settings import ServeSettings

from .outdoor import write_shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REPORT = Path(__file__).parents[2] / "benchmarks" / "results" / "amazon-beauty-ranker.json"


@pytest.fixture(scope="session")
def outdoor_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the outdoor shop."""
    folder = tmp_path_factory.mktemp("outdoor")
    fit = FitSettings(
        model="copurchase:measure=count", fallbacks=["type_popularity", "popularity"], k=20
    )
    fit_bundle(load_data(write_shop(folder / "outdoor")), folder / "bundle", Settings(fit=fit))
    explain_bundle(folder / "bundle")
    return folder / "bundle"


@pytest.fixture(scope="session")
def address(outdoor_bundle: Path) -> Iterator[str]:
    """Where the service of the outdoor shop answers, with a report of real figures."""
    app = create_app(outdoor_bundle, ServeSettings(log=False, report=str(REPORT)))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")  # its event loop must not run on under other tests
def browser(chromium: Path) -> Iterator[Browser]:
    """Debian's Chromium, which asks nobody but the service."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def figures() -> dict[str, Any]:
    """The report that the service shows."""
    found: dict[str, Any] = json.loads(REPORT.read_text(encoding="utf-8"))
    return found
