"""Live facts: seen by every worker, kept in kills, and their cost.

    python benchmarks/live_facts.py [--products 1000000] [--facts 100000]

- seen: a service of two workers under load, with so many products of changed facts, gets changes of
  stock over HTTP. After each acknowledgement every worker is queried for a list with the product.
  Counted are answers that do not have the change, and measured is the time from sending the change
  until the last worker has answered with it.
- kills: writers of facts are killed (SIGKILL) while they write and others compact the log, and so
  are workers of the service; what was acknowledged must be in the log.
- plain: complements in one process, of one bundle with facts and of the same without, in turns,
  from the response cache and computed; ratios of the medians of each turn.
- memory: private and shared memory (PSS) of the service without facts and with them.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from serving_scale import ask, family, free_port, memory

RESULT = Path(__file__).parent / "results" / "live-facts.json"
LOG = Path("live") / "facts.log"


class Client:
    """One connection that stays open, and so belongs to one worker."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """The body of the answer, which must be of status 200."""
        headers = {} if body is None else {"content-type": "application/json"}
        content = None if body is None else json.dumps(body)
        self.connection.request(method, path, content, headers)
        response = self.connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise SystemExit(f"{path}: {response.status} {text[:300]!r}")
        return json.loads(text)

    @property
    def local_port(self) -> int:
        """The port of this end."""
        port: int = self.connection.sock.getsockname()[1]
        return port


def worker_of(client: Client, workers: list[int]) -> int:
    """The process that answers a connection."""
    remote = f":{client.local_port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[2].endswith(remote):
            inode = f"socket:[{fields[9]}]"
            for worker in workers:
                for handle in Path(f"/proc/{worker}/fd").iterdir():
                    try:
                        if str(handle.readlink()) == inode:
                            return worker
                    except OSError:
                        continue
    return 0


@contextmanager
def service(bundle: Path, workers: int) -> Iterator[tuple[int, int]]:
    """A running service that may be edited; its process and port."""
    port = free_port()
    environment = {"GOESWITH_SERVE_EDITORS": "*", "GOESWITH_SERVE_LOG": "false"}
    process = subprocess.Popen(
        [
            *[sys.executable, "-m", "goeswith.cli.main", "serve", str(bundle)],
            *["--port", str(port), "--workers", str(workers)],
        ],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not ask(port, "/v1/health/ready"):
            if process.poll() is not None:
                raise SystemExit("the service has ended")
            time.sleep(0.1)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(timeout=60)


def one_client_a_worker(port: int, pid: int, workers: int) -> dict[int, Client]:
    clients: dict[int, Client] = {}
    children = family(pid)[1:]
    for _ in range(200):
        client = Client(port)
        client("GET", "/v1/health/ready")
        clients.setdefault(worker_of(client, children), client)
        if len(clients) == workers and 0 not in clients:
            return clients
    raise SystemExit(f"only {len(clients)} workers answered")


def write_facts(path: Path, count: int) -> dict[str, Any]:
    """Change so many products."""
    from goeswith.facts.fact_writer import FactChange, FactWriter
    from goeswith.query.bundle import Bundle

    bundle = Bundle.open(path)
    rng = np.random.default_rng(1)
    rows = rng.permutation(len(bundle))[:count].tolist()
    changes = [
        FactChange(bundle.products.ids[row], {"price": 5 + i % 90, "stock": i % 50})
        for i, row in enumerate(rows)
    ]
    started = time.perf_counter()
    report = FactWriter(bundle, bundle.live).write(changes)
    seconds = time.perf_counter() - started
    again = Bundle.open(path)
    started = time.perf_counter()
    again.live.refresh()
    return {
        "products_changed": report.changed,
        "values": 3 * report.changed,
        "seconds_to_write": round(seconds, 2),
        "seconds_to_read_all": round(time.perf_counter() - started, 2),
        "log_bytes": (path / LOG).stat().st_size,
    }


def percentiles(milliseconds: list[float]) -> dict[str, float]:
    return {f"p{p}": round(float(np.percentile(milliseconds, p)), 2) for p in (50, 90, 99, 100)}


def sync_milliseconds(folder: Path) -> float:
    """What the disk takes to store a line, whoever writes it."""
    with (folder / "live" / "sync").open("ab") as file:
        file.write(b"x" * 200)
        file.flush()
        started = time.perf_counter()
        os.fdatasync(file.fileno())
        return (time.perf_counter() - started) * 1000


def seen(path: Path, changes: int, rate: float) -> dict[str, Any]:
    """How soon every worker answers with a change."""
    from goeswith.query.bundle import Bundle

    bundle = Bundle.open(path)
    bundle.refresh()
    ids, n, workers = bundle.products.ids, len(bundle), 2
    rng = np.random.default_rng(2)
    stop = threading.Event()
    requests, sync_ms = [0], list[float]()

    def load(port: int, seed: int) -> None:
        client, draw = Client(port), random.Random(seed)
        while not stop.is_set():
            client("GET", f"/v1/products/{ids[draw.randrange(n)]}/complements")
            requests[0] += 1
            time.sleep(1 / rate)

    with service(path, workers) as (pid, port):
        clients = one_client_a_worker(port, pid, workers)
        writer = Client(port)
        threads = [threading.Thread(target=load, args=(port, seed)) for seed in range(4)]
        for thread in threads:
            thread.start()
        write_ms, after_ms, all_ms, stale = [], [], [], 0
        started = time.perf_counter()
        for _ in range(changes):
            row = int(rng.integers(n))
            source = f"/v1/products/{ids[row]}/complements"
            before = writer("GET", source)["complements"]
            target = before[0]["product_id"]
            change = {"attributes": {"stock": 0}}
            begun = time.perf_counter()
            writer("PATCH", f"/v1/products/{target}", change)
            acknowledged = time.perf_counter()
            for client in clients.values():
                answer = client("GET", source)["complements"]
                stale += any(one["product_id"] == target for one in answer)
            ended = time.perf_counter()
            write_ms.append((acknowledged - begun) * 1000)
            after_ms.append((ended - acknowledged) * 1000)
            all_ms.append((ended - begun) * 1000)
            sync_ms.append(sync_milliseconds(path))
        seconds = time.perf_counter() - started
        stop.set()
        for thread in threads:
            thread.join()
    return {
        "workers": workers,
        "changes": changes,
        "answers_after_the_acknowledgement": changes * workers,
        "of_these_without_the_change": stale,
        "milliseconds_to_acknowledge": percentiles(write_ms),
        "milliseconds_of_one_fsync_meanwhile": percentiles(sync_ms),
        "milliseconds_from_there_until_every_worker_has_answered": percentiles(after_ms),
        "milliseconds_until_every_worker_has_answered_with_it": percentiles(all_ms),
        "requests_per_second_meanwhile": round(requests[0] / seconds),
    }


WRITER = """
import sys
from pathlib import Path
from goeswith.facts.fact_log import append
n = int(sys.argv[2])
while True:
    append(Path(sys.argv[1]), [{"id": f"p{n % 5000}", "set": {"stock": n}, "n": n}])
    print(n, flush=True)
    n += 1
