"""A client that asks a service in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from goeswith.serve.app import create_app
from goeswith.settings.serve_settings import ServeSettings


class Client:
    """Asks a service in this process."""

    def __init__(self, app: FastAPI, address: str = "127.0.0.1") -> None:
        self.app = app
        self.transport = httpx.ASGITransport(app, client=(address, 1))

    def get(self, address: str, **given: Any) -> httpx.Response:
        return self("GET", address, **given)

    def post(self, address: str, **given: Any) -> httpx.Response:
        return self("POST", address, **given)

    def __call__(self, method: str, address: str, **given: Any) -> httpx.Response:
        return self.many([(method, address, given)])[0]

    def many(self, requests: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        """All at once, in one loop."""

        async def ask() -> list[httpx.Response]:
            async with httpx.AsyncClient(
                transport=self.transport, base_url="http://localhost"
            ) as client:
                return await asyncio.gather(*(client.request(m, a, **g) for m, a, g in requests))

        return asyncio.run(ask())


Serve = Callable[..., Client]


@pytest.fixture(scope="session")
def serve(shop_bundle: Path) -> Serve:
    """Starts a service of the small shop, or of another bundle, with settings by name."""

    def start(bundle: Path = shop_bundle, **settings: Any) -> Client:
        return Client(create_app(bundle, ServeSettings(**{"log": False, **settings})))

    return start


@pytest.fixture(scope="module")
def client(serve: Serve) -> Client:
    return serve()
