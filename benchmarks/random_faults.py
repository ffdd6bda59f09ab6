"""Kills, pauses and full disks at random moments, of a service that takes feedback and of updates.

    python benchmarks/random_faults.py [--minutes 30] [--seed 0]

Clients send carts of two products as feedback, each until it is acknowledged, some once more, and
some only once, whatever comes back. Others ask for complements. Meanwhile the service, a worker or
an update is killed (SIGKILL) or paused (SIGSTOP, then SIGCONT), or the disk is filled: bundle,
feedback and temporary files lie on a tmpfs of 64 MB, mounted for this run alone (`unshare`), so
that the system refuses writes as for any full disk.

After each round of a minute the disk has room again, the service has to acknowledge, and one more
update has to have every acknowledged cart counted exactly once, by pair of products. After each
update, disturbed or not, the bundle has to open with every checksum right.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph_files import load_graph
from goeswith.settings.sections import FitSettings, KindSettings, Settings
from update_kills import Updater

RESULT = Path(__file__).parent / "results" / "random-faults.json"
DISK_MB = 64
PRODUCTS, ONCE = 60, 40
"""Products; carts of products from `ONCE` on are sent once, whatever comes back."""
PAUSE = 0.15
"""Seconds between two requests of a client."""
SETTINGS = Settings(
    fit=FitSettings(model="copurchase", fallbacks=["popularity"], k=8, session_model="none"),
    kinds=KindSettings(use="none"),
    relations=MiningConfig(per_user_cap=10**6, min_co_purchase=1),
)
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
class Asker:
    """A client that asks for complements; what comes back has to be complete."""

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
        lines = (self.folder.parent / "service.log").read_text().splitlines()
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


class Faults:
    """Disturbs the service, the disk and updates at random."""

    def __init__(
        self, folder: Path, service: Service, updater: Updater, rng: random.Random
    ) -> None:
        self.folder, self.service, self.updater, self.rng = folder, service, updater, rng
        self.ballast = folder / "ballast"
        self.counts: Counter[str] = Counter()
        self.has_disk = folder.is_mount()

    def one(self) -> None:
        """One disturbance."""
        rng = self.rng
        kinds = ["kill a worker", "kill a worker", "kill the service"]
        kinds += [
            "pause a worker",
            "pause the service",
            "update",
            "update, killed",
            "update, paused",
        ]
        if self.has_disk:
            kinds += ["full disk", "full disk", "full disk, worker killed"]
            kinds += ["full disk, service killed"]
            kinds += ["full disk, update", "full disk, update killed"]
        kind = rng.choice(kinds)
        outcome = ""
        if kind.startswith("full disk"):
            self.fill(rng.choice([0, 0, 300, 3000, 20_000, 200_000]))
        if kind.endswith("worker killed") or kind == "kill a worker":
            self.signal(self.worker(), signal.SIGKILL)
        elif kind.endswith("service killed") or kind == "kill the service":
            self.signal(self.service.process.pid, signal.SIGKILL)
        elif kind.startswith("pause"):
            pid = self.worker() if kind.endswith("worker") else self.service.process.pid
            self.signal(pid, signal.SIGSTOP)
            time.sleep(rng.uniform(0.1, 3))
            self.signal(pid, signal.SIGCONT)
        elif "update" in kind:
            way = {"killed": "kill", "paused": "pause"}.get(kind.rpartition(" ")[2], "none")
            status = self.updater.run(self.folder / "bundle", self.folder / "feedback", way)
            outcome = f": {'published' if status == 0 else 'not published'}"
            check_bundle(self.folder / "bundle")
        time.sleep(rng.uniform(0.2, 2))
        self.service.keep_up()
        if kind.startswith("full disk"):
            time.sleep(rng.uniform(0, 2))
            self.ballast.unlink()
        self.counts[kind + outcome] += 1

    def fill(self, left: int) -> None:
        """Fill the disk except for so many bytes."""
        with self.ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(65_536))
        size = self.ballast.stat().st_size
        os.truncate(self.ballast, max(0, size - left))

    def worker(self) -> int:
        """A worker by chance; 0 if there is none now."""
        workers = self.service.workers()
        return self.rng.choice(workers) if workers else 0

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a process that may have ended."""
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def check_bundle(path: Path) -> Counter[Pair]:
    """Open a bundle with every file checked, and ask it; its counts of pairs."""
    bundle = Bundle.open(path, verify=True)
    assert len(bundle.complements("p0", 3)) == 3
    relation = load_graph(bundle.folder / "relations", len(bundle))["co_purchase"]
    ids = bundle.products.ids
    counts: Counter[Pair] = Counter()
    pairs = zip(relation.sources, relation.targets, relation.times_seen, strict=True)
    for source, target, count in pairs:
        a, b = int(ids[source][1:]), int(ids[target][1:])
        counts[min(a, b), max(a, b)] = int(count)
    return counts


