"""Feedback under load, and after the service was killed.

    python benchmarks/feedback_kills.py demo/bundle [--kills 100] [--seconds 10] [--clients 4,16]

Throughput: one process of the service, clients on the same machine that send requests of `--batch`
events and wait for each response, which is sent after fsync. All requests that wait share one
fsync, so that more clients mean more events a second. Events of a processor second of the service
say what it can do where other jobs use the machine. With `--kills 0` only this is measured, and
the stored result of the kills stays.

Kills: the process gets SIGKILL at a random time under that load and starts again, in the same
folder. Every event with a response must be in the folder once. SIGKILL ends a process; it does not
take the power from the disk, which fsync is for.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import socket
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import uvicorn

from goeswith.query.bundle import Bundle
from goeswith.serve.app import create_app
from goeswith.settings.serve_settings import ServeSettings

RESULT = Path(__file__).parent / "results" / "feedback-kills.json"
KILL_CLIENTS = 4


class Service:
    """A process that serves a bundle, forked from this one."""

    def __init__(self, bundle: Bundle, folder: Path) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.pid = os.fork()
        if self.pid == 0:
            try:
                settings = ServeSettings(log=False, live=False, feedback=str(folder))
                app = create_app(bundle, settings)
                config = uvicorn.Config(app, log_level="error", access_log=False)
                uvicorn.Server(config).run([listening])
            finally:
                os._exit(1)
        listening.close()

    def processor_seconds(self) -> float:
        """What the process has used so far."""
        times = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End the process at once."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Client(threading.Thread):
    """Sends batches of events until the service is gone; remembers which were accepted."""

    def __init__(self, port: int, name: str, batch: int, product: str) -> None:
        super().__init__(daemon=True)
        self.port, self.prefix, self.batch, self.product = port, name, batch, product
        self.accepted: list[str] = []
        self.stopping = False

    def run(self) -> None:
        """Send."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        number = 0
        while not self.stopping:
            ids = [f"{self.prefix}-{number}-{i}" for i in range(self.batch)]
            events = [
                {"event": "click", "product_id": self.product, "session_id": "s", "event_id": one}
                for one in ids
            ]
            body = json.dumps({"events": events})
            try:
                connection.request(
                    "POST", "/v1/feedback", body, {"content-type": "application/json"}
                )
                response = connection.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException):
                if not self.accepted and not self.stopping:  # not started yet
                    connection.close()
                    time.sleep(0.02)
                    continue
                return
            if response.status != 202:
                raise RuntimeError(content)
            self.accepted += ids
            number += 1


def clients(
    port: int, name: str, batch: int, product: str, count: int = KILL_CLIENTS
) -> list[Client]:
    """Clients that have sent something."""
    found = [Client(port, f"{name}-{i}", batch, product) for i in range(count)]
    for one in found:
        one.start()
    while not all(one.accepted for one in found):
        time.sleep(0.01)
    return found


def throughput(bundle: Bundle, batch: int, count: int, seconds: float) -> dict[str, Any]:
    """Events a second with a response."""
    with tempfile.TemporaryDirectory(prefix="goeswith-") as folder:
        service = Service(bundle, Path(folder))
        sending = clients(service.port, "t", batch, bundle.products.ids[0], count)
        before, start = sum(len(one.accepted) for one in sending), time.perf_counter()
        used = service.processor_seconds()
        time.sleep(seconds)
        accepted = sum(len(one.accepted) for one in sending) - before
        spent = time.perf_counter() - start
        used = service.processor_seconds() - used
        for one in sending:
            one.stopping = True
        for one in sending:
            one.join()
        service.kill()
    return {
        "clients": count,
        "batch": batch,
        "events_per_second": round(accepted / spent),
        "service_processor_seconds": round(used, 2),
        "events_per_processor_second": round(accepted / max(used, 0.01)),
        "load_average": round(os.getloadavg()[0], 1),
    }


def kills(bundle: Bundle, batch: int, count: int) -> dict[str, Any]:
    """Accepted events, and those of them that are missing or there twice."""
    rng, accepted = random.Random(0), list[str]()
    with tempfile.TemporaryDirectory(prefix="goeswith-") as folder:
        for number in range(count):
            service = Service(bundle, Path(folder))
            sending = clients(service.port, f"k{number}", batch, bundle.products.ids[0])
            time.sleep(rng.uniform(0, 0.2))
            service.kill()
            for one in sending:
                one.stopping = True
                one.join()
                accepted += one.accepted
        last = Service(bundle, Path(folder))  # its start repairs the last file
        for one in clients(last.port, "end", 1, bundle.products.ids[0]):
            one.stopping = True
            one.join()
            accepted += one.accepted
        last.kill()
        lines = [
            line
            for path in Path(folder).glob("feedback-*.jsonl")
            for line in path.read_text().splitlines()
        ]
    stored = Counter(json.loads(line)["event_id"] for line in lines)
    return {
        "kills": count,
        "accepted": len(accepted),
        "stored": len(lines),
        "lost": sum(one not in stored for one in accepted),
        "twice": sum(n > 1 for n in stored.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", default="4,16")
    options = parser.parse_args()
    bundle = Bundle.open(options.bundle)
    result: dict[str, Any] = {"cpus": os.cpu_count()}
    result["throughput"] = [
        throughput(bundle, batch, int(count), options.seconds)
        for count in options.clients.split(",")
        for batch in (1, options.batch, 100)
    ]
    print(result["throughput"], flush=True)
    result["kills"] = (
        kills(bundle, options.batch, options.kills)
        if options.kills
        else json.loads(RESULT.read_text(encoding="utf-8"))["kills"]
    )
    print(result["kills"], flush=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
