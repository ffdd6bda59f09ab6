"""EASE beside RecTools, LensKit and plain numpy: `python benchmarks/ease_peers.py --peers PYTHON`.

    python benchmarks/ease_peers.py --peers PYTHON [--products 6000] [--rounds 5]

PYTHON is one of an environment of its own with rectools and lenskit. All read the same synthetic
lists of complements (60 targets a source, popularity by a power law), fit with the same lambda and
name the ten best new targets of every source. Each run is a process on one thread, the rounds are
interleaved; processor seconds and the growth of memory are of fitting and asking, imports left out.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

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

RESULT = RESULTS / "ease-peers.json"
L2, K = 50.0, 10
OURS = ("goeswith", "numpy")
PEERS = ("rectools", "lenskit")


def make(path: Path, n: int) -> int:
    """Write edges (source, target) of n products, each once."""
    rng = np.random.default_rng(0)
    source = np.repeat(np.arange(n), 60)
    target = np.minimum((n * rng.random(len(source)) ** 2.5).astype(np.int64), n - 1)
    edges = np.unique(np.column_stack([source, target])[source != target], axis=0)
    np.savez(path, source=edges[:, 0], target=edges[:, 1])
    return len(edges)


def matrix(edges: Any, n: int) -> Any:
    from scipy import sparse

    ones = np.ones(len(edges["source"]), dtype=np.float32)
    return sparse.csr_matrix((ones, (edges["source"], edges["target"])), shape=(n, n))


def goeswith(edges: Any, n: int) -> Any:
    import polars as pl

    from goeswith.data.catalog import Catalog
    from goeswith.models.ease import EASE
    from goeswith.relations.graph import RelationGraph
    from goeswith.relations.relation import CO_PURCHASE, Relation

    catalog = Catalog(pl.DataFrame({"product_id": [str(i) for i in range(n)]}))
    graph = RelationGraph(n, {CO_PURCHASE: Relation(matrix(edges, n))})
    yield None
    model = EASE(EASE.Config(l2=L2)).fit(catalog, graph)
    every = np.arange(n, dtype=np.int32)
    yield model.recommend(every, K, exclude=matrix(edges, n))[0]


def numpy(edges: Any, n: int) -> Any:
    lists = matrix(edges, n)
    yield None
    gram = (lists.T @ lists).toarray()
    gram[np.diag_indices(n)] += L2
    weights = np.linalg.inv(gram)
    weights /= -np.diag(weights)
    np.fill_diagonal(weights, 0)
    scores = lists @ weights
    scores[lists.nonzero()] = -np.inf
    np.fill_diagonal(scores, -np.inf)
    best = np.argpartition(-scores, K, axis=1)[:, :K]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    yield np.take_along_axis(best, order, axis=1)


def rectools(edges: Any, n: int) -> Any:
    import pandas as pd
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.models import EASEModel

    frame = pd.DataFrame({Columns.User: edges["source"], Columns.Item: edges["target"]})
    frame[Columns.Weight], frame[Columns.Datetime] = 1.0, pd.Timestamp("2026-01-01")
    yield None
    dataset = Dataset.construct(frame)
    model = EASEModel(regularization=L2)
    model.fit(dataset)
    found = model.recommend(frame[Columns.User].unique(), dataset, K, filter_viewed=True)
    yield found[Columns.Item].to_numpy()


def lenskit(edges: Any, n: int) -> Any:
    import pandas as pd
    from lenskit.batch import recommend
    from lenskit.data import from_interactions_df
    from lenskit.knn import EASEScorer
    from lenskit.pipeline import topn_pipeline
    from lenskit.training import TrainingOptions

    frame = pd.DataFrame({"user_id": edges["source"], "item_id": edges["target"]})
    yield None
    data = from_interactions_df(frame)
    made = topn_pipeline(EASEScorer(regularization=L2))
    made.train(data, TrainingOptions())
    yield recommend(made, frame["user_id"].unique().tolist(), n=K, n_jobs=1)


WORK = dict(zip((*OURS, *PEERS), (goeswith, numpy, rectools, lenskit), strict=True))


def run(who: str, path: Path, n: int) -> dict[str, float]:
    steps = WORK[who](np.load(path), n)
    next(steps)
    found, figures = spent(lambda: next(steps))
    if isinstance(found, np.ndarray):
        np.save(path.with_name(f"{who}.npy"), found.reshape(-1, K))
    return figures


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--products", type=int, default=6000)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(run(given.child[0], Path(given.child[1]), given.products)))
        return
    if not given.peers:
        parser.error("--peers is needed")
    from goeswith.core.atomic_files import write_json

    before = load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edges.npz"
        edges = make(path, given.products)

        def one(who: str) -> dict[str, Any] | None:
            python = sys.executable if who in OURS else given.peers
            options = ["--products", str(given.products), "--child", who, str(path)]
            return child([python, __file__, *options])

        runs, left_out = in_turns(WORK, given.rounds, one)
        named = {w: np.load(f) for w in runs if (f := path.with_name(f"{w}.npy")).exists()}
    base = named["numpy"]
    same = {
        who: float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found, base, strict=True)]))
        for who, found in named.items()
        if found.shape == base.shape
    }
    middle = medians(runs)
    write_json(
        {
            "command": f"python benchmarks/ease_peers.py --peers PYTHON"
            f" --products {given.products} --rounds {given.rounds}",
            "data": {"products": given.products, "edges": edges, "seed": 0},
            **machine(before),
            "versions": both(given.peers, ("numpy", "scipy", "rectools", "lenskit")),
            "same_answers_as_numpy": same,
            "medians": middle,
            "left_out": left_out,
            "runs": runs,
        },
        RESULT,
    )
    for who, figures in middle.items():
        for key in ("processor_seconds", "grew_mb"):
            figures[f"{key} numpy"] = figures[key] / middle["numpy"][key]
        figures["same"] = same.get(who)
    columns = [
        ("processor s", "processor_seconds:.2f"),
        ("to numpy", "processor_seconds numpy:.2f"),
        ("grew by MiB", "grew_mb:.0f"),
        ("to numpy", "grew_mb numpy:.2f"),
        ("same answers", "same:.2f"),
    ]
    show(middle, columns, width=12)


if __name__ == "__main__":
    main()
