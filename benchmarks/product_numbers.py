"""What product numbers say: of pairs that go together, and of products without edges.

    python benchmarks/product_numbers.py ../shared/data/amazon-beauty ../shared/data/amazon-grocery

`pairs` are shares of pairs whose places in the order of the product ids differ by at most so much:
of complements, of what is bought together and viewed as an alternative, and by chance. `random` are
the cold products of the protocol `cold`, `newest` the tenth with the highest numbers, as a shop's
next products. nDCG@10 is that of products without edges among those with edges: of the complements
of the ten nearest numbers alone, of simple models, and of the ranker with these ids and with hashed
ones. The ranker has its trees for cold sources only, which are those of a complete fit.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import polars as pl

from goeswith.core.arrays import Floats, Rows, Sparse, blocks, top_k
from goeswith.core.atomic_files import write_json
from goeswith.data.catalog import Catalog
from goeswith.data.folder import load_data
from goeswith.evaluation import metrics
from goeswith.evaluation.bootstrap import paired_bootstrap
from goeswith.evaluation.metrics import Mask, PerSource, Rankings
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.cold_start_protocol import cold
from goeswith.features.product_numbers import (
    NEAR,
    Numbers,
    ProductNumbers,
    number_neighbours,
    rows_by_number,
)
from goeswith.models import make_model
from goeswith.models.base import Recommender
from goeswith.ranking import ranker_training
from goeswith.ranking.ranker import Ranker, RankerConfig
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, csr
from goeswith.settings.sections import Settings

RESULTS = Path(__file__).parent / "results"
DISTANCES = (1, 10, 100, 1000)
NEWEST_SHARE = 0.1
SIMPLE = ("similar_complements", "type_popularity")
NUMBERED, HASHED = "ranker", "ranker, hashed ids"


def pair_shares(graph: RelationGraph, numbers: Numbers) -> dict[str, dict[str, float]]:
    """Shares of pairs by distance, for each kind of pair."""
    bought, views = graph[CO_PURCHASE], graph[CO_VIEW].count
    either = views.maximum(views.T).tocsr()
    is_viewed = np.asarray(either[bought.sources, bought.targets]).ravel() > 0
    complements = graph.complements
    chance = np.random.default_rng(0).integers(0, graph.n, (2, 1_000_000))
    pairs = {
        "complements": (complements.sources, complements.targets),
        "bought and viewed": (bought.sources[is_viewed], bought.targets[is_viewed]),
        "chance": (chance[0], chance[1]),
    }
    shares = {}
    for name, (sources, targets) in pairs.items():
        distance = np.abs(numbers[sources] - numbers[targets])
        shares[name] = {str(most): float((distance <= most).mean()) for most in DISTANCES}
    return shares


def near_complements(graph: RelationGraph, numbers: Numbers, sources: Rows) -> Floats:
    """(b, n) the complements of the ten nearest numbers on either side, and nothing else."""
    lists = graph.complements.count.astype(bool).astype(np.float32).tocsr()
    order = rows_by_number(numbers, np.diff(lists.indptr) > 0)
    near = number_neighbours(numbers[sources], numbers, order, NEAR)
    return np.asarray((near @ lists).toarray())


def cold_ranker(catalog: Catalog, train: RelationGraph, seed: int) -> Ranker:
    with mock.patch.object(ranker_training, "folds", return_value=()):
        return Ranker(RankerConfig(seed=seed, slim=0)).fit(catalog, train)


def hashed(catalog: Catalog) -> Catalog:
    names = [hashlib.sha256(i.encode()).hexdigest()[:16] for i in catalog.ids.to_list()]
    return Catalog(catalog.frame.with_columns(product_id=pl.Series(names)))


def compared(
    catalog: Catalog, train: RelationGraph, is_cold: Mask, truth: Sparse, seed: int
) -> dict[str, PerSource]:
    """nDCG@10 of cold sources, by model."""
    sources = np.flatnonzero(np.diff(truth.indptr)).astype(np.int32)
    numbers = ProductNumbers.of(catalog.ids).places(catalog.ids)

    def ndcg(scores: Floats) -> PerSource:
        scores = np.where(~is_cold & (scores > 0), scores, -np.inf).astype(np.float32)
        best, _ = top_k(scores, 10)
        best = np.pad(best, ((0, 0), (0, 10 - best.shape[1])), constant_values=-1)
        return metrics.ndcg(Rankings(sources, best, truth), 10)

    models: dict[str, Recommender] = {
        **{name: make_model(name).fit(catalog, train) for name in SIMPLE},
        NUMBERED: cold_ranker(catalog, train, seed),
        HASHED: cold_ranker(hashed(catalog), train, seed),
    }
    found = {"near numbers": ndcg(near_complements(train, numbers, sources))}
    for name, model in models.items():
        scores = [model.score(block) for block in blocks(sources, model.block)]
        found[name] = ndcg(np.concatenate(scores))
        print(name, found[name].value, flush=True)
    return found


def summary(runs: list[dict[str, PerSource]]) -> dict[str, Any]:
    parts = {name: PerSource.concatenate([run[name] for run in runs]) for name in runs[0]}
    gain = paired_bootstrap(parts[NUMBERED], parts[HASHED])
    return {
        "ndcg@10": {name: part.value for name, part in parts.items()},
        "per_seed": [{name: part.value for name, part in run.items()} for run in runs],
        "gain": {"mean": gain.difference, "low": gain.low, "high": gain.high},
    }


def measured(folder: Path, seeds: list[int]) -> dict[str, Any]:
    data = load_data(folder)
    catalog, graph = data.catalog, build_graph(data, Settings().relations)
    numbers = ProductNumbers.of(catalog.ids).places(catalog.ids)
    is_new = numbers >= (1 - NEWEST_SHARE) * graph.n
    edges = graph.complements
    is_test = is_new[edges.sources] & ~is_new[edges.targets]
    truth = csr(graph.n, edges.sources[is_test], edges.targets[is_test], np.ones(is_test.sum()))
    train = graph.without_products(np.flatnonzero(is_new).astype(np.int32))
    result = {
        "used": ProductNumbers.fit(catalog.ids, graph.complements.count) is not None,
        "pairs": pair_shares(graph, numbers),
        "newest": summary([compared(catalog, train, is_new, truth, 0)]),
    }
    runs = []
    for seed in seeds:
        (case,) = cold(BenchmarkData(data, Settings()), seed)
        runs.append(compared(catalog, case.train, case.cold, case.from_cold, seed))
    return {**result, "seeds": seeds, "random": summary(runs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    for folder in options.data:
        result = measured(folder, seeds)
        write_json(result, RESULTS / f"product-numbers-{folder.name}.json")
        print(folder.name, result, flush=True)


if __name__ == "__main__":
    main()
