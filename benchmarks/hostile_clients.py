"""Other clients' times while strangers flood a service: `python benchmarks/hostile_clients.py`.

    python benchmarks/hostile_clients.py [BUNDLE] [--seconds 8]

One client asks for complements without a pause over one connection. Meanwhile other processes send
endless headers, hold 900 connections with half a request, or send baskets of 50 products and close
at once. Figures are that client's times and the memory of the service (PSS); BUNDLE is a synthetic
one where left out.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import platform
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np

from goeswith.core.atomic_files import write_json
from swaps import fit_number, memory, serving

RESULT = Path(__file__).parent / "results" / "hostile-clients.json"
HEAD = b"GET /v1/products/p1/complements HTTP/1.1\r\nHost: localhost\r\n"


def flood_headers(port: int, stop: Event) -> None:
    """Endless header values over new connections."""
    while not stop.is_set():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(2)
            client.sendall(HEAD + b"X-A: ")
            while not stop.is_set():
                client.sendall(b"a" * 65_536)


def hold_connections(port: int, stop: Event) -> None:
    """900 connections with half a head."""
    held: list[socket.socket] = []
    while not stop.is_set():
        with contextlib.suppress(OSError):
            held.append(socket.create_connection(("127.0.0.1", port)))
            held[-1].sendall(HEAD)
        if len(held) >= 900:
            held.pop(0).close()
            time.sleep(0.01)
    for client in held:
        client.close()


def abandon_baskets(port: int, stop: Event) -> None:
    """Baskets of 50 products whose answer nobody waits for."""
    products = "&".join(f"product=p{i % 40}" for i in range(50))
    request = f"GET /v1/basket?{products}&diversity=0.5 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    while not stop.is_set():
        for _ in range(100):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port)) as client,
            ):
                client.sendall(request.encode())
        stop.wait(1)


def ask(port: int, seconds: float) -> tuple[list[float], int]:
    """Times of complements over one connection, and how many requests failed."""
    times, failed = [], 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.perf_counter()
        try:
            connection.request("GET", "/v1/products/p1/complements?k=4")
            response = connection.getresponse()
            response.read()
            failed += response.status != 200
        except (OSError, http.client.HTTPException):
            failed += 1
            connection.close()
        times.append(time.perf_counter() - started)
    return times, failed


def measure(
    process: Any, port: int, seconds: float, attack: Callable[..., None] | None, threads: int
) -> dict[str, Any]:
    """The client's times under an attack, and the most memory meanwhile."""
    processes = get_context("spawn")
    stop = processes.Event()
    attackers = [
        processes.Process(target=attack, args=(port, stop), daemon=True)
        for _ in range(threads if attack else 0)
    ]
    for attacker in attackers:
        attacker.start()
    time.sleep(3)  # until the other processes have started
    peak = [memory(process)]

    def watch() -> None:
        while not stop.wait(0.5):
            peak.append(memory(process))

    watcher = threading.Thread(target=watch)
    watcher.start()
    times, failed = ask(port, seconds)
    stop.set()
    for thread in (*attackers, watcher):
        thread.join(timeout=10)
    ms = np.array(times) * 1000
    return {
        "requests": len(times),
        "failed": failed,
        "p50_ms": round(float(np.percentile(ms, 50)), 2),
        "p99_ms": round(float(np.percentile(ms, 99)), 2),
        "memory_mb": max(peak),
    }


def main() -> None:
    """Print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=8)
    given = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = given.bundle or Path(folder) / "bundle"
        if given.bundle is None:
            fit_number(path, 1)
        with serving(path, 1) as (process, port):
            ask(port, 2)
            for name, attack, threads in (
                ("idle", None, 0),
                ("header flood, 2 connections", flood_headers, 2),
                ("900 slow connections", hold_connections, 1),
                ("100 abandoned baskets a second", abandon_baskets, 1),
                ("idle again", None, 0),
            ):
                found[name] = measure(process, port, given.seconds, attack, threads)
                print(name, found[name], flush=True)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
    pattern = r'goeswith_connections_refused_total{status="(\d+)"} (\d+)'
    refused = {status: int(count) for status, count in re.findall(pattern, text)}
    abandoned = sum(int(float(n)) for n in re.findall(r'status="499"} ([\d.]+)', text))
    computed = re.search(r'basket",status="200"} ([\d.]+)', text)
    write_json(
        {
            "command": "python benchmarks/hostile_clients.py",
            "times": found,
            "connections_refused": refused,
            "baskets_not_computed": abandoned,
            "baskets_computed": int(float(computed[1])) if computed else 0,
            "python": platform.python_version(),
        },
        RESULT,
    )
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
