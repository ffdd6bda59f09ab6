"""Bundles swapped under load, and damaged ones offered: no request may fail, no answer may mix two.

    python benchmarks/swaps.py [--swaps 50] [--workers 2] [--clients 4]

Every build says its number in everything that it answers: in titles, prices, and which products go
together. Clients with kept-alive connections ask a running `goeswith serve` without a pause, and
every answer has to be 200 and to say one number, that of the build whose id it carries.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

RESULT = Path(__file__).parent / "results" / "swaps.json"
PRODUCTS = 40
EVERY = 0.2
"""serve.reload_seconds."""
JSON = {"content-type": "application/json"}


def fit_number(path: Path, number: int) -> str:
    """Fit the build of a number into the bundle at a path; its id."""
    from goeswith.data.catalog import Catalog
    from goeswith.data.dataset import Dataset
    from goeswith.data.quarantine import Quarantine
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.relations.graph import RelationGraph
    from goeswith.settings.sections import FitSettings, Settings
    from goeswith.store.manifest import read_manifest

    catalog = Catalog.from_records(
        {
            "product_id": f"p{i}",
            "title": f"Item {i} of build {number}",
            "type": f"type {i % 4}",
            "price": float(number),
        }
        for i in range(PRODUCTS)
    )
    edges = [(i, (i + number) % PRODUCTS, "co_purchase") for i in range(PRODUCTS)]
    graph = RelationGraph.from_edges(PRODUCTS, edges)
    data = Dataset("swaps", Path(), catalog, None, None, None, None, Quarantine(), "0")
    fit = FitSettings(model="copurchase:measure=count", fallbacks=["similar_complements"], k=4)
    fit_bundle(data, path, Settings(fit=fit), graph=graph, replace=True)
    return str(read_manifest(path).content["id"])


def numbers_in(answer: Any) -> set[int]:
    """Every number of a build that an answer says: in titles, prices and reasons."""
    text = json.dumps(answer)
    return {int(n) for n in re.findall(r"of build (\d+)", text)} | {
        int(float(n)) for n in re.findall(r'"price": ([\d.]+)', text)
    }


Damage = Callable[[Path, dict[str, Any]], None]


def _rewritten(change: Callable[[dict[str, Any]], object]) -> Damage:
    """A manifest that was changed, and signed again."""

    def damage(build: Path, manifest: dict[str, Any]) -> None:
        from goeswith.store.manifest import manifest_sha256

        change(manifest)
        manifest["sha256"] = manifest_sha256(manifest)

    return damage


def _flipped(name: str) -> Damage:
    def damage(build: Path, manifest: dict[str, Any]) -> None:
        content = bytearray((build / name).read_bytes())
        content[-3] ^= 1
        (build / name).write_bytes(content)

    return damage


def _cut_short(build: Path, manifest: dict[str, Any]) -> None:
    os.truncate(build / "answers.safetensors", 100)


def _other_rows(build: Path, manifest: dict[str, Any]) -> None:
    """Hashes are right, but the answers name products that are not there."""
    from goeswith.core.arrays_file import load_arrays, save_arrays
    from goeswith.store.manifest import file_sha256

    file = build / "answers.safetensors"
    save_arrays({**load_arrays(file), "products": np.full((PRODUCTS, 4), 10**6, np.int32)}, file)
    listed = {"bytes": file.stat().st_size, "sha256": file_sha256(file)}
    _rewritten(lambda m: m["files"].update({file.name: listed}))(build, manifest)


DAMAGES: dict[str, Damage] = {
    "a file cut short": _cut_short,
    "a byte of the answers flipped": _flipped("answers.safetensors"),
    "a byte of a model flipped": _flipped("model/model.safetensors"),
    "a file missing": lambda build, _: (build / "lookup.safetensors").unlink(),
    "a build missing": lambda build, _: shutil.rmtree(build),
    "a hash that is not the file's": _rewritten(
        lambda m: m["files"]["products.arrow"].update(sha256="0" * 64)
    ),
    "a format of the future": _rewritten(lambda m: m.update(format=99)),
    "a manifest that was edited": lambda _, manifest: manifest.update(k=3),
    "a manifest that is no JSON": lambda _, manifest: manifest.clear(),
    "answers of products that are not there": _other_rows,
    "a shape that is not the manifest's": _rewritten(lambda m: m.update(k=3)),
    "a file outside the folder": _rewritten(
        lambda m: m["files"].update({"../../x": {"bytes": 1, "sha256": "0"}})
    ),
}


def offer_damaged(path: Path, kind: str, number: int) -> str:
    """Put a damaged bundle where the service looks for one; its id."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / "made"
        build_id = fit_number(made, number)
        manifest = json.loads((made / "manifest.json").read_text())
        build = made / manifest["build"]
        DAMAGES[kind](build, manifest)
        if build.exists():
            shutil.move(build, path / build.name)
        (made / "manifest.json").write_text(json.dumps(manifest) if manifest else "{ half")
        (made / "manifest.json").replace(path / "manifest.json")
    return build_id


