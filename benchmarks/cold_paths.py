"""What each path of the ranker says of products without edges, by itself and judged by the trees.

    python benchmarks/cold_paths.py ../shared/data/amazon-beauty

Within the training data of the protocol `cold`, so that no test product is looked at: a tenth of
its products lose their edges as well, and nDCG@10 is that of their known complements among all
products that kept theirs. `candidates` is what an order would have that put first whatever of them
any path proposes to the trees, `candidates found` their share.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from goeswith.core.arrays import Floats, Rows, blocks, top_k
from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.evaluation import metrics
from goeswith.evaluation.metrics import Rankings
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.cold_start_protocol import cold
from goeswith.models import make_model
from goeswith.ranking import candidate_paths
from goeswith.ranking.fold_splits import cold_folds
from goeswith.ranking.pipelines import PIPELINES
from goeswith.ranking.ranker import Ranker, RankerConfig
from goeswith.settings.sections import Settings

RESULTS = Path(__file__).parent / "results"
BESIDE = ("similar_complements", "type_popularity", "popularity")
SHARE = 0.1


def measured(folder: Path, seed: int) -> dict[str, float]:
    """Path or model -> nDCG@10, of one split."""
    data = load_data(folder)
    (case,) = cold(BenchmarkData(data, Settings()), seed)
    (fold,) = cold_folds(case.train, 1, SHARE, seed)
    sources = np.flatnonzero(np.diff(fold.labels.indptr)).astype(np.int32)
    ranker = Ranker(RankerConfig(seed=seed)).fit(data.catalog, fold.graph)
    beside = {name: make_model(name).fit(data.catalog, fold.graph) for name in BESIDE}
    kept = ~fold.cold
    found: dict[str, list[Rows]] = {}
    proposed = 0.0

    def rank(name: str, scores: Floats) -> None:
        scores = np.where(kept & (scores > 0), scores, -np.inf).astype(np.float32)
        best, _ = top_k(scores, 10)
        padding = ((0, 0), (0, 10 - best.shape[1]))
        found.setdefault(name, []).append(np.pad(best, padding, constant_values=-1))

    kind = PIPELINES[True]
    for block in blocks(sources, ranker.block):
        queries = ranker.items.queries(block)
        pool, paths = kind.scores(ranker.items, queries, [], block, all_products=True)
        chosen = kind.candidates(paths, candidate_paths.excluded_mask(queries, block, pool))
        truth = fold.labels[block].toarray() > 0
        proposed += float((chosen & truth).sum())
        rank("candidates", (chosen & truth).astype(np.float32))
        rank("ranker", ranker.score(block))
        for name, scores in paths.items():
            rank(name.replace("_", " "), scores)
        for name, model in beside.items():
            rank(name, model.score(block))
    figures = {"sources": float(len(sources)), "candidates found": proposed / fold.labels.nnz}
    for name, parts in found.items():
        ranked = Rankings(sources, np.concatenate(parts), fold.labels)
        figures[name] = metrics.ndcg(ranked, 10).value or 0.0
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    runs = [measured(options.data, seed) for seed in seeds]
    table = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
    write_json(
        {"data": options.data.name, "seeds": seeds, "ndcg@10": table, "per_seed": runs},
        RESULTS / f"cold-paths-{options.data.name}.json",
    )
    for name, value in sorted(table.items(), key=lambda item: -item[1]):
        print(f"{name:32} {value:.4f}")


if __name__ == "__main__":
    main()
