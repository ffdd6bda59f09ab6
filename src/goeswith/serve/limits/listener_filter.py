"""A socket that listens, and takes no new connection.

Closing such a socket resets the connections that no process has accepted. To accept what waits is
not enough: clients connect between the last look and the closing. On Linux a filter in the kernel
drops the packets that begin a connection. Connections begun before are completed and accepted; a
client that begins one tries again after a second, and is refused by then.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from contextlib import suppress
from typing import Final

_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_FLAGS_AT: Final = 13
"""Offset of the flags in a TCP header."""
_SYN, _ACK = 0x02, 0x10
_PROGRAM: Final = (
    (0x30, 0, 0, _FLAGS_AT),  # load the flags
    (0x54, 0, 0, _SYN | _ACK),  # keep two of them
    (0x15, 0, 1, _SYN),  # if SYN alone is set
    (0x06, 0, 0, 0),  # drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # else pass it
)
"""Instructions of the classic Berkeley packet filter: code, jumps, value."""


def drop_new_connections(listener: socket.socket) -> None:
    """Drop packets that begin a connection, for all processes that share the socket.

    Does nothing where the kernel has no such filter.
    """
    if sys.platform != "linux":
        return
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _PROGRAM)
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("HP", len(_PROGRAM), ctypes.addressof(buffer))
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)


def take_new_connections(listener: socket.socket) -> None:
    """Take new connections again, after `drop_new_connections`."""
    if sys.platform != "linux":
        return
    with suppress(OSError):  # no filter is attached
        listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
