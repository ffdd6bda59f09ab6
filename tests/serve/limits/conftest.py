"""A service that listens in a thread of this process, and raw connections to it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from goeswith.serve.app import create_app
from goeswith.serve.process.server import Server
from goeswith.serve.process.worker import open_socket
from goeswith.settings.serve_settings import ServeSettings


class Running:
    """A service that listens."""

    def __init__(self, bundle: Path, settings: ServeSettings) -> None:
        self.app = create_app(bundle, settings)
        self.server = Server(self.app, settings)
        listener = open_socket(settings)
        self.port = listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]})
        self._thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def send(self, content: bytes) -> bytes:
        """Everything that comes back until the service ends the connection."""
        with self.connect() as client:
            client.sendall(content)
            return read_all(client)

    def get(self, path: str, **given: Any) -> httpx.Response:
        return httpx.get(self.address + path, timeout=20, **given)

    def end(self) -> None:
        self.server.handle_exit(15, None)
        self._thread.join()


def read_all(client: socket.socket) -> bytes:
    content = b""
    try:
        while part := client.recv(65_536):
            content += part
    except ConnectionResetError:
        pass
    return content


@pytest.fixture
def running(shop_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Running]]:
    """Starts services with settings by name."""
    monkeypatch.setattr("goeswith.serve.process.server._IDLE_SECONDS", 0.2)
    started: list[Running] = []

    def start(**settings: Any) -> Running:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        started.append(
            Running(shop_bundle, ServeSettings(**{"log": False, "port": port, **settings}))
        )
        return started[-1]

    yield start
    for one in started:
        one.end()
