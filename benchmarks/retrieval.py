"""The ten best inner products of 100,000: `python benchmarks/retrieval.py --peers PYTHON`.

    python benchmarks/retrieval.py --peers PYTHON [--products 100000] [--dimension 64] [--rounds 5]
    python benchmarks/retrieval.py --whole [--products 10000,100000,1000000] [--dimension 64]

PYTHON is one of an environment of its own with faiss-cpu and hnswlib; goeswith's own index needs
the extra `fast` in this one. Vectors are of length 1, in clusters, as trained ones are. The bound
is the matrix product alone, in the same blocks, into memory that is there already. Indexes are
queried with the least effort (ef, nprobe) that finds .99 of the true ten (goeswith chooses it while
it builds the index); the cost of building is given too. Each is a process that stays, on one
thread; the rounds are interleaved. Rates are queries a second of processor time.

--whole: the answers of all products, as when a bundle is fitted: exactly (of 8,192 sources, and in
proportion) and by the index, its building and trying included.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import ONE_THREAD, RESULTS, arguments, both, load, machine

K, QUERIES, BLOCK = 10, 2048, 256
WHOLE = 8192
INDEX = "goeswith, IVF by faiss"
PLAIN = "goeswith, exact, without numba"
OURS = ("matrix product alone", "goeswith, exact", PLAIN, INDEX, "a row of scores at a time")
PEERS = ("faiss, exact", "faiss, IVF", "hnswlib")
Query = Callable[[], Any]


def made_up(n: int, d: int) -> tuple[Any, Any]:
    """(n, d) targets and (QUERIES, d) vectors to ask with, in n / 100 clusters, of length 1."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n // 100, d))

    def some(count: int) -> Any:
        out = np.empty((count, d), dtype=np.float32)
        cluster = rng.integers(len(centres), size=count)
        for start in range(0, count, 10_000):
            here = cluster[start : start + 10_000]
            found = centres[here] + 0.7 * rng.normal(size=(len(here), d))
            out[start : start + 10_000] = found / np.linalg.norm(found, axis=1, keepdims=True)
        return out

    return some(n), some(QUERIES)


def product_alone(targets: Any, queries: Any) -> Query:
    room = np.empty((BLOCK, len(targets)), dtype=np.float32)

    def query() -> None:
        for start in range(0, len(queries), BLOCK):
            np.matmul(queries[start : start + BLOCK], targets.T, out=room)

    return query


def ours(targets: Any, queries: Any) -> Query:
    from goeswith.models.exact_search import best_products

    none = np.full(len(queries), -1, dtype=np.int32)  # nothing is left out
    return lambda: best_products(queries, targets, none, K, None)[0]


def without_numba(targets: Any, queries: Any) -> Query:
    from goeswith.models import exact_search as exact

    exact.has_numba = lambda: False
    return ours(targets, queries)


def our_index(targets: Any, queries: Any) -> Query:
    from goeswith.models.approximate_search import ApproximateIndex

    index = ApproximateIndex(targets, targets[np.random.default_rng(1).choice(len(targets), 1024)])
    none = np.full(len(queries), -1, dtype=np.int32)
    return lambda: index.best_products(queries, none, K, None)[0]


def row_by_row(targets: Any, queries: Any) -> Query:
    from goeswith.core.arrays import block_size, top_k

    size = block_size(len(targets))

    def query() -> Any:
        parts = range(0, len(queries), size)
        return np.concatenate([top_k(queries[s : s + size] @ targets.T, K)[0] for s in parts])

    return query


def faiss_exact(targets: Any, queries: Any) -> Query:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(targets.shape[1])
    index.add(targets)
    return lambda: index.search(queries, K)[1]


def faiss_ivf(targets: Any, queries: Any, truth: Any) -> Query:
    import faiss

    faiss.omp_set_num_threads(1)
    cells = round(4 * np.sqrt(len(targets)))
    quantizer = faiss.IndexFlatIP(targets.shape[1])
    index = faiss.IndexIVFFlat(quantizer, targets.shape[1], cells, faiss.METRIC_INNER_PRODUCT)
    index.train(targets)
    index.add(targets)
    for nprobe in (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256):
        index.nprobe = nprobe
        if recall(index.search(queries, K)[1], truth) >= 0.99:
            break
    return lambda: index.search(queries, K)[1]


def hnsw(targets: Any, queries: Any, truth: Any) -> Query:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=targets.shape[1])
    index.init_index(max_elements=len(targets), ef_construction=200, M=16, random_seed=0)
    index.set_num_threads(1)
    index.add_items(targets)
    for ef in (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512):
        index.set_ef(ef)
        if recall(index.knn_query(queries, k=K)[0], truth) >= 0.99:
            break
    return lambda: index.knn_query(queries, k=K)[0]


def recall(found: Any, truth: Any) -> float:
    pairs = np.arange(len(truth))[:, None] * 10**9
    return float(np.isin(pairs + truth, pairs + np.asarray(found, dtype=np.int64)).mean())


_EXACT = {
    "matrix product alone": product_alone,
    "goeswith, exact": ours,
    PLAIN: without_numba,
    INDEX: our_index,
    "a row of scores at a time": row_by_row,
    "faiss, exact": faiss_exact,
}
_INDEX = {"faiss, IVF": faiss_ivf, "hnswlib": hnsw}


