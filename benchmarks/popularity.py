"""The knob of popularity of `knowledge_ranker`: `python benchmarks/popularity.py JUDGED DATA`.

By weight of popularity: complements and look-alikes among the first five of the labelled pairs in
JUDGED, and attach@10 and the rest of the protocol `basket`, seed 0. DATA holds a folder of tables
for each data set. Figures go to benchmarks/results/popularity.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from diversity import BASKETS, JUDGED, graph_of, ranked_pools, tagged
from goeswith.core.atomic_files import write_json
from goeswith.data.dataset import Dataset
from goeswith.evaluation.protocols.basket_protocol import BasketCase, basket_protocol
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.ranking.knowledge_ranker import KnowledgeRanker
from goeswith.settings.sections import Settings

RESULT: Final = Path(__file__).parent / "results" / "popularity.json"
WEIGHTS: Final = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
METRICS: Final = ("attach@10", "stratified@10", "ndcg@10", "tail@10")


def judged(pairs: pl.DataFrame, data: Dataset) -> list[dict[str, float]]:
    """Shares of the first five of the labelled pool of each source, by weight."""
    model = KnowledgeRanker().fit(data.catalog, graph_of(data))
    labels = pairs.select("complement", "substitute").cast(pl.Float64).to_numpy()
    found = []
    for weight in WEIGHTS:
        model.config = model.config.model_copy(update={"popularity": weight})
        shown = [pool[:5] for pool in ranked_pools(pairs, data.catalog, model)]
        sums = labels[np.concatenate(shown)].sum(axis=0) / (5 * len(shown))
        found.append({"complements": sums[0], "look-alikes": sums[1]})
    return found


def attached(data: Dataset) -> list[dict[str, float]]:
    """Metrics on held-out baskets, by weight."""
    (case,) = basket_protocol(BenchmarkData(data, Settings()), 0)
    assert isinstance(case, BasketCase)
    queries = np.unique(case.sources)
    place = np.searchsorted(queries, case.sources)
    model = KnowledgeRanker().fit(case.catalog, case.train)
    found = []
    for weight in WEIGHTS:
        model.config = model.config.model_copy(update={"popularity": weight})
        shown = model.recommend(queries, 10)[0][place]
        values = case.measure({"one in": shown, "one out": shown}).values()
        found.append({name: float(values[name] or 0) for name in METRICS})
    return found


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("judged", type=Path)
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    of_pools = {
        name: judged(
            pl.read_parquet(options.judged / f"{name}.parquet"), tagged(options.data / name)
        )
        for name in JUDGED
    }
    of_baskets = {name: attached(tagged(options.data / name)) for name in BASKETS}
    rows = []
    for i, weight in enumerate(WEIGHTS):
        mean = {
            column: float(np.mean([of_pools[name][i][column] for name in JUDGED]))
            for column in ("complements", "look-alikes")
        }
        baskets = {name: of_baskets[name][i] for name in BASKETS}
        rows.append({"popularity": weight, **mean, "baskets": baskets})
        print(rows[-1], flush=True)
    write_json({"results": rows, "pools": of_pools}, RESULT)


if __name__ == "__main__":
    main()
