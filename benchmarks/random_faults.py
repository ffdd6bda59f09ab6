"""Kills, pauses and full disks at random moments, of a service that takes feedback and of updates.

    python benchmarks/random_faults.py [--minutes 30] [--seed 0]

Clients send carts of two products as feedback, each until it is acknowledged, some once more, and
some only once, whatever comes back. Others request complements. Meanwhile the service, a worker or
an update is killed (SIGKILL) or paused (SIGSTOP, then SIGCONT), or the disk is filled: bundle,
feedback and temporary files lie on a tmpfs of 64 MB, mounted for this run alone (`unshare`), so
that the system refuses writes as for any full disk.

After each round of a minute the disk has room again, the service has to acknowledge, and one more
update has to have every acknowledged cart counted exactly once, by pair of products. After each
update, disturbed or not, the bundle has to open with every checksum right.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from disturbed_service import PRODUCTS, Pair, QueryClient, Senders, Service, request
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
SETTINGS = Settings(
    fit=FitSettings(model="copurchase", fallbacks=["popularity"], k=8, session_model="none"),
    kinds=KindSettings(use="none"),
    relations=MiningConfig(per_user_cap=10**6, min_co_purchase=1),
)


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
    """Open a bundle with every file checked, and query it; its counts of pairs."""
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
    senders, queries = Senders(service.port, random.Random(seed + 1)), QueryClient(service.port)
    updater = Updater(rng)
    faults = Faults(folder, service, updater, rng)
    started, rounds, done, answered = time.monotonic(), 0, 0, []
    try:
        settle(faults, senders)
        for target in (senders.run, senders.run, senders.run, queries.run):
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
            assert not queries.wrong, queries.wrong[:3]
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
        "complements_responses": dict(sorted(queries.outcomes.items())),
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
