"""A bundle of a million products: time until it is served, and memory of all workers together.

    python benchmarks/serving_scale.py [--products 1000000] [--workers 4] [--limit-mb 2000]

The bundle is synthetic: random titles, ten random complements a product with counts, fifty random
answers a product; co-citation and its fallbacks are fitted and saved, so that filters and new
products can be answered. It is made in a temporary folder and removed. Then `goeswith serve` is
started on it, all files checked as usual, and queried until every worker has answered.

Pages of mapped files count as memory although the system may take them back. With --limit-mb (root
of a Linux with version 1 of control groups) the same requests are answered once more in a group
that may hold so much and no more, pages of files included, after the system has dropped its own.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.query.bundle import Bundle
    from goeswith.relations.graph import RelationGraph

RESULT = Path(__file__).parent / "results" / "serving-scale.json"
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprst" for vowel in "aeiou"]
MODELS = ["cocitation", "similar_complements", "type_popularity", "popularity"]
EDGES = 10
ANSWERS = 50


def made_up(path: Path, n: int) -> None:
    """Write a bundle of n products."""
    from goeswith.models import make_model
    from goeswith.pipeline.fit_bundle import top_k_info, version_info, write_build
    from goeswith.pipeline.top_k_table import TopKTable
    from goeswith.settings.sections import FitSettings, Settings
    from goeswith.store.publish import new_build, publish

    rng = np.random.default_rng(0)
    catalog, graph = made_up_catalog(n, rng), made_up_graph(n, rng)
    answers = TopKTable(n, ANSWERS)
    answers.models = list(MODELS)
    steps = rng.integers(1, max(n // ANSWERS, 2), (n, ANSWERS), dtype=np.int32).cumsum(axis=1)
    answers.products[:] = (np.arange(n)[:, None] + steps) % n
    answers.scores[:] = np.sort(rng.random((n, ANSWERS), dtype=np.float32))[:, ::-1]
    answers.model_index[:] = 0
    with new_build(path) as build:
        for place, spec in enumerate(MODELS):
            folder = build / (f"fallbacks/{place}-{spec}" if place else "model")
            make_model(spec, {}).fit(catalog, graph).save(folder)
        write_build(build, catalog, graph, answers)
        settings = Settings(fit=FitSettings(model=MODELS[0], fallbacks=MODELS[1:]))
        data = {"name": "synthetic", "fingerprint": "0", "quarantine": [], "rows": {"products": n}}
        facts = {"settings": settings.model_dump(mode="json"), "data": data, "metrics": None}
        publish(build, {**version_info(), **facts, **top_k_info(graph, answers)})


def made_up_catalog(n: int, rng: np.random.Generator) -> Catalog:
    """Titles of six words, of which some are in very many; ids as marketplaces have them."""
    import polars as pl

    from goeswith.data.catalog import Catalog

    words = np.array([a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES])
    chosen = np.minimum(rng.pareto(0.8, (n, 6)) * 20, len(words) - 1).astype(int)
    return Catalog(
        pl.DataFrame(
            {
                "product_id": [f"B{i:09d}" for i in rng.permutation(n).tolist()],
                "title": [" ".join(row) for row in words[chosen].tolist()],
                "type": [f"type {t}" for t in rng.integers(0, 500, n).tolist()],
                "brand": [f"brand {b}" for b in rng.integers(0, 5000, n).tolist()],
                "price": rng.uniform(1, 100, n).round(2),
            }
        )
    )


def made_up_graph(n: int, rng: np.random.Generator) -> RelationGraph:
    """Ten counted purchases a product, some products in very many of them."""
    from goeswith.relations.graph import RelationGraph
    from goeswith.relations.relation import Relation, csr

    source = np.repeat(np.arange(n), EDGES)
    target = np.minimum(rng.pareto(1.0, len(source)) * 200, n - 1).astype(np.int64)
    count = csr(n, source, (target * 7919 + 1) % n, rng.integers(2, 50, len(source)))
    held = np.asarray(count.sum(axis=1)).ravel() + np.asarray(count.sum(axis=0)).ravel()
    held = held.astype(np.float64)
    first = (count.data // 2).astype(np.float32)
    bought = Relation(count, first, held, held, float(held.sum()))
    return RelationGraph(n, {"co_purchase": bought})


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def ask(port: int, address: str, body: Any = None) -> int:
    """The status of an answer over a connection of its own; 0 where nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {} if body is None else {"content-type": "application/json"}
        connection.request(
            "GET" if body is None else "POST", address, body and json.dumps(body), headers
        )
        response = connection.getresponse()
        response.read()
    except OSError:
        return 0
    finally:
        connection.close()
    return response.status


