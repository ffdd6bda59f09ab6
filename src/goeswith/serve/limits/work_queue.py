"""A bounded queue before the routes that compute: a few requests run, a few wait, the rest get
503 with `Retry-After`. A request whose client is gone is not computed.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from goeswith.serve.limits.connection import is_abandoned
from goeswith.serve.problem_details import problem
from goeswith.serve.snapshot import SNAPSHOT_KEY

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MAX_RUNNING: Final = 4
"""Requests that compute at a time in a process; more threads would only slow each other down."""
MAX_WAITING: Final = 64
"""Requests that wait for one of them to end."""
MAX_WAIT_SECONDS: Final = 10.0
"""Seconds that a request waits."""
_TURNS_BEFORE_WORK: Final = 2
"""Turns of the event loop before a request computes: the end of a connection that is closed at once
arrives after its request.
"""
RETRY_SECONDS: Final = 1
WORK_SECONDS_KEY: Final = "goeswith.work_seconds"
"""Key of the ASGI scope with the seconds that a request computed."""
_COMPUTED: Final = "/v1/"
_NOT_COMPUTED: Final = ("/v1/health/live", "/v1/health/ready", "/v1/feedback")


class WorkQueue:
    """ASGI layer before the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._running = 0
        self._waiting: deque[tuple[asyncio.Future[bool], Scope]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a request when it is its turn."""
        path = scope.get("path", "")
        if not path.startswith(_COMPUTED) or path.startswith(_NOT_COMPUTED):
            await self.app(scope, receive, send)
            return
        if not await self._enter(scope):
            if is_abandoned(scope):
                return
            refusal = problem(
                503,
                f"the service has more work than it can do; retry in {RETRY_SECONDS} s",
                bundle=scope[SNAPSHOT_KEY].bundle.id,
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
            await refusal(scope, receive, send)
            return
        for _ in range(_TURNS_BEFORE_WORK):
            await asyncio.sleep(0)
        started = time.perf_counter()
        try:
            if not is_abandoned(scope):
                await self.app(scope, receive, send)
        finally:
            scope[WORK_SECONDS_KEY] = time.perf_counter() - started
            self._leave()

    async def _enter(self, scope: Scope) -> bool:
        """Wait for a place; False where there is none, or the client is gone."""
        if self._running < MAX_RUNNING:
            self._running += 1
            return True
        if len(self._waiting) >= MAX_WAITING:
            self._drop_abandoned()
        if len(self._waiting) >= MAX_WAITING:
            return False
        place = asyncio.get_running_loop().create_future()
        entry = (place, scope)
        self._waiting.append(entry)
        try:
            return await asyncio.wait_for(asyncio.shield(place), MAX_WAIT_SECONDS)
        except TimeoutError:
            self._remove(entry)
            return place.done() and place.result()
        except asyncio.CancelledError:
            if place.done() and place.result():
                self._leave()
            else:
                self._remove(entry)
            raise

    def _leave(self) -> None:
        """Give the place to the next that waits."""
        self._running -= 1
        while self._waiting and self._running < MAX_RUNNING:
            place, scope = self._waiting.popleft()
            if not is_abandoned(scope):
                self._running += 1
            place.set_result(not is_abandoned(scope))

    def _drop_abandoned(self) -> None:
        for entry in [entry for entry in self._waiting if is_abandoned(entry[1])]:
            self._remove(entry)
            entry[0].set_result(False)

    def _remove(self, entry: tuple[asyncio.Future[bool], Scope]) -> None:
        with suppress(ValueError):
            self._waiting.remove(entry)
