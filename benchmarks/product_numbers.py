"""What product numbers say: of pairs that go together, and of products without edges.

    python benchmarks/product_numbers.py ../shared/data/amazon-beauty ../shared/data/amazon-grocery

`pairs` are shares of pairs whose places in the order of the product ids differ by at most so much:
of complements, of what is bought together and viewed as an alternative, and by chance. `random` are
the cold products of the protocol `cold` (three seeds), `newest` the tenth with the highest numbers.
nDCG@10 is that of products without edges among those with edges: of the complements of the ten
nearest numbers alone, of simple models, and of the ranker with these ids and with hashed ones.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from goeswith.core.arrays import Floats, Rows, Sparse, blocks, top_k
from goeswith.core.atomic_files import write_json
from goeswith.data.catalog import Catalog
from goeswith.data.folder import load_data
from goeswith.evaluation import metrics
from goeswith.evaluation.metrics import Rankings
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.cold_start_protocol import cold
from goeswith.models import make_model
from goeswith.models.base import Recommender
from goeswith.ranking.product_numbers import (
    NEAR,
    Numbers,
    ProductNumbers,
    number_neighbours,
    rows_by_number,
)
from goeswith.ranking.ranker import Ranker
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, csr
from goeswith.settings.sections import Settings

RESULTS = Path(__file__).parent / "results"
DISTANCES = (1, 10, 100, 1000)
NEWEST_SHARE = 0.1
SIMPLE = ("similar_complements", "type_popularity")


def pair_shares(graph: RelationGraph, numbers: Numbers) -> dict[str, dict[str, float]]:
    """Shares of pairs by distance, for each kind of pair."""
    bought, views = graph[CO_PURCHASE], graph[CO_VIEW].count
    either = views.maximum(views.T).tocsr()
    is_viewed = np.asarray(either[bought.sources, bought.targets]).ravel() > 0
    complements = graph.complements
    rng = np.random.default_rng(0)
    pairs = {
        "complements": (complements.sources, complements.targets),
        "bought and viewed": (bought.sources[is_viewed], bought.targets[is_viewed]),
        "chance": tuple(rng.integers(0, graph.n, (2, 1_000_000))),
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


def ndcg(scores: Floats, sources: Rows, truth: Sparse, is_cold: np.ndarray) -> float:
    scores = np.where(~is_cold & (scores > 0), scores, -np.inf).astype(np.float32)
    best, _ = top_k(scores, 10)
    return metrics.ndcg(Rankings(sources, best, truth), 10).value or 0.0


def model_scores(model: Recommender, sources: Rows) -> Floats:
    return np.concatenate([model.score(block) for block in blocks(sources, model.block)])


def hashed(catalog: Catalog) -> Catalog:
    names = [hashlib.sha256(i.encode()).hexdigest()[:16] for i in catalog.ids.to_list()]
    return Catalog(catalog.frame.with_columns(product_id=pl.Series(names)))


def newest(
    catalog: Catalog, graph: RelationGraph, numbers: Numbers
) -> dict[str, float | Mapping[str, float]]:
    """nDCG@10 of the products with the highest numbers."""
    is_cold = numbers >= (1 - NEWEST_SHARE) * graph.n
    edges = graph.complements
    is_test = is_cold[edges.sources] & ~is_cold[edges.targets]
    truth = csr(graph.n, edges.sources[is_test], edges.targets[is_test], np.ones(is_test.sum()))
    train = graph.without_products(np.flatnonzero(is_cold).astype(np.int32))
    sources = np.unique(edges.sources[is_test]).astype(np.int32)
    figures = {
        "near numbers": ndcg(near_complements(train, numbers, sources), sources, truth, is_cold)
    }
    models: dict[str, Recommender] = {
        **{name: make_model(name).fit(catalog, train) for name in SIMPLE},
        "ranker": Ranker().fit(catalog, train),
        "ranker, hashed ids": Ranker().fit(hashed(catalog), train),
    }
    for name, model in models.items():
        figures[name] = ndcg(model_scores(model, sources), sources, truth, is_cold)
    return {"sources": float(len(sources)), **figures}


def measured(folder: Path) -> dict[str, object]:
    data = load_data(folder)
    graph = build_graph(data, Settings().relations)
    ids = data.catalog.ids
    numbers = ProductNumbers.of(ids).places(ids)
    random = []
    for seed in range(3):
        (case,) = cold(BenchmarkData(data, Settings()), seed)
        truth = case.from_cold
        sources = np.flatnonzero(np.diff(truth.indptr)).astype(np.int32)
        scores = near_complements(case.train, numbers, sources)
        random.append(ndcg(scores, sources, truth, case.cold))
    return {
        "used": ProductNumbers.fit(ids, graph) is not None,
        "pairs": pair_shares(graph, numbers),
        "random": {"near numbers": float(np.mean(random)), "per_seed": random},
        "newest": newest(data.catalog, graph, numbers),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    options = parser.parse_args()
    for folder in options.data:
        result = measured(folder)
        write_json(result, RESULTS / f"product-numbers-{folder.name}.json")
        print(folder.name, result)


if __name__ == "__main__":
    main()
