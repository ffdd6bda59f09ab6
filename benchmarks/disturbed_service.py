"""A service of two workers and its clients, for `random_faults.py`."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PRODUCTS, ONCE = 60, 40
"""Products; carts of products from `ONCE` on are sent once, whatever comes back."""
PAUSE = 0.15
"""Seconds between two requests of a client."""
Pair = tuple[int, int]


@dataclass
class Senders:
    """Clients that send carts, and what became of them."""

    port: int
    rng: random.Random
    running: threading.Event = field(default_factory=threading.Event)
    acknowledged: Counter[Pair] = field(default_factory=Counter)
    unanswered: Counter[Pair] = field(default_factory=Counter)
    """Carts that were sent once and not acknowledged: they may be counted."""
    outcomes: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def run(self) -> None:
        """Send carts while `running` is set; a cart that was begun is finished in any case."""
        while self.running.wait():
            with self.lock:
                self.busy += 1
                once = self.rng.random() < 0.1
                first = ONCE if once else 0
                end = PRODUCTS if once else ONCE
                pair = tuple(sorted(self.rng.sample(range(first, end), 2)))
                again, number = self.rng.random() < 0.2, next(self.numbers)
            body = json.dumps(
                {
                    "events": [
                        {
                            "event": "purchase",
                            "product_id": f"p{product}",
                            "session_id": f"s{number}",
                            "event_id": f"e{number}-{place}",
                        }
                        for place, product in enumerate(pair)
                    ]
                }
            )
            begun = time.monotonic()
            stored = self.send(body)
            while not stored and not once:
                time.sleep(PAUSE)
                stored = self.send(body)
            if stored and again:  # by a client that did not get the response
                self.send(body)
            with self.lock:
                (self.acknowledged if stored else self.unanswered)[pair] += 1
                self.waits.append(time.monotonic() - begun)
                self.busy -= 1
            time.sleep(PAUSE)

    def send(self, body: str) -> bool:
        """One request; whether it was acknowledged."""
        status = request(self.port, "POST", "/v1/feedback", body)[0]
        with self.lock:
            self.outcomes[str(status or "no response")] += 1
        return status == 202


@dataclass
class QueryClient:
    """A client that requests complements; each response has to be complete."""

    port: int
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Until the process ends."""
        for at in itertools.count():
            status, body = request(
                self.port, "GET", f"/v1/products/p{at % PRODUCTS}/complements?k=3"
            )
            self.outcomes[str(status or "no response")] += 1
            if status not in {0, 200} or (
                status == 200 and len(json.loads(body)["complements"]) != 3
            ):
                self.wrong.append(f"{status}: {body[:300]}")
            time.sleep(PAUSE)


def request(port: int, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    """Status and body of a response; 0 if there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


class Service:
    """A service of two workers, started again when it has ended, as a process manager would."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.starts, self.ends = folder, 0, Counter[str]()
        self.start()

    def start(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "goeswith.cli.main", "serve", str(self.folder / "bundle")]
        settings = {
            "FEEDBACK": str(self.folder / "feedback"),
            "LOG": "false",
            "RELOAD_SECONDS": ".5",
        }
        self.starts += 1
        with (self.folder.parent / "service.log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port), "--workers", "2"],
                env={
                    **os.environ,
                    **{f"GOESWITH_SERVE_{name}": value for name, value in settings.items()},
                    "TMPDIR": str(self.folder / "tmp"),
                },
                stdout=log,
                stderr=log,
            )

    def keep_up(self) -> None:
        """Start it again if it has ended."""
        code = self.process.poll()
        if code is not None:
            self.ends[str(code)] += 1
            time.sleep(0.5)
            self.start()

    def workers(self) -> list[int]:
        """Its worker processes."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            return [int(pid) for pid in path.read_text().split()]
        except OSError:
            return []

    def errors(self) -> dict[str, int]:
        """Lines that it wrote to stderr, without numbers, and how often."""
        places = (f"{self.folder.parent}/", f"{Path(__file__).resolve().parents[1]}/")
        lines = (self.folder.parent / "service.log").read_text().splitlines()
        for place in places:
            lines = [line.replace(place, "") for line in lines]
        texts = Counter(re.sub(r"\d+", "N", line)[:200] for line in lines if line[:1].strip())
        return {text: count for text, count in texts.most_common(20) if "http://" not in text}

    def stop(self) -> float:
        """End it in order; the seconds that it takes."""
        begun = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return time.monotonic() - begun
