"""The server under the service: uvicorn with limits, ended without a request failing."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING, Final

import uvicorn

from goeswith.serve.limits.acceptor import Acceptor
from goeswith.serve.limits.connection import ConnectionState, LimitedConnection
from goeswith.serve.limits.listener_filter import drop_new_connections

if TYPE_CHECKING:
    from fastapi import FastAPI

    from goeswith.serve.shops.shops_app import ShopsApp
    from goeswith.settings.serve_settings import ServeSettings

_IDLE_SECONDS: Final = 2.0
"""Seconds in which idle connections may bring one more request after the last one was accepted: a
client that sends while its connection is closed loses the request.
"""
_HANDSHAKE_SECONDS: Final = 0.2
"""Seconds in which connections that have been begun are completed and accepted."""


class Server(uvicorn.Server):
    """Reports not ready and ends connections with their next response, waits `serve.drain` seconds,
    stops accepting, finishes requests, and exits with code 0.
    """

    def __init__(self, app: FastAPI | ShopsApp, settings: ServeSettings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http=LimitedConnection,
                log_level="warning",
                access_log=False,
                server_header=False,
                ws="none",
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_graceful_shutdown=max(1, round(settings.shutdown_timeout)),
            )
        )
        self._app, self._drain = app, settings.drain
        self._shutdown_at: float | None = None
        self._acceptors: list[Acceptor] = []
        self._connections = ConnectionState(
            settings.max_connections,
            app.state.metrics.count_refused,
            getattr(app.state, "find_direct", None),
        )
        self.server_state = self._connections

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; a second SIGINT ends at once."""
        if self._app.state.ending:
            self.should_exit = True
            self.force_exit = sig == signal.SIGINT
        self._app.state.ending = self._connections.draining = True
        # uvicorn raises the signals again that it noted; this one ends with code 0
        self._shutdown_at = time.monotonic() + self._drain

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if counter % 10 == 0:
            self._connections.close_expired(asyncio.get_running_loop().time())
        if self._shutdown_at is not None:
            self._connections.drain()
            if time.monotonic() >= self._shutdown_at:
                self.should_exit = True
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening; from sockets that listen already, a few connections at a time."""
        if not sockets or sys.platform == "win32":
            await super().startup(sockets)
            return
        await super().startup([])
        self._acceptors = [Acceptor(listener, self._new_connection) for listener in sockets]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept what has connected, stop listening, and end every connection in order."""
        loop = asyncio.get_running_loop()
        self._connections.drain()
        for listener in sockets or []:
            drop_new_connections(listener)
        if sockets:
            await asyncio.sleep(_HANDSHAKE_SECONDS)
        waiting = [listener.dup() for listener in sockets or []]
        for server in self.servers:
            server.close()
        for acceptor in self._acceptors:
            await acceptor.close()
        for listener in sockets or []:
            listener.close()
        for listener in waiting:
            await self._accept_waiting(loop, listener)
        end = loop.time() + _IDLE_SECONDS
        while self._connections.connections and loop.time() < end and not self.force_exit:
            self._connections.close_expired(loop.time())
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)

    async def _accept_waiting(
        self, loop: asyncio.AbstractEventLoop, listener: socket.socket
    ) -> None:
        """Accept the connections that wait at a socket, and close it."""
        listener.setblocking(False)
        accepted = []
        try:
            while True:
                accepted.append(listener.accept()[0])
        except OSError:  # none is left
            listener.close()
        for connection in accepted:
            await loop.connect_accepted_socket(self._new_connection, connection)

    def _new_connection(self) -> LimitedConnection:
        return LimitedConnection(
            config=self.config, server_state=self._connections, app_state=self.lifespan.state
        )


def serve(
    app: FastAPI | ShopsApp, settings: ServeSettings, sockets: list[socket.socket] | None = None
) -> None:
    """Answer until a signal ends it.

    Args:
        app: of `create_app` or `create_shops_app`.
        settings: host and port where there are no sockets.
        sockets: that listen already.
    """
    server = Server(app, settings)
    server.run(sockets=sockets)
