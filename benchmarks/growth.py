"""How time, memory and accuracy grow with the shop: `python benchmarks/growth.py`.

    python benchmarks/growth.py [--products 10000,100000,1000000] [--steps mine,fit,...]

For each size a synthetic shop (`shops.py`) of ten events a product is written as parquet, and then:

mine    reads the tables and mines their relations
fit     `goeswith fit --budget fast`, from the parquet files to a bundle
balanced  likewise with `--budget balanced`, which takes the ranker at any size
export  `goeswith export --to parquet`, ten answers a product
log     mines the same events from a parquet file of integers, without reading it whole: for logs
        that memory does not hold
accuracy  looks again at the bundle that an earlier run with --folder kept
serve   starts `goeswith serve` on the bundle, and asks it

Each is a process of its own: seconds on the wall, processor seconds, peak memory. Slopes are of
log time (memory) over log products, from one size to the next: 1 is in proportion.

Small shops are answered by the ranker; for the slopes they are also fitted as large ones are
(`fit_as_larger`, GOESWITH_FIT_RANKER_PRODUCTS=0).

Accuracy is against the planted truth, of 20,000 products at most, drawn evenly (`products`) and as
often as they are bought (`purchases`): precision@10 is the share of ten places that hold a product
that truly goes with the source, empty places count as wrong; substitutes@10 the share of places
that hold one of the source's type, wrong_way@10 one with which the source goes, not it with the
source. `of_a_type_with_edges` is how many of the products drawn are of a type from which any
complement edge leads. `edges` is the mined complement signal itself: how many of its edges are
true, and of those that are true in either direction, how many point the right way.
Writes benchmarks/results/growth.json after every step; other sizes and steps in it stay.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from goeswith.core.atomic_files import write_json
from goeswith.settings.sections import FitSettings
from serving_scale import kinds, memory, start, times
from shops import Shop

RESULT = Path(__file__).parent / "results" / "growth.json"
STEPS: Final = ("mine", "fit", "balanced", "export", "serve")
SLOPES: Final = ("mine", "log", "fit", "balanced", "export")
LOG_MEMORY_MB: Final = 6144
"""What counting may take in `log`, of DuckDB and of pairs each."""
_SAMPLE: Final = 20_000


def timed(*arguments: str) -> dict[str, float]:
    """Run a command and ask the system what it took."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{' '.join(arguments)} has failed")
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_memory_mb": round(usage.ru_maxrss / 1024),
    }


def mine(folder: Path) -> None:
    """Read the tables, mine them, and say how true the complement signal is."""
    from goeswith import load_data
    from goeswith.relations.build_graph import build_graph
    from goeswith.relations.config import MiningConfig
    from goeswith.relations.mining_report import MiningReport

    report = MiningReport()
    graph = build_graph(load_data(folder), MiningConfig(), report)
    figures: dict[str, Any] = {
        m.relation: {"pairs": m.pairs, "edges": m.edges} for m in report.relations
    }
    complements = graph.complements
    figures["edges"] = truth_of_edges(Shop.read(folder), complements.sources, complements.targets)
    write_json(figures, folder / "mined.json")


def mine_log(path: Path, products: int) -> None:
    """Mine a file of integers where it lies."""
    from goeswith.relations.config import MiningConfig
    from goeswith.relations.engines import duckdb_engine
    from goeswith.relations.mine import mine_table
    from goeswith.relations.mining_report import MiningReport

    report, config = MiningReport(), MiningConfig(memory_mb=LOG_MEMORY_MB)
    with duckdb_engine(config.memory_mb) as engine:
        graph = mine_table(engine.read(str(path)), products, engine, config, report)
    shop = Shop(products)
    # the log holds no types: the catalogue knows them, and the order is decided where it is
    graph = graph.with_types(shop.type_of(np.arange(products)).astype(np.int32))
    figures: dict[str, Any] = {
        m.relation: {"pairs": m.pairs, "edges": m.edges} for m in report.relations
    }
    complements = graph.complements
    figures["edges"] = truth_of_edges(shop, complements.sources, complements.targets)
    write_json(figures, path.with_suffix(".json"))


