"""The server under the service: uvicorn, ended without a request failing."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    import socket

    from fastapi import FastAPI

    from goeswith.settings.sections import ServeSettings


class Server(uvicorn.Server):
    """Reports not ready, waits `serve.drain` seconds, finishes requests, and exits with code 0."""

    def __init__(self, app: FastAPI, settings: ServeSettings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                log_level="warning",
                access_log=False,
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=max(1, round(settings.shutdown_timeout)),
            )
        )
        self._app, self._drain = app, settings.drain
        self._shutdown_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; a second SIGINT ends at once."""
        if self._app.state.ending:
            self.should_exit = True
            self.force_exit = sig == signal.SIGINT
        self._app.state.ending = True
        # uvicorn raises the signals again that it noted; this one ends with code 0
        self._shutdown_at = time.monotonic() + self._drain

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if self._shutdown_at is not None and time.monotonic() >= self._shutdown_at:
            self.should_exit = True
        return await super().on_tick(counter)


def serve(
    app: FastAPI, settings: ServeSettings, sockets: list[socket.socket] | None = None
) -> None:
    """Answer until a signal ends it.

    Args:
        app: of `create_app`.
        settings: host and port where there are no sockets.
        sockets: that listen already.
    """
    server = Server(app, settings)
    server.run(sockets=sockets)
