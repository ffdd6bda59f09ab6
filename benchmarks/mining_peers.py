"""Who goes with whom in 200,000 baskets of 100,000 products: `python benchmarks/mining_peers.py`.

    python benchmarks/mining_peers.py --peers PYTHON [--rounds 5] [--baskets 200000]

PYTHON is one of an environment of its own with implicit, scipy and sparse-dot-topn (lenskit where
it is there). All read the same two integer columns; the peers run on one thread, goeswith on two.
What each leaves is a graph of at most 100 neighbours a product: goeswith's is directed, counts
which product came first, and leaves out pairs of fewer than three baskets; the peers count pairs
alone, of any number, and rank them by count (lenskit by cosine; scipy ranks nothing, and stands
for the bare product A'A).

Each run is a process; the runs are interleaved, a round of all after another (but for the join in
DuckDB, which runs in the first round alone). Processor seconds are
of the work, imports and compiled code among them, from when the columns are in memory; peak memory
is of the whole process, and what it grew by since the columns were there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from goeswith.relations.association import Measure

RESULT = Path(__file__).parent / "results" / "mining-peers.json"
K = 100
SLOW = "goeswith, by llr, DuckDB counts"
"""Runs once, for what it was before pairs were counted in memory."""
OURS = (
    "goeswith, by count",
    "goeswith, by llr",
    "goeswith, by llr, from a table of events",
    SLOW,
)
PEERS = ("implicit", "sparse-dot-topn", "scipy", "lenskit")


def make(path: Path, baskets: int, products: int) -> dict[str, int]:
    """Write the columns: basket, product (each once a basket) and second, of a made-up shop."""
    import polars as pl

    sys.path.insert(0, str(Path(__file__).parent))
    from shops import Shop

    shop = Shop(products, views=0.0, missions=7.5, bought=1.0, noise=0.5)
    parts, made, place = [], 0, 0
    while made < baskets:
        block = shop.block(place).unique(["session", "product"], keep="first", maintain_order=True)
        parts.append(block)
        made, place = made + block["session"].n_unique(), place + 1
    log = pl.concat(parts).with_columns(basket=pl.col("session").rank("dense") - 1)
    log = log.filter(pl.col("basket") < baskets)
    basket, product = log["basket"].cast(pl.Int32).to_numpy(), log["product"].to_numpy()
    second = log["timestamp"].dt.epoch("s").to_numpy()
    np.savez(path, basket=basket, product=product, second=second, n=products)
    sizes = np.bincount(basket)
    return {
        "baskets": baskets,
        "products": products,
        "entries": len(basket),
        "largest_basket": int(sizes.max()),
        "pairs_in_baskets": int((sizes * (sizes - 1) // 2).sum()),
    }


def run(who: str, path: Path) -> dict[str, Any]:
    """One library on the columns: what it found, and what that took."""
    with np.load(path) as columns:
        basket, product, second = columns["basket"], columns["product"], columns["second"]
        n = int(columns["n"])
    before, started = peak_mb(), time.process_time()
    edges = _WORK[who](basket, product, second, n)
    return {
        "processor_seconds": round(time.process_time() - started, 3),
        "peak_mb": peak_mb(),
        "grew_mb": peak_mb() - before,
        "edges": edges,
    }


def peak_mb() -> int:
    """Of this program alone: ru_maxrss also knows what the process was before."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024


def goeswith_count(basket: Any, product: Any, second: Any, n: int) -> int:
    return goeswith_columns(basket, product, second, n, "count")


def goeswith_columns(
    basket: Any, product: Any, second: Any, n: int, measure: Measure = "llr"
) -> int:
    from goeswith.relations.collect import make_edges
    from goeswith.relations.graph import Relation
    from goeswith.relations.pair_counts import count_pairs

    pairs = count_pairs(basket, product, n, 3, moment=second.astype(np.float64))
    held = np.bincount(product, minlength=n).astype(np.float64)
    edges = make_edges(pairs, n, symmetric=True)
    contexts = float(basket.max() + 1)
    return len(
        Relation(edges.count, edges.source_first, held, held, contexts).strongest(K, measure)
    )


def goeswith_events(basket: Any, product: Any, second: Any, n: int) -> int:
    import polars as pl

    from goeswith.relations.config import MiningConfig
    from goeswith.relations.mine import mine

    events = pl.DataFrame({"product": product, "basket_id": basket, "timestamp": second})
    events = events.with_columns(
        pl.col("basket_id").cast(pl.String), pl.from_epoch("timestamp").dt.cast_time_unit("us")
    )
    graph = mine(events, n, MiningConfig(max_basket=10_000))
    return len(graph["co_purchase"].strongest(K))


def goeswith_duckdb(basket: Any, product: Any, second: Any, n: int) -> int:
    from goeswith.relations import engines

    whole = engines.duckdb_engine
    from contextlib import contextmanager

    import goeswith.relations.mine as mining

    @contextmanager
    def without_pairs(memory_mb: int) -> Any:
        with whole(memory_mb) as engine:
            yield engines.Engine(engine.read, engine.keep)

    mining.duckdb_engine = without_pairs
    return goeswith_events(basket, product, second, n)