@dataclass
class Client(threading.Thread):
    """Asks without a pause over one connection, and notes what it was told."""

    port: int
    seed: int
    stop: threading.Event
    said: dict[tuple[str, frozenset[int]], int] = field(default_factory=dict)
    """(id of the build, numbers in the answer) -> how often."""
    failed: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Until told to stop."""
        rng = np.random.default_rng(self.seed)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.stop.is_set():
            method, address, body = self.request(rng)
            started = time.perf_counter()
            try:
                connection.request(method, address, body, JSON if body else {})
                response = connection.getresponse()
                content = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failed.append(f"{method} {address}: {error!r}")
                connection.close()
                continue
            self.seconds.append(time.perf_counter() - started)
            if response.status != 200:
                self.failed.append(f"{method} {address}: {response.status} {content}")
                continue
            key = (content["bundle"], frozenset(numbers_in(content)))
            self.said[key] = self.said.get(key, 0) + 1
        connection.close()

    def request(self, rng: np.random.Generator) -> tuple[str, str, str | None]:
        """One of the ways to ask, of a random product."""
        i, j, way = rng.integers(PRODUCTS), rng.integers(PRODUCTS), rng.integers(7)
        if way == 6:
            new = {"attributes": {"title": f"Item {i}", "type": "type 1"}}
            return "POST", "/v1/complements?k=2", json.dumps(new)
        ways = (
            f"/v1/products/p{i}/complements?k=4",
            f"/v1/products/p{i}/complements?k=4&where=type%3Dtype%201",
            f"/v1/products/p{i}",
            f"/v1/search?q=item%20{i}",
            f"/v1/basket?product=p{i}&product=p{j}",
            f"/v1/products/p{i}/reverse?k=2",
        )
        return "GET", ways[way], None


@contextmanager
def serving(path: Path, workers: int) -> Any:
    """A service of a bundle: its process and port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "GOESWITH_SERVE_LOG": "false",
        "GOESWITH_SERVE_RELOAD_SECONDS": str(EVERY),
    }
    command = [sys.executable, "-m", "goeswith.cli.main", "serve", str(path)]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--workers", str(workers)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: body_of(port, "/v1/health/ready") is not None, process)
        yield process, port
    finally:
        process.terminate()
        process.communicate(timeout=60)


def body_of(port: int, address: str) -> str | None:
    """An answer's text; None where there is none yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", address)
        response = connection.getresponse()
        text = response.read().decode()
    except OSError:
        return None
    else:
        return text if response.status == 200 else None
    finally:
        connection.close()


def until(holds: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            process.terminate()
            raise SystemExit(f"the service does not do it: {process.communicate()[1]}")
        time.sleep(0.02)


def reloads(port: int, outcome: str) -> int:
    """How many bundles all workers together have swapped or refused."""
    found = re.search(
        rf'goeswith_reloads_total{{outcome="{outcome}"}} (\d+)', body_of(port, "/metrics") or ""
    )
    return int(found[1]) if found else 0


def memory(process: subprocess.Popen[str]) -> float:
    """Memory of a process and its children, shared pages counted once, in MB."""
    children = subprocess.run(
        ["ps", "--ppid", str(process.pid), "-o", "pid="],
        capture_output=True,
        text=True,
        check=False,
    )
    total = 0
    for pid in [process.pid, *map(int, children.stdout.split())]:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss: +(\d+)", text, re.MULTILINE)[1])  # type: ignore[index]
    return round(total / 1024, 1)


def run(swaps: int, kinds: list[str], workers: int, clients: int) -> dict[str, Any]:
    """Swap, offer damaged bundles in between, and judge every answer."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle"
        number_of = {fit_number(path, 1): 1}
        with serving(path, workers) as (process, port):
            stop = threading.Event()
            askers = [Client(port, seed, stop) for seed in range(clients)]
            for asker in askers:
                asker.start()
            time.sleep(1)
            before, started = memory(process), time.monotonic()
            damaged: dict[int, list[str]] = {}
            for i, kind in enumerate(kinds):
                damaged.setdefault(1 + i * swaps // len(kinds), []).append(kind)
            refused = 0
            for swap in range(1, swaps + 1):
                for kind in damaged.get(swap, []):
                    offer_damaged(path, kind, 1000 + refused)
                    refused += workers
                    until(lambda due=refused: reloads(port, "refused") >= due, process)  # type: ignore[misc]
                number_of[fit_number(path, swap + 1)] = swap + 1
                due = swap * workers
                until(lambda due=due: reloads(port, "swapped") >= due, process)  # type: ignore[misc]
            took = time.monotonic() - started
            time.sleep(0.5)
            stop.set()
            for asker in askers:
                asker.join(timeout=30)
            after = memory(process)
            counts = {outcome: reloads(port, outcome) for outcome in ("swapped", "refused")}
            left = len(list(path.glob("build-*")))
    said: dict[tuple[str, frozenset[int]], int] = {}
    for asker in askers:
        for key, count in asker.said.items():
            said[key] = said.get(key, 0) + count
    mixed = {
        f"{build} says {sorted(numbers)}": count
        for (build, numbers), count in said.items()
        if not numbers <= {number_of.get(build)}
    }
    times = np.array([second for asker in askers for second in asker.seconds]) * 1000
    failed = [failure for asker in askers for failure in asker.failed]
    return {
        "swaps": swaps,
        "damaged_bundles": kinds,
        "workers": workers,
        "clients": clients,
        "reloads_of_all_workers": counts,
        "requests": int(sum(said.values()) + len(failed)),
        "failed": len(failed),
        "first_failures": failed[:5],
        "mixed_answers": sum(mixed.values()),
        "first_mixed": dict(list(mixed.items())[:5]),
        "builds_that_answered": len({build for build, _ in said}),
        "answers_that_say_a_number": sum(c for (_, numbers), c in said.items() if numbers),
        "milliseconds": {
            name: round(float(np.percentile(times, q)), 2)
            for name, q in (("median", 50), ("p99", 99), ("most", 100))
        },
        "seconds": round(took, 1),
        "memory_mb": {"before": before, "after": after},
        "builds_left_on_disk": left,
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    result = run(given.swaps, list(DAMAGES), given.workers, given.clients)
    text = json.dumps(result, indent=2)
    given.out.write_text(text + "\n", encoding="utf-8")
    print(text)
    if result["failed"] or result["mixed_answers"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
