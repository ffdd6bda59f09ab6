"""The knob of popularity of `knowledge_ranker`: `python benchmarks/popularity.py JUDGED DATA`.

By weight of popularity: complements and look-alikes among the first five of the labelled pairs in
JUDGED, and attach@10 and the rest of the protocol `basket`, seed 0. DATA holds a folder of tables
for each data set. Figures go to benchmarks/results/popularity.json.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from diversity import graph_of, ranked_pools, write_figures
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
    settings = [{"popularity": weight} for weight in WEIGHTS]
    write_figures(settings, judged, attached, __doc__ or "", RESULT)


if __name__ == "__main__":
    main()
