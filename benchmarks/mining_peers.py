"""Who goes with whom in 200,000 baskets of 100,000 products: `python benchmarks/mining_peers.py`.

    python benchmarks/mining_peers.py --peers PYTHON [--rounds 5] [--baskets 200000]

PYTHON is one of an environment of its own with implicit, scipy and sparse-dot-topn (lenskit and
rusket where they are there). All read the same two integer columns; the peers run on one thread,
goeswith on two.
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

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import (
    RESULTS,
    arguments,
    both,
    child,
    in_turns,
    load,
    machine,
    medians,
    show,
    spent,
)

if TYPE_CHECKING:
    from goeswith.relations.measures import Measure

RESULT = RESULTS / "mining-peers.json"
K = 100
SLOW = "goeswith, by llr, DuckDB counts"
"""Runs once, for what it was before pairs were counted in memory."""
OURS = (
    "goeswith, by count",
    "goeswith, by llr",
    "goeswith, by llr, from a table of events",
    SLOW,
)
PEERS = ("implicit", "sparse-dot-topn", "scipy", "lenskit", "rusket")


def make(path: Path, baskets: int, products: int) -> dict[str, int]:
    """Write the columns: basket, product (each once a basket) and second, of a synthetic shop."""
    import polars as pl

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
    edges, figures = spent(lambda: _WORK[who](basket, product, second, n))
    return {**figures, "edges": edges}


def goeswith_count(basket: Any, product: Any, second: Any, n: int) -> int:
    return goeswith_columns(basket, product, second, n, "count")


def goeswith_columns(
    basket: Any, product: Any, second: Any, n: int, measure: Measure = "llr"
) -> int:
    from goeswith.relations.edge_counts import edge_counts
    from goeswith.relations.pair_counts import count_pairs
    from goeswith.relations.relation import Relation

    pairs = count_pairs(basket, product, n, 3, moment=second.astype(np.float64))
    held = np.bincount(product, minlength=n).astype(np.float64)
    edges = edge_counts(pairs, n, symmetric=True)
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
            yield engines.Engine(engine.read, engine.materialize)

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


def rusket(basket: Any, product: Any, second: Any, n: int) -> int:
    import os

    os.environ["RAYON_NUM_THREADS"] = "1"
    from rusket import ItemKNN

    return len(ItemKNN("count", k=K).fit(matrix(basket, product, n, np.float32)).w_data)


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
            rusket,
        ),
        strict=True,
    )
)


PACKAGES = (
    "numpy",
    "scipy",
    "implicit",
    "sparse_dot_topn",
    "lenskit",
    "rusket",
    "numba",
    "duckdb",
    "polars",
)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--baskets", type=int, default=200_000)
    parser.add_argument("--products", type=int, default=100_000)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(run(given.child[0], Path(given.child[1]))))
        return
    if not given.peers:
        parser.error("--peers is needed")
    from goeswith.core.atomic_files import write_json

    before = load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "baskets.npz"
        data = make(path, given.baskets, given.products)

        def one(who: str) -> dict[str, Any] | None:
            python = sys.executable if who in OURS else given.peers
            return child([python, __file__, "--child", who, str(path)])

        one(OURS[0])  # compiles, once for every later process
        runs, left_out = in_turns(_WORK, given.rounds, one, once=SLOW)
    middle = medians(runs)
    write_json(
        {
            "command": "python benchmarks/mining_peers.py --peers PYTHON"
            f" --rounds {given.rounds} --baskets {given.baskets} --products {given.products}",
            "data": {"name": "synthetic shop, seed 0", **data},
            **machine(before),
            "versions": both(given.peers, PACKAGES),
            "medians": middle,
            "left_out": left_out,
            "runs": runs,
        },
        RESULT,
    )
    for figures in middle.values():
        for peer in ("implicit", "scipy"):
            for key in ("processor_seconds", "peak_mb") if peer in middle else ():
                figures[f"{key} {peer}"] = figures[key] / middle[peer][key]
    columns = [
        ("processor s", "processor_seconds:.2f"),
        ("to implicit", "processor_seconds implicit:.2f"),
        ("peak MiB", "peak_mb:.0f"),
        ("to implicit", "peak_mb implicit:.2f"),
        ("to scipy", "peak_mb scipy:.2f"),
        ("edges", "edges:,.0f"),
    ]
    show(middle, columns)


if __name__ == "__main__":
    main()
