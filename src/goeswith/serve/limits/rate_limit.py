"""Rate limits: a token bucket for each client, in a bounded table."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from typing import Final

MAX_CLIENTS: Final = 10_000
"""Clients in the table; the client with the oldest request is removed, its bucket full."""
TOKEN_SECONDS: Final = 0.05
"""Seconds of computing for one token: what takes longer costs more."""


class RateLimiter:
    """Token buckets: `burst` tokens at most, `rate` new ones a second.

    A request takes one token when it starts. When it ends, it costs one more for each further
    `TOKEN_SECONDS` that it computed, also if the bucket has fewer: the client waits until they are
    there again.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst = rate, float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, now: float | None = None) -> float:
        """Take a token; returns the seconds until there is one if there is none now, else 0.

        Args:
            client: whose bucket.
            now: seconds of a clock that never goes back; that of the system if None.
        """
        now = time.monotonic() if now is None else now
        tokens = self._tokens(client, now)
        is_empty = tokens < 1
        self._buckets[client] = (tokens if is_empty else tokens - 1, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return (1 - tokens) / self.rate if is_empty else 0.0

    def charge(self, client: str, seconds: float, now: float | None = None) -> None:
        """Take the tokens of a request that computed for so many seconds, except its first one.

        Args:
            client: whose bucket.
            seconds: of computing.
            now: as for `take`.
        """
        extra = int(seconds / TOKEN_SECONDS)
        if extra and client in self._buckets:
            now = time.monotonic() if now is None else now
            self._buckets[client] = (self._tokens(client, now) - extra, now)

    def _tokens(self, client: str, now: float) -> float:
        tokens, since = self._buckets.get(client, (self.burst, now))
        return min(self.burst, tokens + (now - since) * self.rate)


def client_key(address: str) -> str:
    """The key of a client without an API key: its address; for IPv6 its network of 64 bits, which
    one client controls.
    """
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
