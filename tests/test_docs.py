"""The site of the documentation: it builds without a warning, and loads nothing from elsewhere."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOADING = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "img": ("src", "srcset"),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
}
"""Elements and the attributes by which a page loads something; `a` only leads there."""


class Loads(HTMLParser):
    """The addresses that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "link" and attributes.get("rel") in {"canonical", "prev", "next"}:
            return
        for name in LOADING.get(tag, ()):
            self.addresses.append(attributes.get(name) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as `make docs` builds it."""
    if find_spec("mkdocs") is None or find_spec("mkdocstrings") is None:
        pytest.skip("the site needs mkdocs and mkdocstrings (goeswith[docs])")
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def external(addresses: list[str]) -> list[str]:
    return [address for address in addresses if re.match(r"(https?:)?//", address.strip())]


def test_the_site_has_every_page_of_the_navigation(site: Path) -> None:
    pages = re.findall(r": ([\w/-]+)\.md$", (ROOT / "mkdocs.yml").read_text(), flags=re.MULTILINE)
    assert len(pages) > 30
    for page in pages:
        folder = site if page == "index" else site / page
        assert (folder / "index.html").is_file(), page


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert pages
    for page in pages:
        parser = Loads()
        parser.feed(page.read_text(encoding="utf-8"))
        assert not external(parser.addresses), page
    for sheet in [*site.rglob("*.css"), *site.rglob("*.svg")]:
        text = sheet.read_text(encoding="utf-8")
        assert not external(re.findall(r"url\(['\"]?([^'\")]+)", text)), sheet
        assert not external(re.findall(r"@import ['\"]([^'\"]+)", text)), sheet


def test_a_browser_requests_nothing_from_another_host(site: Path, chromium: Path) -> None:
    from playwright.sync_api import sync_playwright

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as started:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        browser = started.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        for part in ("", "quickstart/", "reference/api/", "reference/http/"):
            page.goto(address + part, wait_until="networkidle")
            assert page.query_selector("h1"), part
        browser.close()
        server.shutdown()
    assert [url for url in requested if not url.startswith((address, "data:"))] == []


def test_the_terminal_picture_loads_no_fonts() -> None:
    for picture in (ROOT / "docs" / "images").glob("*.svg"):
        assert "@font-face" not in picture.read_text(encoding="utf-8")
