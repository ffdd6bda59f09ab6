"""Answers in the process, and search with wrong letters: `python benchmarks/answers.py`.

    python benchmarks/answers.py [--products 100000] [--titles 1000000] [--rounds 5]
                                 [--before SOURCE] [--folder FOLDER]

Microseconds of processor time an answer, on a synthetic bundle (`serving_scale.py`), of 1,000 of
the products that are bought most, ten recommendations each, with evidence and sentences; the best
of three passes of a round. The bound is a list of ten ids and scores from a dict, as JSON. Search
is of two words of a title, one letter of the first wrong, among synthetic titles; milliseconds.
SOURCE is the folder `src` of another version, measured in the same turns. FOLDER keeps the bundle
and the titles for another run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import RESULTS, Figures, child, in_turns, load, machine, medians, memory_kb, show

RESULT = RESULTS / "answers.json"
QUERIED = 1_000
K = 10
SEARCHES = 200
NOW, BEFORE = "goeswith", "goeswith, before"


def make_titles(path: Path, titles: int) -> None:
    """Write the search index of synthetic titles, and queries of them with a wrong letter."""
    from goeswith.core.arrays_file import save_arrays
    from goeswith.store.search_index import search_arrays
    from serving_scale import made_up_catalog

    rng = np.random.default_rng(0)
    frame = made_up_catalog(titles, rng).frame
    names = frame["title"].to_list()
    index = search_arrays(frame["product_id"].to_list(), names, rng.random(titles))
    save_arrays(index, path / "search.safetensors")
    queries = []
    for row in rng.integers(titles, size=SEARCHES).tolist():
        first, second, *_ = names[row].split()
        at = int(rng.integers(1, len(first)))
        queries.append(f"{first[:at]}x{first[at + 1 :]} {second}")
    (path / "queries.json").write_text(json.dumps(queries))


def microseconds(ask: Callable[[str], Any], ids: list[str]) -> float:
    passes = []
    for _ in range(3):
        started = time.process_time()
        for one in ids:
            ask(one)
        passes.append(time.process_time() - started)
    return round(1e6 * min(passes) / len(ids), 1)


def measure(bundle_path: Path, titles: Path) -> Figures:
    from goeswith.core.mapped_arrays import map_arrays
    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints
    from goeswith.store.search_index import SearchIndex

    bundle = Bundle.open(bundle_path)
    most = np.argsort(-np.asarray(bundle.evidence.purchases), kind="stable")[:QUERIED].tolist()
    ids = [bundle.products.ids[row] for row in most]
    stored = {
        one: [{"product_id": hit.product_id, "score": hit.score} for hit in bundle.lookup(one, K)]
        for one in ids
    }
    limit, spread = Constraints(per_type=2), Constraints(per_type=2, diversity=0.3)
    figures: Figures = {
        "dict and json": microseconds(lambda one: json.dumps([*map(dict, stored[one])]), ids),
        "ids and scores": microseconds(lambda one: bundle.lookup(one, K), ids),
        "with evidence": microseconds(lambda one: bundle.complements(one, K), ids),
        "per type": microseconds(lambda one: bundle.complements(one, K, limit), ids),
        "per type, diverse": microseconds(lambda one: bundle.complements(one, K, spread), ids),
    }
    index = SearchIndex(map_arrays(titles / "search.safetensors"))
    times = []
    for query in json.loads((titles / "queries.json").read_text()):
        started = time.process_time()
        index.find(query, K)
        times.append(1000 * (time.process_time() - started))
    figures["search, median ms"] = round(float(np.median(times)), 2)
    figures["search, p99 ms"] = round(float(np.percentile(times, 99)), 2)
    return {**figures, "peak_mb": memory_kb("VmHWM") // 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--titles", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, help="`src` of another version")
    parser.add_argument("--folder", type=Path, help="where bundle and titles are made once")
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measure(*given.child)))
        return
    from goeswith.core.atomic_files import write_json

    before = load()
    sources = {NOW: Path(__file__).parents[1] / "src"}
    if given.before:
        sources[BEFORE] = given.before
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        bundle = folder / "bundle"
        if not (folder / "queries.json").exists():
            scale = str(Path(__file__).with_name("serving_scale.py"))
            make = [scale, "--make", str(bundle), "--products", str(given.products)]
            subprocess.run([sys.executable, *make], check=True)
            make_titles(folder, given.titles)

        def one(who: str) -> Figures | None:
            command = [sys.executable, __file__, "--child", str(bundle), str(folder)]
            paths = [str(sources[who]), os.environ.get("PYTHONPATH", "")]
            return child(command, PYTHONPATH=os.pathsep.join(paths))

        runs, _ = in_turns(sources, given.rounds, one)
    middle = medians(runs)
    for figures in middle.values():
        for name in ("ids and scores", "with evidence", "per type", "per type, diverse"):
            figures[f"{name}, to dict and json"] = round(
                figures[name] / figures["dict and json"], 1
            )
    write_json(
        {
            "command": f"python benchmarks/answers.py --products {given.products} "
            f"--titles {given.titles} --rounds {given.rounds}",
            **machine(before),
            "medians": middle,
            "runs": runs,
        },
        RESULT,
    )
    names = [name for name in middle[NOW] if "to dict" not in name]
    show(middle, [(name[-13:], f"{name}:.1f") for name in names], width=20)


if __name__ == "__main__":
    main()
