"""The request log: one JSON line per request, without product ids or queries."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import IO, Any, Final

import orjson

_FLUSH_SECONDS: Final = 0.1
"""Seconds that lines wait, so that many are written at once."""
_MAX_LINES: Final = 2000
"""Lines that wait."""


class RequestLog:
    """Writes lines to a stream, in batches."""

    def __init__(self, stream: IO[bytes] | None = None, shop: str | None = None) -> None:
        """Args: stream: stdout if None; shop: added to each line, in a service of several."""
        self._stream = stream
        self._common = {} if shop is None else {"shop": shop}
        self._lines: list[bytes] = []
        self._due = False
        self._second, self._stamp = -1, ""

    def write(self, fields: dict[str, Any]) -> None:
        """Add a line; inside a running loop it is written within a tenth of a second."""
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        line = {"time": f"{self._stamp}.{int(now % 1 * 1000):03d}Z", **self._common, **fields}
        self._lines.append(orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE))
        if len(self._lines) >= _MAX_LINES:
            self.flush()
        elif not self._due:
            try:
                asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)
                self._due = True
            except RuntimeError:  # no loop
                self.flush()

    def flush(self) -> None:
        """Write what waits; a stream that is gone is no reason to fail."""
        self._due = False
        lines, self._lines = self._lines, []
        stream = self._stream or sys.stdout.buffer
        try:
            stream.write(b"".join(lines))
            stream.flush()
        except (OSError, ValueError):
            return
