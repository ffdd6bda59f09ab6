"""What diversity costs: `python benchmarks/slates.py DATA`, about five minutes a seed.

Top 60 of the ranker on held-out pairs, cut to slates of ten at several settings of `diversity`, and
EASE beside them: nDCG@10, distinct types among ten and substitutes among ten.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from goeswith.core.arrays import Rows
from goeswith.data.folder import load_data
from goeswith.evaluation import metrics
from goeswith.evaluation.metrics import Rankings
from goeswith.models import make_model
from goeswith.models.registry import model_name
from goeswith.ranking.slate import build_slate
from goeswith.relations.build_graph import build_graph
from goeswith.relations.pair_split import hold_out_pairs
from goeswith.relations.relation import CO_VIEW, csr

RESULTS = Path(__file__).parent / "results"
DIVERSITIES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
RANKING_DEPTH = 60


def slates(products: Rows, scores: np.ndarray, types: Rows, diversity: float) -> Rows:
    """(q, 10) the slates of rankings (q, PLACES)."""
    shown = np.full((len(products), 10), -1, dtype=np.int32)
    for i, (row, score) in enumerate(zip(products, scores, strict=True)):
        relevance = np.maximum(np.where(np.isfinite(score), score, 0), 0)
        places = build_slate(row, types[row], 10, relevance=relevance, diversity=diversity)
        shown[i, : len(places)] = row[places]
    return shown


def measured(folder: Path, ranker: str, seed: int) -> dict[str, dict[str, float]]:
    """Setting -> metric -> value, of one split."""
    data = load_data(folder)
    graph = build_graph(data)
    held = hold_out_pairs(graph, 0.2, seed)
    truth = csr(graph.n, held.sources, held.targets, np.ones(len(held.sources)))
    queries, known = np.unique(held.sources), held.graph.complements.count
    types = data.catalog.type_codes
    rankings = {}
    for spec in (ranker, "ease"):
        options = {model_name(ranker): {"seed": seed}}
        model = make_model(spec, options).fit(data.catalog, held.graph)
        rankings[spec] = model.recommend(queries, RANKING_DEPTH, known)
    shown = {"ease": rankings["ease"][0][:, :10]}
    for diversity in DIVERSITIES:
        shown[f"{ranker}, diversity {diversity}"] = slates(*rankings[ranker], types, diversity)
    found = {}
    for name, products in shown.items():
        ranked = Rankings(queries, products, truth)
        parts = {
            "ndcg@10": metrics.ndcg(ranked, 10),
            "types@10": metrics.distinct_types(ranked, types, 10),
            "substitutes@10": metrics.substitutes(ranked, graph[CO_VIEW].count, 10),
        }
        found[name] = {metric: part.value or 0.0 for metric, part in parts.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--ranker", default="ranker")
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    runs = [measured(options.data, options.ranker, seed) for seed in seeds]
    table = {
        name: {metric: float(np.mean([run[name][metric] for run in runs])) for metric in values}
        for name, values in runs[0].items()
    }
    out = RESULTS / f"slates-{options.data.name}.json"
    result = {"data": options.data.name, "seeds": seeds, "results": table, "per_seed": runs}
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, values in table.items():
        print(f"{name:32}", *(f"{metric} {value:.3f}" for metric, value in values.items()))


if __name__ == "__main__":
    main()