def truth_of_edges(shop: Shop, sources: Any, targets: Any) -> dict[str, float]:
    right, wrong_way = shop.goes_with(sources, targets), shop.goes_with(targets, sources)
    either = right | wrong_way
    return {
        "edges": len(sources),
        "true": round(float(right.mean()), 4),
        "direction": round(float(right[either].mean()), 4),
        "substitutes": round(float(shop.substitutes(sources, targets).mean()), 4),
    }


def accuracy(folder: Path, bundle: Path) -> dict[str, Any]:
    """How true the answers of a bundle are."""
    from goeswith.query.bundle import Bundle
    from goeswith.relations.graph_files import load_graph
    from goeswith.store.manifest import EVIDENCE, RELATIONS, TOP_K

    opened, shop = Bundle.open(bundle), Shop.read(folder)
    from goeswith.core.mapped_arrays import map_arrays

    answers = map_arrays(opened.folder / TOP_K)["products"]
    bought = np.asarray(map_arrays(opened.folder / EVIDENCE)["purchases"])
    rng, n = np.random.default_rng(0), len(opened)
    drawn = {
        "products": rng.choice(n, min(n, _SAMPLE), replace=False),
        "purchases": rng.choice(n, _SAMPLE, p=bought / bought.sum()),
    }
    graph = load_graph(opened.folder / RELATIONS, n).complements
    with_edges = np.bincount(shop.type_of(graph.sources), minlength=shop.types) > 0
    found = {}
    for name, rows in drawn.items():
        first = np.asarray(answers[np.sort(rows), :10])
        sources, there = np.sort(rows)[:, None], first >= 0
        right = shop.goes_with(sources, np.maximum(first, 0)) & there
        alike = shop.substitutes(sources, np.maximum(first, 0)) & there
        turned = shop.goes_with(np.maximum(first, 0), sources) & there
        found[name] = {
            "precision@1": round(float(right[:, 0].mean()), 4),
            "precision@10": round(float(right.mean()), 4),
            "substitutes@10": round(float(alike.mean()), 4),
            "wrong_way@10": round(float(turned.mean()), 4),
            "of_a_type_with_edges": round(float(with_edges[shop.type_of(rows)].mean()), 4),
        }
    return found


def served(bundle: Path) -> dict[str, Any]:
    """Seconds until a service of one worker answers, its memory, and how fast it answers."""
    from goeswith.query.bundle import Bundle

    opened = Bundle.open(bundle)
    with tempfile.TemporaryDirectory() as folder:
        process, port, seconds = start(bundle, 1, Path(folder))
        try:
            latencies = times(port, kinds(opened), 800, 1)
            used = memory(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=60)
    size = sum(f["bytes"] for f in opened.manifest["files"].values())
    return {
        "seconds_to_first_answer": round(seconds["first_answer"], 2),
        "memory_mb": used,
        "milliseconds": latencies,
        "bundle_mb": round(size / 1e6),
    }