def matrix(basket: Any, product: Any, n: int, kind: Any) -> Any:
    from scipy import sparse

    ones = np.ones(len(basket), dtype=kind)
    return sparse.csr_matrix((ones, (basket, product)), shape=(int(basket.max()) + 1, n))


def implicit(basket: Any, product: Any, second: Any, n: int) -> int:
    from implicit.nearest_neighbours import ItemItemRecommender

    model = ItemItemRecommender(K=K, num_threads=1)
    model.fit(matrix(basket, product, n, np.float64), show_progress=False)
    return int(model.similarity.nnz)


def topn(basket: Any, product: Any, second: Any, n: int) -> int:
    from sparse_dot_topn import sp_matmul_topn

    held = matrix(basket, product, n, np.float32)
    return int(sp_matmul_topn(held.T.tocsr(), held, top_n=K + 1, n_threads=1).nnz)


def scipy_product(basket: Any, product: Any, second: Any, n: int) -> int:
    held = matrix(basket, product, n, np.float32)
    return int((held.T @ held).nnz)


def lenskit(basket: Any, product: Any, second: Any, n: int) -> int:
    import pandas as pd
    from lenskit.data import from_interactions_df
    from lenskit.knn import ItemKNNScorer

    frame = pd.DataFrame({"user_id": basket, "item_id": product})
    model = ItemKNNScorer(max_nbrs=K, save_nbrs=K, min_sim=1e-9, feedback="implicit")
    model.train(from_interactions_df(frame))
    return int(model.sim_matrix.nnz) if hasattr(model.sim_matrix, "nnz") else -1


_WORK = dict(
    zip(
        (*OURS, *PEERS),
        (
            goeswith_count,
            goeswith_columns,
            goeswith_events,
            goeswith_duckdb,
            implicit,
            topn,
            scipy_product,
            lenskit,
        ),
        strict=True,
    )
)


def child(python: str, who: str, path: Path) -> dict[str, Any] | None:
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    done = subprocess.run(
        [python, __file__, "--child", who, str(path)],
        env={**os.environ, **one, "POLARS_MAX_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"{who}: left out: {done.stderr.strip().splitlines()[-1:]}")
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def versions(python: str) -> dict[str, str]:
    names = [
        "numpy",
        "scipy",
        "implicit",
        "sparse_dot_topn",
        "lenskit",
        "numba",
        "duckdb",
        "polars",
    ]
    code = (
        "import importlib.metadata as m, json\nfound = {}\n"
        f"for name in {names}:\n"
        "    try: found[name] = m.version(name)\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="Python of the environment of the peers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--baskets", type=int, default=200_000)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--child", nargs=2)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(run(given.child[0], Path(given.child[1]))))
        return
    if not given.peers:
        parser.error("--peers is needed")
    from goeswith.files import write_json

    runs: dict[str, list[dict[str, Any]]] = {}
    load = [round(os.getloadavg()[0], 1)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "baskets.npz"
        data = make(path, given.baskets, given.products)
        child(sys.executable, OURS[0], path)  # compiles, once for every later process
        left_out = set()
        for _ in range(given.rounds):
            for who in _WORK:
                if who in left_out or (who == SLOW and runs.get(who)):
                    continue
                found = child(sys.executable if who in OURS else given.peers, who, path)
                if found is None:
                    left_out.add(who)
                else:
                    runs.setdefault(who, []).append(found)
    load.append(round(os.getloadavg()[0], 1))
    medians = {
        who: {key: median(one[key] for one in found) for key in found[0]}
        for who, found in runs.items()
    }
    result = {
        "command": "python benchmarks/mining_peers.py --peers PYTHON"
        f" --rounds {given.rounds} --baskets {given.baskets} --products {given.products}",
        "data": {"name": "made-up shop, seed 0", **data},
        "python": platform.python_version(),
        "versions": {"goeswith": versions(sys.executable), "peers": versions(given.peers)},
        "load_before_and_after": load,
        "medians": medians,
        "left_out": sorted(left_out),
        "runs": runs,
    }
    write_json(result, RESULT)
    base = medians["implicit"]
    print(f"{'':42}processor s  to implicit  peak MB  to implicit  to scipy  grew MB     edges")
    for who, one in medians.items():
        print(
            f"{who:42}{one['processor_seconds']:11.2f}"
            f"{one['processor_seconds'] / base['processor_seconds']:13.2f}{one['peak_mb']:9.0f}"
            f"{one['peak_mb'] / base['peak_mb']:13.2f}"
            f"{one['peak_mb'] / medians['scipy']['peak_mb']:10.2f}"
            f"{one['grew_mb']:9.0f}{one['edges']:10.0f}"
        )


if __name__ == "__main__":
    main()
