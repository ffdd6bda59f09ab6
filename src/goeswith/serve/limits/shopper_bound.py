"""How many shoppers of one client the learners count, as a client can invent ids."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from threading import Lock
from typing import Final

from goeswith.serve.limits.rate_limit import MAX_CLIENTS, client_key

MAX_SHOPPERS: Final = 20
"""Shoppers of a client that learners count in a day: more than a household has."""
_DAY_SECONDS: Final = 86_400


class ShopperBound:
    """The first shoppers of each client and day; safe to call from threads.

    The addresses are in memory only, and only of the current day.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._day = 0
        self._shoppers: OrderedDict[str, set[int]] = OrderedDict()

    def counts(self, address: str, unit: str, now: float | None = None) -> bool:
        """Whether learners count a shopper.

        Args:
            address: of the client. All shoppers of addresses that are not public are counted: they
                are of your own network.
            unit: id of the shopper.
            now: seconds since the epoch; the current time if None.
        """
        if not _is_public(address):
            return True
        day = int((time.time() if now is None else now) // _DAY_SECONDS)
        client, shopper = client_key(address), hash(unit)
        with self._lock:
            if day != self._day:
                self._day = day
                self._shoppers.clear()
            shoppers = self._shoppers.setdefault(client, set())
            self._shoppers.move_to_end(client)
            if len(self._shoppers) > MAX_CLIENTS:
                self._shoppers.popitem(last=False)
            if len(shoppers) < MAX_SHOPPERS:
                shoppers.add(shopper)
            return shopper in shoppers


def _is_public(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a socket of this machine has no address
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_global
