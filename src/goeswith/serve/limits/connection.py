"""A connection with limits: bytes and time of a request, number of connections, slow readers.

The head of a request arrives before anybody knows who sends it, so that its size and time are
bounded here, below the application. Times are checked once a second for all connections; until
then nothing more is read of a refused one.
"""

from __future__ import annotations

import math
import re
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from goeswith.serve.limits.refusal import raw_problem

if TYPE_CHECKING:
    import asyncio

MAX_HEAD: Final = 65_536
"""Bytes of the request line and the headers of a request; also of a body of unknown length, which
every route refuses.
"""
HEAD_SECONDS: Final = 10.0
"""Seconds for a complete head, from the first byte or the start of the connection."""
BODY_SECONDS: Final = 30.0
"""Seconds for a complete body after the head."""
_LINGER_SECONDS: Final = 5.0
"""Seconds in which the rest of a body that nobody reads is discarded: a client that is still
sending would otherwise lose the response.
"""
_MAX_DISCARDED: Final = 262_144
"""Bytes that are discarded after a refusal."""
_STALL_SECONDS: Final = 30.0
"""Seconds without a byte taken by a client that a response waits for."""

_DIRECT_PATHS: Final = b"/v1/products/"
_NOT_DIRECT: Final = frozenset(
    {b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"origin"}
)
"""Headers of requests that the application answers: they have a body or need other headers."""
_IS_ESCAPED: Final = re.compile(rb"[^!-~]|[%#]").search

CONNECTION_KEY: Final = "goeswith.connection"
"""Key of the ASGI scope with a weak reference to what uvicorn holds of a request, which refers to
the scope: a cycle would keep the snapshot of a request for longer than it runs.
"""


def is_abandoned(scope: Any) -> bool:
    """Whether the client of a request is gone."""
    reference = scope.get(CONNECTION_KEY)
    cycle = None if reference is None else reference()
    return cycle is not None and bool(cycle.disconnected)


class ConnectionState(ServerState):
    """What the connections of a server share.

    Attributes:
        draining: every response ends its connection.
        max_connections: a further one takes the place of one without a running request.
        on_refused: called with the status of a request that ends here.
        find_direct: headers and body, from the scope of a request, of a response that needs no
            application, if there is one; None where there is none ever.
    """

    def __init__(
        self,
        max_connections: int,
        on_refused: Callable[[int], None],
        find_direct: Callable[[Any], tuple[bytes, bytes] | None] | None = None,
    ) -> None:
        super().__init__()
        self.draining, self.find_direct = False, find_direct
        self._start, self._start_of = b"", self.default_headers
        self.max_connections, self.on_refused = max_connections, on_refused

    @property
    def response_start(self) -> bytes:
        """Status line and default headers of a response, such as its date, which uvicorn sets."""
        if self._start_of is not self.default_headers or not self._start:
            lines = [b"%b: %b\r\n" % header for header in self.default_headers]
            self._start = b"HTTP/1.1 200 OK\r\n" + b"".join(lines)
            self._start_of = self.default_headers
        return self._start

    def drain(self) -> None:
        """From now on, every response ends its connection."""
        self.draining = True
        for connection in self._limited():
            if connection.is_running:
                connection.cycle.keep_alive = False

    def close_expired(self, now: float) -> None:
        """End connections whose time is over.

        Args:
            now: seconds of the loop's clock.
        """
        for connection in self._limited():
            connection.close_if_expired(now)

    def has_place_beside(self, new: LimitedConnection) -> bool:
        """Whether a new connection is within the limit, or another one could be closed for it.

        The first to go is who takes longest to send a head, then an idle connection.
        """
        if len(self.connections) <= self.max_connections:
            return True
        others = [one for one in self._limited() if one is not new and not one.is_running]
        oldest = min(others, key=lambda one: one.deadline, default=None)
        if oldest is None:
            return False
        self.on_refused(408)
        self.connections.discard(oldest)
        oldest.transport.abort()
        return True

    def _limited(self) -> list[LimitedConnection]:
        return [one for one in self.connections if isinstance(one, LimitedConnection)]