def family(pid: int) -> list[int]:
    """A process and its children."""
    completed = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False
    )
    return [pid, *map(int, completed.stdout.split())]


def memory(pid: int) -> dict[str, float]:
    """MB of a process and its children together: shared pages count once (PSS); of that private."""
    found = {"pss": 0, "private": 0}
    for process in family(pid):
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        sizes = {name: int(kb) for name, kb in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)}
        found["pss"] += sizes["Pss"]
        found["private"] += sizes["Private_Clean"] + sizes["Private_Dirty"]
    return {name: round(kb / 1024, 1) for name, kb in found.items()}


def kinds(bundle: Bundle) -> dict[str, Callable[[np.random.Generator], tuple[str, Any]]]:
    """Ways to ask, each as an address and a body, of random products."""
    ids, titles = bundle.products.ids, bundle.products.titles

    def some(rng: np.random.Generator) -> int:
        return int(rng.integers(len(bundle)))

    def misspelt(rng: np.random.Generator) -> str:
        words = titles[some(rng)].split()[:2]
        at = int(rng.integers(1, len(words[0])))
        return " ".join([words[0][:at] + "x" + words[0][at + 1 :], *words[1:]])

    return {
        "complements": lambda rng: (f"/v1/products/{ids[some(rng)]}/complements?k=10", None),
        "product": lambda rng: (f"/v1/products/{ids[some(rng)]}", None),
        "similars": lambda rng: (f"/v1/products/{ids[some(rng)]}/similars?k=10", None),
        "reverse": lambda rng: (f"/v1/products/{ids[some(rng)]}/reverse?k=10", None),
        "search": lambda rng: (f"/v1/search?q={quote(titles[some(rng)][:14])}", None),
        "search, letters wrong": lambda rng: (f"/v1/search?q={quote(misspelt(rng))}", None),
        "search, one letter": lambda rng: (f"/v1/search?q={'bdfgkl'[int(rng.integers(6))]}", None),
        "search, an id with a digit wrong": lambda rng: (
            f"/v1/search?q={ids[some(rng)][:-1]}x",
            None,
        ),
    }


def live_kinds(bundle: Bundle) -> dict[str, Callable[[np.random.Generator], tuple[str, Any]]]:
    """Ways to ask that need the saved models."""
    ids, titles = bundle.products.ids, bundle.products.titles
    n = len(bundle)
    return {
        "filtered by the models": lambda rng: (
            f"/v1/products/{ids[int(rng.integers(n))]}/complements?k=10&where=price%3C=2",
            None,
        ),
        "a new product": lambda rng: (
            "/v1/complements?k=10",
            {"attributes": {"title": titles[int(rng.integers(n))][:20], "type": "type 7"}},
        ),
    }


