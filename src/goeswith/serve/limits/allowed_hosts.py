"""Host headers that a service answers to.

A page of a stranger can have its own host name resolve to 127.0.0.1 ("DNS rebinding") and then read
from a service of the visitor's machine; its requests carry the stranger's name as Host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import Scope

    from goeswith.settings.serve_settings import ServeSettings

_MAX_REMEMBERED: Final = 100
"""Hosts, with their port, that are not looked at again."""
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


class AllowedHosts:
    """The names, without port, that requests may give as Host; loopback names always."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = _LOOPBACK_NAMES | {name.lower() for name in names}
        self._allowed = frozenset(name.encode() for name in self._names)
        self._is_allowed = lru_cache(_MAX_REMEMBERED)(self._allows)

    def allows(self, scope: Scope) -> bool:
        """Whether the Host of a request is one of the names; browsers always send one."""
        for name, value in scope["headers"]:
            if name == b"host" and not self._is_allowed(value):
                return False
        return True

    def _allows(self, host: bytes) -> bool:
        name = host.lower()
        if name in self._allowed:
            return True
        before, colon, port = name.rpartition(b":")
        return bool(colon) and port.isdigit() and before in self._allowed


def allowed_hosts(settings: ServeSettings) -> AllowedHosts | None:
    """The allowed hosts of a service; None if any is: it listens to others and lists none."""
    if settings.hosts:
        return AllowedHosts(settings.hosts)
    if settings.host == "localhost" or _is_loopback(settings.host):
        own = f"[{settings.host}]" if ":" in settings.host else settings.host
        return AllowedHosts([own])
    return None


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
