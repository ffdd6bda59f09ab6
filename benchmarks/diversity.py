"""What diversity of slates costs and gains: `python benchmarks/diversity.py JUDGED DATA`.

Slates of `knowledge_ranker` by `slate.diversity`: complements and look-alikes among the first five
of the labelled pairs in JUDGED, and attach@10 of the protocol `basket`, seed 0, with the number of
types in a slate. DATA holds a folder of tables for each data set. Figures go to
benchmarks/results/diversity.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.atomic_files import write_json
from goeswith.core.ndcg import rank_discounts
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.evaluation.protocols.basket_protocol import BasketCase, basket_protocol
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.kinds.table_reader import load_table
from goeswith.pipeline.kind_tags import tag_products
from goeswith.ranking import slate
from goeswith.ranking.knowledge_ranker import KnowledgeRanker
from goeswith.relations.baskets.basket_matrix import basket_matrix, with_baskets
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, Relation
from goeswith.settings.sections import KindSettings, Settings

RESULT: Final = Path(__file__).parent / "results" / "diversity.json"
JUDGED: Final = ("online-retail", "complete-journey", "amazon-office", "bundles-electronic")
BASKETS: Final = ("online-retail", "groceries")
POSITIONS: Final = ((0.0, 0.5), (0.1, 0.5), (0.3, 0.5), (0.5, 0.5), (1.0, 0.5), (1.0, 0.0))
"""Diversity and floor of the relevance."""
DEPTH: Final = 50


def tagged(folder: Path) -> Dataset:
    """A data set with the kinds of its products."""
    return tag_products(load_data(folder, max_bad_share=1), KindSettings())[0]


def graph_of(data: Dataset) -> RelationGraph:
    """The baskets, which are all that the model reads of a log, without mining; or the lists."""
    purchases = None if data.events is None else with_baskets(data.events)
    if purchases is None:
        return build_graph(data).with_types(data.catalog.type_codes)
    n, config = len(data.catalog), Settings().relations
    baskets = basket_matrix(purchases, n, config.max_basket, config.per_user_cap)
    pairs = (baskets.T @ baskets).tocsr()
    held = pairs.diagonal().astype(np.float64)
    pairs.setdiag(0)
    pairs.eliminate_zeros()
    bought = Relation(pairs, None, held, held, float(baskets.shape[0]))
    return RelationGraph(n, {CO_PURCHASE: bought}, types=data.catalog.type_codes, baskets=baskets)


def positions_of(products: Any, types: Any, k: int, diversity: float, floor: float) -> Any:
    """The slate of a list."""
    slate.RELEVANCE_FLOOR = floor  # type: ignore[misc]
    discounts = rank_discounts(len(products))
    return slate.build_slate(products, types, k, relevance=discounts, diversity=diversity)


def ranked_pools(
    pairs: pl.DataFrame, catalog: Catalog, model: KnowledgeRanker
) -> list[npt.NDArray[np.intp]]:
    """Rows of the labelled pairs of each source, by score."""
    source, target = (catalog.rows(pairs[end]) for end in ("source", "target"))
    ids = [*model.kinds.kind_ids, None]
    codes = [model.kinds.codes[rows].tolist() for rows in (source, target)]
    ends = ((ids[a], ids[b]) for a, b in zip(*codes, strict=True))
    # what the table excludes comes last, behind what nothing is known of
    excluded = np.array([bool(a and b and load_table().replaces(a, b)) for a, b in ends])
    score = model.score_pairs(source, target)
    score = np.where(np.isfinite(score), score, 0) - 10 * excluded
    pools = [np.flatnonzero(source == row) for row in dict.fromkeys(source.tolist())]
    return [pool[np.argsort(-score[pool], kind="stable")] for pool in pools]


def judged(pairs: pl.DataFrame, data: Dataset) -> list[dict[str, float]]:
    """Shares of the first five of the labelled pool of each source, by position."""
    catalog, target = data.catalog, data.catalog.rows(pairs["target"])
    pools = ranked_pools(pairs, catalog, KnowledgeRanker().fit(catalog, graph_of(data)))
    labels = pairs.select("complement", "substitute").cast(pl.Float64).to_numpy()
    found = []
    for diversity, floor in POSITIONS:
        shown = [
            pool[positions_of(target[pool], catalog.type_codes[target[pool]], 5, diversity, floor)]
            for pool in pools
        ]
        sums = labels[np.concatenate(shown)].sum(axis=0) / (5 * len(pools))
        types = [len(np.unique(catalog.type_codes[target[at]])) for at in shown]
        found.append(
            {"complements": sums[0], "look-alikes": sums[1], "types@5": float(np.mean(types))}
        )
    return found


def attached(data: Dataset) -> list[dict[str, float]]:
    """attach@10, stratified@10 and types of ten on held-out baskets, by position."""
    (case,) = basket_protocol(BenchmarkData(data, Settings()), 0)
    assert isinstance(case, BasketCase)
    types, queries = case.catalog.type_codes, np.unique(case.sources)
    lists = KnowledgeRanker().fit(case.catalog, case.train).recommend(queries, DEPTH)[0]
    place = np.searchsorted(queries, case.sources)
    found = []
    for diversity, floor in POSITIONS:
        shown = np.full((len(queries), 10), -1, dtype=np.int32)
        for row, products in enumerate(lists):
            at = positions_of(products, types[products], 10, diversity, floor)
            shown[row, : len(at)] = products[at]
        values = case.measure({"one in": shown[place], "one out": shown[place]}).values()
        of_types = [len(np.unique(types[row[row >= 0]])) for row in shown]
        measured = {name: float(values[name] or 0) for name in ("attach@10", "stratified@10")}
        found.append({**measured, "types@10": float(np.mean(of_types))})
    return found


def write_figures(
    settings: list[dict[str, float]],
    of_pairs: Callable[[pl.DataFrame, Dataset], list[dict[str, float]]],
    of_baskets: Callable[[Dataset], list[dict[str, float]]],
    description: str,
    file: Path,
) -> None:
    """Measure each setting on the labelled pairs and on the baskets of the command line's folders.

    Args:
        settings: one a row of the result.
        of_pairs: figures of labelled pairs, by setting.
        of_baskets: figures of held-out baskets, by setting.
        description: of the command.
        file: to write.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("judged", type=Path)
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    pools = {
        name: of_pairs(
            pl.read_parquet(options.judged / f"{name}.parquet"), tagged(options.data / name)
        )
        for name in JUDGED
    }
    logs = {name: of_baskets(tagged(options.data / name)) for name in BASKETS}
    rows = []
    for i, setting in enumerate(settings):
        mean = {
            column: float(np.mean([pools[name][i][column] for name in JUDGED]))
            for column in pools[JUDGED[0]][i]
        }
        rows.append({**setting, **mean, "baskets": {name: logs[name][i] for name in BASKETS}})
        print(rows[-1], flush=True)
    write_json({"results": rows, "pools": pools}, file)


def main() -> None:
    """Run and write."""
    settings = [{"diversity": diversity, "floor": floor} for diversity, floor in POSITIONS]
    write_figures(settings, judged, attached, __doc__ or "", RESULT)


if __name__ == "__main__":
    main()