def times(port: int, ways: Any, requests: int, clients: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each way to ask, by as many clients at once, a connection a request."""
    found: dict[str, list[float]] = {name: [] for name in ways}

    def client(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(requests // clients // len(ways)):
            for name, way in ways.items():
                address, body = way(rng)
                started = time.perf_counter()
                status = ask(port, address, body)
                if status != 200:
                    raise SystemExit(f"{address}: {status}")
                found[name].append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        name: {
            "requests": len(ms),
            "median": round(float(np.median(ms)), 2),
            "p99": round(float(np.percentile(ms, 99)), 2),
        }
        for name, ms in found.items()
    }


@contextmanager
def limited(mb: int) -> Iterator[Path]:
    """A control group of processes that may hold so much memory, and none of the page cache yet."""
    group = Path("/sys/fs/cgroup/memory/goeswith-scale")
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(mb * 1_000_000))
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("1")
        yield group
    finally:
        group.rmdir()


def start(
    path: Path, workers: int, folder: Path, group: Path | None = None
) -> tuple[subprocess.Popen[bytes], int, Any]:
    """Start a service; its process, port, and seconds until it and every worker answered."""
    metrics = folder / "metrics"
    metrics.mkdir(exist_ok=True)
    port = free_port()
    environment = {
        **os.environ,
        "GOESWITH_SERVE_LOG": "false",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
    }
    command = [sys.executable, "-m", "goeswith.cli.main", "serve", str(path)]
    if group is not None:  # a shell that puts itself into the group and becomes the service
        command = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command]
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, "--port", str(port), "--workers", str(workers)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    first = None
    while process.poll() is None:
        if ask(port, "/v1/health/ready") == 200:
            first = first or time.monotonic() - began
        answered = [f for f in metrics.glob("counter_*.db") if b"health/ready" in f.read_bytes()]
        if len(answered) >= workers:
            every = time.monotonic() - began
            return process, port, {"first_answer": first, "every_worker_answered": every}
        time.sleep(0.01)
    raise SystemExit("the service has ended")


def measure(path: Path, workers: int, requests: int) -> dict[str, Any]:
    """Starts, memory and times of a bundle."""
    from goeswith.query.bundle import Bundle

    bundle = Bundle.open(path)
    starts = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            process, port, seconds = start(path, workers, Path(folder))
            starts.append({name: round(value, 2) for name, value in seconds.items()})
            if len(starts) < 3:
                process.terminate()
                process.wait(timeout=60)
                continue
            try:
                used = {"started": memory(process.pid)}
                plain = times(port, kinds(bundle), requests, workers)
                used["after_requests"] = memory(process.pid)
                live = times(port, live_kinds(bundle), 10 * workers * 2, workers)
                used["after_the_models_were_asked"] = memory(process.pid)
                workers_seen = len(family(process.pid)) - 1
            finally:
                process.terminate()
                process.wait(timeout=60)
    return {
        "products": len(bundle),
        "workers": workers_seen,
        "bytes_of_files": sum(f["bytes"] for f in bundle.manifest["files"].values()),
        "seconds_to_start": starts,
        "memory_mb": used,
        "milliseconds": plain | live,
        "clients": workers,
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before_and_after": None,
    }


def within(path: Path, workers: int, requests: int, mb: int) -> dict[str, Any]:
    """The same requests under a limit of memory."""
    from goeswith.query.bundle import Bundle

    bundle = Bundle.open(path)
    with limited(mb) as group, tempfile.TemporaryDirectory() as folder:
        process, port, seconds = start(path, workers, Path(folder), group)
        try:
            latencies = times(port, kinds(bundle), requests, workers)
            latencies |= times(port, live_kinds(bundle), 10 * workers * 2, workers)
            most = int((group / "memory.max_usage_in_bytes").read_text())
            killed = int((group / "memory.oom_control").read_text().split("oom_kill ")[1])
        finally:
            process.terminate()
            process.wait(timeout=60)
    return {
        "limit_mb": mb,
        "most_mb": round(most / 1_000_000),
        "killed_for_memory": killed,
        "first_answer": round(seconds["first_answer"], 2),
        "milliseconds": latencies,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--limit-mb", type=int, help="also within so much memory; root, Linux")
    parser.add_argument("--make", type=Path, help="only make the bundle, here, and keep it")
    parser.add_argument("--bundle", type=Path, help="a bundle made before with --make")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    if given.make:
        made_up(given.make, given.products)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = given.bundle or Path(folder) / "bundle"
        if given.bundle is None:
            subprocess.run(
                [sys.executable, __file__, "--make", path, "--products", str(given.products)],
                check=True,
            )
        before = os.getloadavg()[0]
        result = measure(path, given.workers, given.requests)
        if given.limit_mb:
            result["within_a_limit"] = within(path, given.workers, given.requests, given.limit_mb)
    result["load_before_and_after"] = [round(before, 1), round(os.getloadavg()[0], 1)]
    text = json.dumps(result, indent=2)
    given.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