def child(who: str, folder: Path) -> None:
    """Build, then answer a line each time one comes."""
    targets, queries = np.load(folder / "targets.npy"), np.load(folder / "queries.npy")
    started = time.process_time()
    if who in _EXACT:
        query = _EXACT[who](targets, queries)
    else:
        query = _INDEX[who](targets, queries, np.load(folder / "truth.npy"))
    built = time.process_time() - started
    found = query()
    result: dict[str, Any] = {"built_in": round(built, 2), "recall": None}
    if found is not None:
        if who == "goeswith, exact":
            np.save(folder / "truth.npy", np.asarray(found, dtype=np.int64))
        result["recall"] = round(recall(found, np.load(folder / "truth.npy")), 4)
    print(json.dumps(result), flush=True)
    for _ in sys.stdin:
        started = time.process_time()
        query()
        print(time.process_time() - started, flush=True)


def whole(n: int, d: int) -> dict[str, Any]:
    """Processor seconds that the answers of all of n products take; in a process of its own."""
    from goeswith.models.approximate_search import ApproximateIndex
    from goeswith.models.exact_search import best_products

    vectors = made_up(n, d)[0]
    rows = np.arange(n, dtype=np.int32)
    best_products(vectors[:1], vectors, rows[:1], K, None)  # loads what it compiled
    some = np.sort(np.random.default_rng(2).choice(rows, min(n, WHOLE), replace=False))
    started = time.process_time()
    truth = best_products(vectors[some], vectors, some, K, None)[0]
    exact = (time.process_time() - started) * n / len(some)
    started, on_the_wall = time.process_time(), time.time()
    index = ApproximateIndex(vectors, vectors[np.random.default_rng(1).choice(n, min(n, 1024))])
    built = time.process_time() - started
    found = np.empty((n, K), dtype=np.int32)
    for start in range(0, n, QUERIES):
        block = rows[start : start + QUERIES]
        found[block] = index.best_products(vectors[block], block, K, None)[0]
    return {
        "products": n,
        "exact": round(exact, 2),
        "exact_sources_asked": len(some),
        "index": round(time.process_time() - started, 2),
        "index_of_which_building": round(built, 2),
        "index_on_the_wall": round(time.time() - on_the_wall, 2),
        "index_cells_looked_into": index.probes,
        "index_recall": round(recall(found[some], truth), 4),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def all_whole(sizes: list[int], d: int) -> None:
    from goeswith.core.atomic_files import write_json

    before, rows = load(), []
    for n in sizes:
        command = [sys.executable, __file__, "--child", "whole", f"{n},{d}"]
        done = subprocess.run(
            command, check=True, capture_output=True, env={**os.environ, **ONE_THREAD}
        )
        rows.append(json.loads(done.stdout))
        print(rows[-1], flush=True)
    written = ",".join(map(str, sizes))
    write_json(
        {
            "command": "python benchmarks/retrieval.py --whole"
            f" --products {written} --dimension {d}",
            "data": f"synthetic, seed 0: vectors of {d} numbers, each a query over all",
            "k": K,
            "unit": "processor seconds, one thread",
            **machine(before),
            "faiss": version("faiss-cpu"),
            "rows": rows,
        },
        RESULTS / f"retrieval-whole-{d}.json",
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--whole", action="store_true", help="of goeswith alone, all answers")
    parser.add_argument("--products", default="100000", help="with --whole several, by commas")
    parser.add_argument("--dimension", type=int, default=64)
    given = parser.parse_args()
    if given.child and given.child[0] == "whole":
        print(json.dumps(whole(*map(int, given.child[1].split(",")))))
        return
    if given.child:
        child(given.child[0], Path(given.child[1]))
        return
    if given.whole:
        all_whole([int(n) for n in given.products.split(",")], given.dimension)
        return
    if not given.peers:
        parser.error("--peers is needed")
    n = int(given.products)
    from goeswith.core.atomic_files import write_json

    running, result = {}, {}
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        for name, array in zip(("targets", "queries"), made_up(n, given.dimension), strict=True):
            np.save(Path(folder) / f"{name}.npy", array)
        for who in ("goeswith, exact", *_EXACT, *_INDEX):
            if who in running:
                continue
            running[who] = subprocess.Popen(
                [sys.executable if who in OURS else given.peers, __file__, "--child", who, folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, **ONE_THREAD},
            )
            result[who] = json.loads(_line(running[who]))
            print(who, result[who], flush=True)
        seconds: dict[str, list[float]] = {who: [] for who in running}
        for _ in range(given.rounds):
            for who, process in running.items():
                assert process.stdin is not None
                process.stdin.write("\n")
                process.stdin.flush()
                seconds[who].append(float(_line(process)))
        for process in running.values():
            process.communicate()
    bound = median(seconds["matrix product alone"])
    table = {
        who: {
            "queries_a_second": round(QUERIES / median(found)),
            "to_the_bound": round(median(found) / bound, 3),
            "processor_seconds": [round(s, 3) for s in found],
            **result[who],
        }
        for who, found in seconds.items()
    }
    write_json(
        {
            "command": f"python benchmarks/retrieval.py --peers PYTHON --products {n}"
            f" --dimension {given.dimension} --rounds {given.rounds}",
            "data": f"synthetic, seed 0: {n:,} vectors of {given.dimension} numbers",
            "queries": QUERIES,
            "k": K,
            **machine(before),
            "versions": both(given.peers, ("numpy", "faiss-cpu", "hnswlib")),
            "table": table,
        },
        RESULTS / f"retrieval-{n}-{given.dimension}.json",
    )
    for who, row in table.items():
        print(f"{who:32}{row['queries_a_second']:9,}{row['to_the_bound']:9.2f}", result[who])


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit("a process has ended")
    return line


if __name__ == "__main__":
    main()