class LimitedConnection(HttpToolsProtocol):
    """uvicorn's connection, with limits."""

    server_state: ConnectionState

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deadline = math.inf
        """Second of the loop's clock at which the client has to have sent or taken more."""
        self._in_head = self._in_body = self._is_chunked = self._is_refused = False
        self._may_be_direct = False
        self._direct: tuple[bytes, bytes] | None = None
        """Headers and body of a response that is written at the end of its request."""
        self._received = 0
        """Bytes since a head began, or of a body of unknown length."""

    @property
    def is_running(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, or refuse it where there are too many."""
        super().connection_made(transport)
        self.deadline = self.loop.time() + HEAD_SECONDS
        if not self.server_state.has_place_beside(self):
            self._refuse(503, "too many connections; retry in 1 s", answered=True)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, within the limits."""
        if self._is_refused:  # discarded, so that the client can read why
            self._received += len(data)
            if self._received > _MAX_DISCARDED:
                self.transport.abort()
            return
        is_counted = self._in_head or (self._in_body and self._is_chunked)
        self._received = self._received + len(data) if is_counted else len(data)
        # one at a time: of many requests that arrive at once, the others wait for their turn
        self._may_be_direct = True
        super().data_received(data)
        if self._is_refused or self.transport.is_closing():
            return
        if self._in_head:
            if self._received > MAX_HEAD:
                self._refuse(431, f"the headers have more than {MAX_HEAD:,} bytes; send less")
        elif self._in_body:
            if self._is_chunked and self._received > MAX_HEAD:
                self._close()
        elif not self.is_running and self.timeout_keep_alive_task is None:
            # empty lines before a request
            self.deadline = min(self.deadline, self.loop.time() + HEAD_SECONDS)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_head, self._is_chunked = True, False
        self.deadline = self.loop.time() + HEAD_SECONDS

    def on_headers_complete(self) -> None:
        """Start a request with a head of the permitted size."""
        if self._received > MAX_HEAD:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > MAX_HEAD:
                self._refuse(431, f"the headers have more than {MAX_HEAD:,} bytes; send less")
        self._in_head, self._in_body = False, True
        if self._is_refused:
            return
        is_plain = True
        for name, _ in self.headers:
            if name == b"transfer-encoding":
                self._is_chunked, self._received = True, 0
            is_plain = is_plain and name not in _NOT_DIRECT
        if is_plain and self._may_be_direct and self._find_direct():
            return
        self.deadline = self.loop.time() + BODY_SECONDS
        super().on_headers_complete()
        self.scope[CONNECTION_KEY] = weakref.ref(self.cycle)  # type: ignore[typeddict-unknown-key]
        if self.server_state.draining:
            self.cycle.keep_alive = False

    def _find_direct(self) -> bool:
        """Whether there is a response that needs no application, for the end of the request."""
        find, parser, url = self.server_state.find_direct, self.parser, self.url
        if (
            find is None
            or self.is_running
            or self.server_state.draining
            or self.flow.write_paused
            or not url.startswith(_DIRECT_PATHS)
            or _IS_ESCAPED(url)
            or parser.get_method() != b"GET"
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
        ):
            return False
        path, _, query = url.partition(b"?")
        scope: Any = self.scope
        scope |= {"method": "GET", "path": path.decode("ascii"), "query_string": query}
        self._direct = find(scope)
        return self._direct is not None

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        if not self._is_refused:
            self._in_body, self.deadline = False, math.inf
            if self._direct is None:
                super().on_message_complete()
                return
            self.transport.writelines((self.server_state.response_start, *self._direct))
            self._may_be_direct, self._direct = False, None
            self.on_response_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request; the rest of a body that nobody read has little time."""
        if self._in_body:
            self.deadline = min(self.deadline, self.loop.time() + _LINGER_SECONDS)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client takes a response slower than it is made."""
        super().pause_writing()
        self.deadline = self.loop.time() + _STALL_SECONDS

    def resume_writing(self) -> None:
        """The client has taken enough to go on."""
        super().resume_writing()
        self.deadline = self.loop.time() + BODY_SECONDS if self._in_body else math.inf

    def close_if_expired(self, now: float) -> None:
        """End the connection if its time is over."""
        if self.transport.is_closing():
            # what was written last is not taken
            if self.deadline == math.inf:
                self.deadline = now + _STALL_SECONDS
            elif now > self.deadline:
                self.transport.abort()
        elif self._is_refused and now <= self.deadline:
            self.transport.resume_reading()
        elif now > self.deadline:
            if self._is_refused:
                self.transport.abort()
            elif self._in_head and self.is_running:  # of a request after the running one
                self.deadline = now + HEAD_SECONDS
            elif self.flow.write_paused:
                self.transport.abort()
            else:
                self._refuse(408, "the request did not arrive in time; send it faster")

    def _refuse(self, status: int, detail: str, *, answered: bool = False) -> None:
        """End the connection, with a response where a request waits for one, or `answered`."""
        self._is_refused = True
        self.server_state.on_refused(status)
        waits = self._in_head or (self._in_body and self.is_running)
        if (answered or waits) and not (self.is_running and self.cycle.response_started):
            self.transport.write(raw_problem(status, detail))
            self._end()
            self.transport.write_eof()
            # whoever floods waits: what it sends is discarded from the next look on, and to parse
            # a new connection costs more than to hold this one
            self.transport.pause_reading()
            self.deadline = self.loop.time() + _LINGER_SECONDS
        else:
            self._close()

    def _close(self) -> None:
        """End the connection and the running request at once."""
        self._end()
        self.transport.close()

    def _end(self) -> None:
        self._is_refused, self._received = True, 0
        self.deadline = self.loop.time() + _STALL_SECONDS
        if self.is_running:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._unset_keepalive_if_required()
