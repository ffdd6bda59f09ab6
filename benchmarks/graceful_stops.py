"""A service that is stopped under keep-alive load: every request has to be answered.

    python benchmarks/graceful_stops.py [--stops 50] [--workers 1,2] [--clients 8] [--drain 0,1]

Clients with kept-alive connections ask a running `goeswith serve` without a pause, or with pauses,
until it gets SIGTERM and cannot be connected to any more. A request is lost if it was sent on an
open connection and no complete response came back. A refused connection is none: a load balancer
goes on to the next service.
"""

from __future__ import annotations

import argparse
import http.client
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goeswith.core.atomic_files import write_json
from swaps import body_of, fit_number, until

RESULT = Path(__file__).parent / "results" / "graceful-stops.json"
PATHS = ("/v1/products/p1/complements", "/v1/basket?product=p1&product=p2", "/v1/search?q=item")


@dataclass
class Client(threading.Thread):
    """Asks over kept-alive connections until none can be opened."""

    port: int
    pause: float
    outcomes: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    connection: http.client.HTTPConnection | None = None

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Until a connection is refused."""
        at = 0
        while True:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                try:
                    self.connection.connect()
                except ConnectionRefusedError:
                    return
                except OSError as error:
                    self.lost.append(f"connect: {error!r}")
                    return
            at += 1
            self.ask(PATHS[at % len(PATHS)])
            time.sleep(self.pause)

    def ask(self, path: str) -> None:
        """One request; a connection that the service ends is dropped."""
        assert self.connection is not None
        try:
            self.connection.request("GET", path)
            response = self.connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            self.lost.append(f"{path}: {error!r}")
            self.connection = None
            return
        self.outcomes[str(response.status)] += 1
        if response.headers.get("Connection", "").lower() == "close":
            self.outcomes["ended by the service"] += 1
            self.connection.close()
            self.connection = None


def stop_once(path: Path, workers: int, drain: float, clients: int, load: float) -> dict[str, Any]:
    """Start a service, load it, stop it; what became of the requests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "goeswith.cli.main", "serve", str(path), "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--workers", str(workers)],
        env={**os.environ, "GOESWITH_SERVE_LOG": "false", "GOESWITH_SERVE_DRAIN": str(drain)},
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: body_of(port, "/v1/health/ready") is not None, process)
    pauses = (0.0, 0.0, 0.01, 0.3)
    askers = [Client(port, pauses[i % len(pauses)]) for i in range(clients)]
    for asker in askers:
        asker.start()
    time.sleep(load)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=60)
    seconds = time.monotonic() - started
    for asker in askers:
        asker.join(timeout=30)
    outcomes: Counter[str] = sum((asker.outcomes for asker in askers), Counter())
    lost = [line for asker in askers for line in asker.lost]
    return {"code": code, "seconds": seconds, "outcomes": outcomes, "lost": lost}


def main() -> None:
    """Print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--drain", default="0,1")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--load", type=float, default=2.0, help="seconds of load before a stop")
    given = parser.parse_args()
    kinds = [(int(w), float(d)) for w in given.workers.split(",") for d in given.drain.split(",")]
    rows: dict[tuple[int, float], list[dict[str, Any]]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        fit_number(Path(folder) / "bundle", 1)
        for stop in range(given.stops):
            kind = kinds[stop % len(kinds)]
            result = stop_once(Path(folder) / "bundle", *kind, given.clients, given.load)
            rows[kind].append(result)
            print(f"{stop + 1}: {kind} {dict(result['outcomes'])} lost {result['lost']}")
    table = []
    for (workers, drain), results in rows.items():
        outcomes: Counter[str] = sum((one["outcomes"] for one in results), Counter())
        ended = outcomes.pop("ended by the service", 0)
        lost = [line for one in results for line in one["lost"]]
        table.append(
            {
                "workers": workers,
                "drain_seconds": drain,
                "stops": len(results),
                "requests": sum(outcomes.values()) + len(lost),
                "statuses": dict(outcomes),
                "responses_that_ended_a_connection": ended,
                "lost": len(lost),
                "first_lost": lost[:5],
                "exit_codes": sorted({one["code"] for one in results}),
                "seconds_to_stop_max": round(max((o["seconds"] for o in results), default=0), 2),
            }
        )
    write_json(
        {
            "command": f"python benchmarks/graceful_stops.py --stops {given.stops}",
            "stops": given.stops,
            "clients": given.clients,
            "lost": sum(row["lost"] for row in table),
            "by_kind": table,
            "python": platform.python_version(),
        },
        RESULT,
    )
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