"""


def kills(folder: Path, count: int) -> dict[str, Any]:
    """Kill writers of one log, of which two write at a time while a third process compacts."""
    from goeswith.facts.fact_fold import FactFold, compact_log
    from goeswith.facts.fact_log import LogFollower

    path = folder / "facts.log"
    acknowledged: dict[str, int] = {}
    running: list[subprocess.Popen[str]] = []
    draw, number, compactions = random.Random(0), 0, 0
    lock = threading.Lock()

    def collect(process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            n = int(line)
            with lock:
                acknowledged[f"w{n // 1_000_000}"] = n

    threads = []
    for kill in range(count):
        while len(running) < 2:
            number += 1
            process = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), str(number * 1_000_000)],
                stdout=subprocess.PIPE,
                text=True,
            )
            running.append(process)
            threads.append(threading.Thread(target=collect, args=(process,)))
            threads[-1].start()
        time.sleep(0.15 + 0.2 * draw.random())
        os.kill(running.pop(0).pid, signal.SIGKILL)
        if kill % 10 == 5 and path.exists():
            compactions += compact_log(path)
    for process in running:
        os.kill(process.pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    follower = LogFollower(path)
    fold = FactFold().add(follower.read())
    last = {}
    for entry in fold.entries():
        last[entry["id"]] = int(entry["set"]["stock"])
    # the log holds the last value of each product: no writer's last acknowledged one is missing
    lost = 0
    for n in acknowledged.values():
        held = last.get(f"p{n % 5000}", -1)
        # another writer may have set the same product after it
        lost += (held < n and held // 1_000_000 == n // 1_000_000) or held == -1
    return {
        "killed_writers": count + len(running),
        "writers_that_acknowledged_something": len(acknowledged),
        "acknowledged_changes": sum(n % 1_000_000 + 1 for n in acknowledged.values()),
        "compactions": compactions,
        "lost": lost,
        "unfinished_lines": follower.unreadable,
    }


def worker_kills(path: Path, count: int) -> dict[str, Any]:
    """Kill workers of a service while it takes changes."""
    from goeswith.query.bundle import Bundle

    bundle = Bundle.open(path)
    ids, n = bundle.products.ids, len(bundle)
    draw = random.Random(3)
    acknowledged: dict[str, float] = {}
    stop = threading.Event()
    failed = [0]

    def write(port: int) -> None:
        client = Client(port)
        price = 1000.0
        while not stop.is_set():
            product, price = ids[draw.randrange(n)], price + 1
            try:
                client("PATCH", f"/v1/products/{product}", {"attributes": {"price": price}})
                acknowledged[product] = price
            except (OSError, http.client.HTTPException):
                failed[0] += 1
                # whether it was stored is not known
                acknowledged.pop(product, None)
                client = Client(port)

    with service(path, 2) as (pid, port):
        thread = threading.Thread(target=write, args=(port,))
        thread.start()
        for _ in range(count):
            time.sleep(1.3)
            children = family(pid)[1:]
            if children:
                os.kill(draw.choice(children), signal.SIGKILL)
        stop.set()
        thread.join()
    after = Bundle.open(path)
    lost = sum(after.product(product)["price"] != price for product, price in acknowledged.items())
    return {
        "killed_workers": count,
        "acknowledged_changes": len(acknowledged),
        "requests_that_failed": failed[0],
        "lost": lost,
    }


def plain(without: Path, with_facts: Path, turns: int) -> dict[str, Any]:
    """Times of plain answers of two bundles in this process, in turns, of the same products.

    The third way looks for no facts and rules at all: what a service without this would need.
    """
    from goeswith.query.bundle import Bundle
    from goeswith.serve.app import create_app
    from goeswith.settings.serve_settings import ServeSettings
    from shop_rules import request_times

    def nothing(*_: Any) -> None:
        return

    result: dict[str, Any] = {
        "turns": turns,
        "requests_a_turn": 100,
        "unit": "microseconds of processor time; a ratio is the median of the turns' ratios of "
        "medians, in one process and of the same products",
    }
    for kind, cached in (("computed", False), ("cached", True)):
        ways = {}
        for name, path in (
            ("facts are not looked for", without),
            ("no facts", without),
            ("facts", with_facts),
        ):
            bundle = Bundle.open(path)
            app = create_app(
                bundle, ServeSettings(log=False, live=False, cache_mb=64 if cached else 0)
            )
            if not ways:
                bundle.refresh = nothing  # type: ignore[method-assign]
                app.state.snapshot_holder().cache.drop_outdated = nothing
            ways[name] = app
        ids, n = bundle.products.ids, len(bundle)
        rng = np.random.default_rng(7)
        held = [ids[row] for row in rng.integers(0, n, 300).tolist()]
        medians: dict[str, list[float]] = {name: [] for name in ways}
        times: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(turns):
            of = held if cached else [ids[row] for row in rng.integers(0, n, 100).tolist()]
            chosen = [of[i] for i in rng.permutation(len(of))[:100].tolist()]
            if cached:
                for app in ways.values():
                    request_times(app, chosen)
            names = list(ways)
            for name in names[turn % 3 :] + names[: turn % 3]:
                used = [processor for _, processor in request_times(ways[name], chosen)]
                medians[name].append(float(np.median(used)))
                times[name] += used
        base = np.array(medians["no facts"])
        result[kind] = {
            name: {
                "p50": round(float(np.median(times[name])), 1),
                "p99": round(float(np.percentile(times[name], 99)), 1),
                "ratio_of_p50": round(float(np.median(np.array(medians[name]) / base)), 3),
            }
            for name in ways
        }
        p99 = {name: one["p99"] for name, one in result[kind].items()}
        result[kind]["facts"]["ratio_of_p99"] = round(p99["facts"] / p99["no facts"], 3)
    return result


def memory_of(path: Path) -> dict[str, float]:
    """MB of a service of two workers after requests."""
    from goeswith.query.bundle import Bundle

    bundle = Bundle.open(path)
    ids, n = bundle.products.ids, len(bundle)
    draw = random.Random(5)
    with service(path, 2) as (pid, port):
        clients = one_client_a_worker(port, pid, 2).values()
        for _ in range(1500):
            for client in clients:  # in turns: a connection that nobody uses is closed
                client("GET", f"/v1/products/{ids[draw.randrange(n)]}/complements?k=10")
        return memory(pid)


def write_result(result: dict[str, Any], path: Path) -> None:
    """Store what is measured so far."""
    text = re.sub(r"\[\s+([\d.]+),\s+([\d.]+)\s+\]", r"[\1, \2]", json.dumps(result, indent=2))
    path.write_text(text + "\n", encoding="utf-8")


def loads(before: float) -> dict[str, list[float]]:
    """How busy the machine was, with this program."""
    return {"load_before_and_after": [round(before, 1), round(os.getloadavg()[0], 1)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--facts", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=400)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--worker-kills", type=int, default=20)
    parser.add_argument("--turns", type=int, default=150)
    parser.add_argument("--rate", type=float, default=25, help="requests a second of each of four")
    parser.add_argument("--bundle", type=Path, help="a bundle of serving_scale.py; it gets facts")
    parser.add_argument("--parts", default="seen,kills,plain,memory")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    parts, load = given.parts.split(","), os.getloadavg()[0]
    result = json.loads(given.out.read_text()) if given.out.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), given.bundle
        if path is None:
            from serving_scale import made_up

            made_up(path := folder / "bundle", given.products)
        shutil.rmtree(path / "live", ignore_errors=True)
        without = path.with_name(f"{path.name}-without-facts")  # the same files, shared memory
        shutil.rmtree(without, ignore_errors=True)
        shutil.copytree(path, without, copy_function=os.link)
        memories = {"without facts": memory_of(without)} if "memory" in parts else {}
        result["facts"] = write_facts(path, given.facts)
        if "memory" in parts:
            memories["with facts"] = memory_of(path)
            pss = [one["pss"] for one in memories.values()]
            result["memory_mb"] = {**memories, "ratio_of_pss": round(pss[1] / pss[0], 3)}
        if "plain" in parts:
            result["plain"] = {**plain(without, path, given.turns), **loads(load)}
            write_result(result, given.out)
        if "seen" in parts:
            result["seen"] = {**seen(path, given.changes, given.rate), **loads(load)}
            write_result(result, given.out)
        if "kills" in parts:
            result["kills"] = {
                "writers": kills(folder, given.kills),
                "workers": worker_kills(path, given.worker_kills),
            }
        shutil.rmtree(path / "live", ignore_errors=True)
        shutil.rmtree(without)
    result |= {
        "products": given.products,
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
    }
    write_result(result, given.out)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
