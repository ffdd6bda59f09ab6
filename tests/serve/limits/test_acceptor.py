"""Connections that arrive together are accepted over several turns of the event loop."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import pytest

from goeswith.serve.limits import acceptor
from goeswith.serve.limits.acceptor import Acceptor


class Counting(asyncio.Protocol):
    def __init__(self, made: list[Any]) -> None:
        self.made = made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made.append(transport)


@pytest.fixture
def listener() -> Any:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        server.setblocking(False)
        yield server


def test_a_burst_is_accepted_a_few_connections_a_turn(listener: socket.socket) -> None:
    async def run() -> None:
        made: list[Any] = []
        clients = [socket.create_connection(listener.getsockname()) for _ in range(30)]
        own = Acceptor(listener, lambda: Counting(made))
        turns, most = 0, 0
        while len(made) < len(clients):
            before = len(made)
            await asyncio.sleep(0)
            turns, most = turns + 1, max(most, len(made) - before)
        await own.close()
        assert turns > 5
        assert most <= 2 * acceptor._PER_TURN
        for one in (*clients, *made):
            one.close()
        late = socket.create_connection(listener.getsockname())
        await asyncio.sleep(0.05)
        assert len(made) == len(clients)
        late.close()

    asyncio.run(run())


def test_without_a_free_descriptor_it_pauses_and_goes_on(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """A socket whose process has no descriptor left for the first connections."""

        attempts = 0

        def fileno(self) -> int:
            return listener.fileno()

        def accept(self) -> Any:
            self.attempts += 1
            if self.attempts < 3:
                raise OSError(errno.EMFILE, "Too many open files")
            return listener.accept()

    async def run() -> None:
        made: list[Any] = []
        client = socket.create_connection(listener.getsockname())
        full: Any = Full()
        own = Acceptor(full, lambda: Counting(made))
        while not made:
            await asyncio.sleep(0.005)
        await own.close()
        assert 3 <= full.attempts <= 4
        made[0].close()
        client.close()

    monkeypatch.setattr(acceptor, "_PAUSE_SECONDS", 0.02)
    asyncio.run(run())


def test_what_was_accepted_is_set_up_before_it_is_closed(listener: socket.socket) -> None:
    async def run() -> None:
        made: list[Any] = []
        clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
        own = Acceptor(listener, lambda: Counting(made))
        own._accept()
        assert not made  # each is set up by a task of its own
        await own.close()
        assert len(made) == len(clients)
        for one in (*clients, *made):
            one.close()

    asyncio.run(run())