def measure(
    products: int, steps: list[str], folder: Path, save: Callable[[dict[str, Any]], None]
) -> None:
    """All steps of one size; what is known is saved after each."""
    shop, data, bundle = Shop(products), folder / "shop", folder / "bundle"
    found: dict[str, Any] = {
        "products": products,
        "events": 10 * products,
        "load_before": round(os.getloadavg()[0], 1),
    }
    if "log" in steps:
        found |= logged(shop, folder / "log.parquet")
        print(products, "log", found["log"], found["log_mined"], flush=True)
    if "accuracy" in steps:
        found["accuracy"] = accuracy(data, bundle)
        save(found)
    if set(steps) & set(STEPS):
        started = time.perf_counter()
        shop.write(data, 10 * products)
        found["written_in_seconds"] = round(time.perf_counter() - started, 1)
        found["events_parquet_mb"] = round((data / "events.parquet").stat().st_size / 1e6, 1)
    if "mine" in steps:
        found["mine"] = timed(__file__, "--mine", str(data))
        found["mined"] = json.loads((data / "mined.json").read_text())
        print(products, "mine", found["mine"], found["mined"], flush=True)
    if "fit" in steps:
        command = ["-m", "goeswith.cli.main", "fit", str(data), "--out", str(bundle)]
        if products <= FitSettings().ranker_products:
            os.environ["GOESWITH_FIT_RANKER_PRODUCTS"] = "0"
            found["fit_as_larger"] = timed(*command, "--budget", "fast")
            found["accuracy_as_larger"] = accuracy(data, bundle)
            del os.environ["GOESWITH_FIT_RANKER_PRODUCTS"]
        found["fit"] = timed(*command, "--budget", "fast")
        found["accuracy"] = accuracy(data, bundle)
        manifest = bundle_manifest(bundle)
        found["answers"] = manifest["health"]["answers"]
        found["session_model"] = manifest["session"]["model"]
        print(products, "fit", found["fit"], found["accuracy"], flush=True)
        save(found)
    if "balanced" in steps:
        ranked = folder / "balanced"
        command = ["-m", "goeswith.cli.main", "fit", str(data), "--out", str(ranked)]
        found["balanced"] = timed(*command, "--budget", "balanced")
        found["accuracy_balanced"] = accuracy(data, ranked)
        print(products, "balanced", found["balanced"], found["accuracy_balanced"], flush=True)
        save(found)
    if "serve" in steps:
        found["serve"] = served(bundle)
        print(products, "serve", found["serve"], flush=True)
        save(found)
    if "export" in steps:
        out = str(folder / "answers.parquet")
        command = ["-m", "goeswith.cli.main", "export", str(bundle), "--to", "parquet"]
        found["export"] = timed(*command, "--out", out)
        print(products, "export", found["export"], flush=True)
    found["load_after"] = round(os.getloadavg()[0], 1)
    save(found)


def logged(shop: Shop, log: Path) -> dict[str, Any]:
    """Events mined from a file of integers, which is not read whole."""
    shop.write_log(log, 10 * shop.products)
    return {
        "log_parquet_mb": round(log.stat().st_size / 1e6, 1),
        "log": timed(__file__, "--mine-log", str(log), str(shop.products)),
        "log_memory_mb": LOG_MEMORY_MB,
        "log_mined": json.loads(log.with_suffix(".json").read_text()),
    }


def bundle_manifest(bundle: Path) -> dict[str, Any]:
    from goeswith.query.bundle import Bundle

    return dict(Bundle.open(bundle).manifest)


def slopes(sizes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Log-log slopes of every step from each size to the next."""
    found = []
    for small, large in pairwise(sizes):
        by = math.log(large["products"] / small["products"])
        entry: dict[str, Any] = {"from": small["products"], "to": large["products"]}
        for step in SLOPES:
            if step in small and step in large:
                before = small.get(f"{step}_as_larger", small[step])
                entry[step] = {
                    key: round(math.log(large[step][key] / before[key]) / by, 2)
                    for key in ("processor_seconds", "peak_memory_mb")
                }
        found.append(entry)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", default="10000,100000,1000000")
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--folder", type=Path, help="where shops and bundles are made and kept")
    parser.add_argument("--mine", type=Path)
    parser.add_argument("--mine-log", nargs=2)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    if given.mine:
        mine(given.mine)
        return
    if given.mine_log:
        mine_log(Path(given.mine_log[0]), int(given.mine_log[1]))
        return
    known: dict[int, dict[str, Any]] = {}
    if given.out.exists():
        known = {one["products"]: one for one in json.loads(given.out.read_text())["sizes"]}

    def save(found: dict[str, Any]) -> None:
        known[found["products"]] = {**known.get(found["products"], {}), **found}
        sizes = [known[size] for size in sorted(known)]
        result = {
            "command": f"python benchmarks/growth.py --products {given.products}"
            f" --steps {given.steps}",
            "shop": "synthetic, seed 0, ten events a product",
            "python": platform.python_version(),
            "versions": {n: version(n) for n in ("numpy", "scipy", "duckdb", "polars", "numba")},
            "cores": len(os.sched_getaffinity(0)),
            "sizes": sizes,
            "slopes": slopes(sizes),
        }
        write_json(result, given.out)

    for products in map(int, given.products.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            where = given.folder / str(products) if given.folder else Path(folder)
            measure(products, given.steps.split(","), where, save)


if __name__ == "__main__":
    main()
