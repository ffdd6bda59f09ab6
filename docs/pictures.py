"""The pictures of the documentation, from the demo's bundle: `python docs/pictures.py`.

Needs chromium, and `make demo` before it.
"""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).parent / "images"
GOESWITH = (sys.executable, "-m", "goeswith.cli.main")
PRODUCT = "866140"
WIDTH = 120
PAGES = {
    "page": f"product?id={PRODUCT}",
    "why": f"compare?source={PRODUCT}&target=1113792",
    "map": f"map?id={PRODUCT}",
}


def answer(bundle: str) -> None:
    """What `goeswith recommend` prints, as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    command = f"goeswith recommend {bundle} {PRODUCT} -k 4"
    printed = _in_terminal([*GOESWITH, *command.split()[1:]])
    console.print(Text(f"$ {command}"))
    console.print(Text.from_ansi(printed.rstrip()))
    svg = console.export_svg(title="goeswith recommend")
    # the fonts would come from another host
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    (IMAGES / "answer.svg").write_text(
        "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n",
        encoding="utf-8",
    )


def _in_terminal(command: list[str]) -> str:
    """What a command prints on a terminal."""
    terminal, end = pty.openpty()
    environment = os.environ | {"COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    process = subprocess.Popen(command, env=environment, stdin=end, stdout=end)
    os.close(end)
    printed = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while part := os.read(terminal, 65536):
            printed += part
    if process.wait():
        raise SystemExit(f"{command} failed")
    return printed.decode().replace("\r\n", "\n")


def pages(bundle: str) -> None:
    """Views of the page, as PNG of 64 colours."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    service = subprocess.Popen(
        [*GOESWITH, "serve", bundle, "--port", port],
        env=os.environ | {"GOESWITH_SERVE_EDITORS": "*"},  # as a merchandiser sees the page
        stdout=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait(f"{address}v1/health/ready")
        with sync_playwright() as started:
            browser = started.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            for name, view in PAGES.items():
                page.goto(f"{address}#/{view}")
                page.wait_for_selector("main:not([aria-busy]) h1")
                page.wait_for_timeout(300)
                picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                picture.quantize(64, dither=Image.Dither.NONE).save(
                    IMAGES / f"{name}.png", optimize=True
                )
            browser.close()
    finally:
        service.terminate()
        service.wait(30)


def _wait(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address).close()
        except URLError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(address)


if __name__ == "__main__":
    bundle = sys.argv[1] if len(sys.argv) > 1 else "demo/bundle"
    answer(bundle)
    pages(bundle)
