"""Probabilities of lists refer to every product, not to those that a fold took a pair from."""

from __future__ import annotations

import numpy as np
import pytest

from goeswith.data.catalog import Catalog
from goeswith.ranking.ranker import Ranker, RankerConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.pair_split import hold_out_pairs
from goeswith.relations.relation import CO_PURCHASE

N, TYPES = 400, 40
SHARE = 0.2


@pytest.fixture(scope="module")
def graph() -> RelationGraph:
    """Products of a type go together at random: three pairs of ten, so that lists are short."""
    rng = np.random.default_rng(0)
    edges = [
        edge
        for u in range(N)
        for v in range(u + 1, N)
        if u % TYPES == v % TYPES and rng.random() < 0.3
        for edge in ((u, v, CO_PURCHASE), (v, u, CO_PURCHASE))
    ]
    return RelationGraph.from_edges(N, edges)


def test_probabilities_are_right_for_products_with_short_lists(graph: RelationGraph) -> None:
    catalog = Catalog.from_records(
        {"product_id": f"p{i}", "type": f"t{i % TYPES}"} for i in range(N)
    )
    held = hold_out_pairs(graph, SHARE, 0)
    config = RankerConfig(folds=2, trees=10, sources=400, missing=SHARE)
    model = Ranker(config).fit(catalog, held.graph)
    rows = np.arange(N, dtype=np.int32)
    scores = model.score(rows)
    listed = held.graph.complements.count.toarray() > 0
    is_missing = np.zeros((N, N), dtype=bool)
    is_missing[held.sources, held.targets] = True
    best = np.argsort(-np.where(listed, -np.inf, scores), axis=1)[:, :5]
    at = np.arange(N)[:, None], best
    is_scored = np.isfinite(scores[at])
    # three times as much where only sources count that lost a pair
    assert scores[at][is_scored].mean() == pytest.approx(is_missing[at][is_scored].mean(), rel=0.2)
