"""How many requests one asker may make: a token bucket for each, in a table that is bounded."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from typing import Final

MOST_ASKERS: Final = 10_000
"""Askers remembered; beyond, the one that asked longest ago is forgotten, its bucket full."""


class Rates:
    """Token buckets: `burst` tokens at most, `rate` new ones a second, one for a request."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst = rate, float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, asker: str, now: float | None = None) -> float:
        """Take a token; seconds until there is one where there is none now, else 0.

        Args:
            asker: whose bucket.
            now: seconds of a clock that never goes back; that of the system if None.
        """
        now = time.monotonic() if now is None else now
        tokens, since = self._buckets.get(asker, (self.burst, now))
        tokens = min(self.burst, tokens + (now - since) * self.rate)
        short = tokens < 1
        self._buckets[asker] = (tokens if short else tokens - 1, now)
        self._buckets.move_to_end(asker)
        if len(self._buckets) > MOST_ASKERS:
            self._buckets.popitem(last=False)
        return (1 - tokens) / self.rate if short else 0.0


def asker_at(address: str) -> str:
    """What stands for a client without a key: its address; of IPv6 the network of 64 bits, which
    one client has for itself.
    """
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
