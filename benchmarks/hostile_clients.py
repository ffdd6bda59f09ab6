"""Other clients' times while strangers flood a service: `python benchmarks/hostile_clients.py`.

    python benchmarks/hostile_clients.py [BUNDLE] [--turns 6] [--seconds 3]

One client asks for complements without a pause over one connection. Meanwhile other processes send
endless headers, hold 900 connections with half a request, or send baskets of 50 products and close
at once. The attacks take turns with an idle service, so that other programs of the machine disturb
all alike. Attackers have the lowest priority, as they would run on other machines.

Figures are that client's times over all turns, the memory of the service (PSS), and the processor
time that it takes beside what the client's requests cost it when idle. BUNDLE is a synthetic one
where left out.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import platform
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
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
    os.nice(19)
    while not stop.is_set():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(2)
            client.sendall(HEAD + b"X-A: ")
            while not stop.is_set():
                client.sendall(b"a" * 65_536)


def hold_connections(port: int, stop: Event) -> None:
    """900 connections with half a head."""
    os.nice(19)
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
    os.nice(19)
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


@dataclass
class Figures:
    """Of one attack, over all turns."""

    times: list[float] = field(default_factory=list)
    failed: int = 0
    memory_mb: float = 0.0
    processor_seconds: float = 0.0
    seconds: float = 0.0


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    figures: Figures,
    process: Any,
    port: int,
    seconds: float,
    attack: tuple[Callable[..., None] | None, int],
) -> None:
    """Add the client's times of a turn under an attack, and the most memory meanwhile."""
    function, count = attack
    processes = get_context("spawn")
    stop = processes.Event()
    attackers = [
        processes.Process(target=function, args=(port, stop), daemon=True) for _ in range(count)
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
    begun, used = time.monotonic(), processor_seconds(process.pid)
    times, failed = ask(port, seconds)
    figures.processor_seconds += processor_seconds(process.pid) - used
    figures.seconds += time.monotonic() - begun
    stop.set()
    for thread in (*attackers, watcher):
        thread.join(timeout=10)
    figures.times += times
    figures.failed += failed
    figures.memory_mb = max(figures.memory_mb, *peak)


def table(found: dict[str, Figures]) -> dict[str, dict[str, float]]:
    """The figures by attack, and their ratios to the idle service."""
    idle = found["idle"]
    cost = idle.processor_seconds / len(idle.times)
    rows = {}
    for name, one in found.items():
        p50, p99 = np.percentile(one.times, [50, 99]) * 1000
        rows[name] = {
            "requests": len(one.times),
            "failed": one.failed,
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
            "p99_to_idle": round(float(p99 / np.percentile(idle.times, 99) / 1000), 2),
            "memory_mb": one.memory_mb,
            "memory_to_idle": round(one.memory_mb / idle.memory_mb, 2),
            "processor_share_of_the_attack": round(
                (one.processor_seconds - cost * len(one.times)) / one.seconds, 3
            ),
        }
    return rows


ATTACKS: dict[str, tuple[Callable[..., None] | None, int]] = {
    "idle": (None, 0),
    "header flood, 2 connections": (flood_headers, 2),
    "900 slow connections": (hold_connections, 1),
    "100 abandoned baskets a second": (abandon_baskets, 1),
}


def main() -> None:
    """Print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", nargs="?", type=Path)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    found = {name: Figures() for name in ATTACKS}
    load = [round(os.getloadavg()[0], 1)]
    with tempfile.TemporaryDirectory() as folder:
        path = given.bundle or Path(folder) / "bundle"
        if given.bundle is None:
            fit_number(path, 1)
        with serving(path, 1) as (process, port):
            ask(port, 2)
            for _ in range(given.turns):
                for name, attack in ATTACKS.items():
                    measure(found[name], process, port, given.seconds, attack)
                print(table(found), flush=True)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
    pattern = r'goeswith_connections_refused_total{status="(\d+)"} (\d+)'
    refused = {status: int(count) for status, count in re.findall(pattern, text)}
    abandoned = sum(int(float(n)) for n in re.findall(r'status="499"} ([\d.]+)', text))
    computed = re.search(r'basket",status="200"} ([\d.]+)', text)
    write_json(
        {
            "command": f"python benchmarks/hostile_clients.py --turns {given.turns} "
            f"--seconds {given.seconds:g}",
            "times": table(found),
            "connections_refused": refused,
            "baskets_not_computed": abandoned,
            "baskets_computed": int(float(computed[1])) if computed else 0,
            "load_before_and_after": [*load, round(os.getloadavg()[0], 1)],
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
        },
        given.out,
    )
    print(given.out.read_text())


if __name__ == "__main__":
    main()