def fit(folder: Path) -> Counter[Pair]:
    """Fit a bundle; the counts of pairs in it."""
    carts = [(i, (i + step) % PRODUCTS) for i in range(PRODUCTS) for step in (1, 2, 3)]
    events = [
        {
            "basket_id": f"o{number}",
            "product_id": f"p{product}",
            "timestamp": 1_700_000_000 + number,
        }
        for number, cart in enumerate(carts)
        for product in cart
    ]
    data = folder.parent / "data"
    data.mkdir()
    pl.DataFrame(events).write_csv(data / "events.csv")
    pl.DataFrame({"product_id": [f"p{i}" for i in range(PRODUCTS)]}).write_csv(
        data / "products.csv"
    )
    fit_bundle(load_data(data), folder / "bundle", SETTINGS)
    counts = check_bundle(folder / "bundle")
    assert counts == Counter(tuple(sorted(cart)) for cart in carts)
    return counts


def settle(faults: Faults, senders: Senders) -> float:
    """Wait until every cart is acknowledged; seconds until the service answered again."""
    begun = time.monotonic()
    while request(faults.service.port, "GET", "/v1/health/ready")[0] != 200:
        faults.service.keep_up()
        assert time.monotonic() < begun + 60, "the service does not answer"
        time.sleep(0.1)
    seconds = time.monotonic() - begun
    senders.running.clear()
    while senders.busy:
        faults.service.keep_up()
        assert time.monotonic() < begun + 120, "feedback is not acknowledged"
        time.sleep(0.1)
    return seconds


def check_counts(folder: Path, before: Counter[Pair], senders: Senders, updater: Updater) -> int:
    """Compare the counts after one more update; the number of carts that may be counted or not."""
    status = updater.run(folder / "bundle", folder / "feedback", "none")
    counts = check_bundle(folder / "bundle")
    assert status in {0, 2}
    for pair in {*counts, *senders.acknowledged, *senders.unanswered}:
        low = before[pair] + senders.acknowledged[pair]
        high = low + senders.unanswered[pair]
        assert low <= counts[pair] <= high, (pair, low, counts[pair], high)
    return senders.unanswered.total()


def run(folder: Path, seconds: float, seed: int, most: int = 10**6) -> dict[str, Any]:
    """Rounds of disturbances, for some seconds or until `most` of them.

    Args:
        folder: an empty one; of a disk of its own, which is filled, if it is a mount.
        seconds: of all rounds together.
        seed: of the disturbances.
        most: disturbances.
    """
    rng = random.Random(seed)
    (folder / "tmp").mkdir()
    before = fit(folder)
    service = Service(folder)
    senders, asker = Senders(service.port, random.Random(seed + 1)), Asker(service.port)
    updater = Updater(rng)
    faults = Faults(folder, service, updater, rng)
    started, rounds, done, answered = time.monotonic(), 0, 0, []
    try:
        settle(faults, senders)
        for target in (senders.run, senders.run, senders.run, asker.run):
            threading.Thread(target=target, daemon=True).start()
        while time.monotonic() < started + seconds and done < most:
            senders.running.set()
            end = time.monotonic() + 60
            while time.monotonic() < min(end, started + seconds) and done < most:
                time.sleep(rng.uniform(0, 1))
                faults.one()
                done += 1
            answered.append(settle(faults, senders))
            uncertain = check_counts(folder, before, senders, updater)
            assert not asker.wrong, asker.wrong[:3]
            rounds += 1
            print(rounds, done, senders.acknowledged.total(), dict(senders.outcomes), flush=True)
        stopped = service.stop()
    finally:
        service.process.kill()
        updater.close()
    return {
        "disk": f"tmpfs of {DISK_MB} MB" if faults.has_disk else "not filled: no tmpfs",
        "disturbances": done,
        "by_kind": dict(sorted(faults.counts.items())),
        "rounds_with_exact_counts": rounds,
        "carts_acknowledged": senders.acknowledged.total(),
        "carts_counted_exactly_once": senders.acknowledged.total(),
        "carts_without_response": uncertain,
        "feedback_responses": dict(sorted(senders.outcomes.items())),
        "complements_responses": dict(sorted(asker.outcomes.items())),
        "starts_of_the_service": service.starts,
        "errors_of_the_service": service.errors(),
        "exit_codes_of_the_service": dict(service.ends),
        "seconds_until_ready_after_a_round_max": round(max(answered, default=0), 2),
        "seconds_until_acknowledged_max": round(max(senders.waits), 1),
        "seconds_to_stop_at_the_end": round(stopped, 1),
        "seconds": round(time.monotonic() - started, 1),
    }


@contextmanager
def small_disk() -> Iterator[Path]:
    """A mounted tmpfs, of this process and its children alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "disk"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
        done = subprocess.run(mount, check=False, capture_output=True, text=True)
        if done.returncode:
            print(f"no disk of its own, which is therefore not filled: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            if not done.returncode:
                subprocess.run(["umount", "-l", str(folder)], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    if "GOESWITH_MOUNTS" not in os.environ:  # once more, with mounts of its own
        os.environ["GOESWITH_MOUNTS"] = "own"
        own = ["unshare", "--user", "--map-root-user", "--mount"]
        if not subprocess.run([*own, "true"], check=False).returncode:
            os.execvp(own[0], [*own, sys.executable, *sys.argv])  # noqa: S606
    with small_disk() as folder:
        result = run(folder, 60 * given.minutes, given.seed)
    write_json(
        {
            "command": f"python benchmarks/random_faults.py --minutes {given.minutes:g} "
            f"--seed {given.seed}",
            **result,
            "cores": len(os.sched_getaffinity(0)),
        },
        given.out,
    )
    print(given.out.read_text())


if __name__ == "__main__":
    main()
