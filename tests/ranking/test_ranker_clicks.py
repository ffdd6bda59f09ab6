"""The ranker learns from clicks: what shoppers want ranks higher, also after saving and refresh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from goeswith.core.arrays import Rows
from goeswith.data.catalog import Catalog
from goeswith.features.pair_clicks import PairClicks
from goeswith.ranking.ranker import Ranker
from goeswith.relations.graph import RelationGraph

EACH = 20
QUICK = {"folds": 2, "trees": 40}


def is_wanted(sources: Rows, targets: Rows) -> np.ndarray:
    """Cases of the phone's half are wanted; nothing but clicks says so."""
    return sources % 2 == targets % 2


@pytest.fixture(scope="module")
def shop() -> tuple[Catalog, RelationGraph, PairClicks]:
    rng = np.random.default_rng(0)
    rows = [
        {"product_id": f"{kind}{i}", "type": kind, "title": kind, "price": 10.0}
        for kind in ("phone", "case")
        for i in range(EACH)
    ]
    u, v = (x.ravel().astype(np.int32) for x in np.mgrid[:EACH, EACH : 2 * EACH])
    bought = rng.random(len(u)) < np.where(is_wanted(u, v), 0.3, 0.15)
    edges = [(int(a), int(b), "co_purchase") for a, b in zip(u[bought], v[bought], strict=True)]
    expected = np.full(len(u), 10.0)
    clicks = rng.poisson(expected * np.where(is_wanted(u, v), 1.6, 0.4)).astype(float)
    feedback = PairClicks(2 * EACH, u, v, clicks, expected, 0.1 * clicks, 0.1 * expected)
    return Catalog.from_records(rows), RelationGraph.from_edges(2 * EACH, edges), feedback


@pytest.fixture(scope="module")
def learned(shop: tuple[Catalog, RelationGraph, PairClicks]) -> Ranker:
    model = Ranker(**QUICK)
    model.clicks = shop[2]
    return model.fit(*shop[:2])


def separation(model: Ranker, graph: RelationGraph) -> float:
    """Share of pairs of an unbought wanted and unwanted case in the right order."""
    sources = np.arange(EACH, dtype=np.int32)
    scores = model.score(sources)[:, EACH : 2 * EACH]
    bought = graph["co_purchase"].count[:EACH, EACH : 2 * EACH].toarray() > 0
    wanted = is_wanted(sources[:, None], np.arange(EACH, 2 * EACH)[None])
    right = [
        scores[i][wanted[i] & ~bought[i]][:, None] > scores[i][~wanted[i] & ~bought[i]][None]
        for i in range(EACH)
    ]
    return float(np.concatenate([one.ravel() for one in right]).mean())


def test_what_is_clicked_ranks_higher(
    shop: tuple[Catalog, RelationGraph, PairClicks], learned: Ranker
) -> None:
    catalog, graph, _ = shop
    assert separation(Ranker(**QUICK).fit(catalog, graph), graph) < 0.7
    assert separation(learned, graph) > 0.85


def test_saved_and_refreshed_models_keep_the_clicks(
    shop: tuple[Catalog, RelationGraph, PairClicks], learned: Ranker, tmp_path: Path
) -> None:
    catalog, graph, _ = shop
    learned.save(tmp_path / "model")
    loaded = Ranker.load(tmp_path / "model")
    rows = np.arange(EACH, dtype=np.int32)
    assert (loaded.score(rows) == learned.score(rows)).all()
    assert separation(loaded.refresh(catalog, graph), graph) > 0.85
