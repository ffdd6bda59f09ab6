"""A listener that takes no new connection, and completes and keeps those that were begun."""

from __future__ import annotations

import socket
import sys

import pytest

from goeswith.serve.limits.listener_filter import drop_new_connections, take_new_connections

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a filter of the Linux kernel")


def test_no_connection_is_taken_until_it_is_permitted_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        before = socket.create_connection(address)
        drop_new_connections(listener)
        with pytest.raises(TimeoutError):
            socket.create_connection(address, timeout=0.2)
        accepted = listener.accept()[0]  # it was made before
        before.sendall(b"request")
        assert accepted.recv(7) == b"request"
        take_new_connections(listener)
        take_new_connections(listener)  # without a filter: nothing happens
        after = socket.create_connection(address, timeout=5)
        for one in (before, accepted, after):
            one.close()
