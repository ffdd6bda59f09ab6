"""Accepting connections a few at a time.

An event loop accepts all connections that wait at once: a hundred that arrive together would be
set up, read and closed in one turn, and every other client would wait for that turn.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_PER_TURN: Final = 4
"""Connections that are accepted in one turn of the event loop."""
_PAUSE_SECONDS: Final = 1.0
"""Seconds until the next attempt where the process has no file descriptor left."""


class Acceptor:
    """Accepts the connections of a socket that listens, until it is closed."""

    def __init__(
        self, listener: socket.socket, new_connection: Callable[[], asyncio.Protocol]
    ) -> None:
        """Args: listener: not blocking; new_connection: the protocol of a connection."""
        self._loop = asyncio.get_running_loop()
        self._listener, self._new_connection = listener, new_connection
        self._tasks: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._start()

    def _start(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._accept)

    async def close(self) -> None:
        """Accept nothing more, and set up what was accepted; the socket stays open."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self) -> None:
        for _ in range(_PER_TURN):
            try:
                connection = self._listener.accept()[0]
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(self._listener)
                self._pause = self._loop.call_later(_PAUSE_SECONDS, self._start)
                return
            task = self._loop.create_task(self._connect(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        with suppress(OSError):  # it is gone already
            await self._loop.connect_accepted_socket(self._new_connection, connection)
