"""Bundles of single sessions: edges lead nowhere, and what products are says what goes together."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from goeswith.data.catalog import Catalog
from goeswith.ranking.pair_classifier import has_no_paths
from goeswith.ranking.ranker import Ranker, RankerConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.pair_split import hold_out_pairs

STYLES, PIPELINES, EACH = ("red", "blue", "green"), ("shirt", "shoe"), 60
QUICK = RankerConfig(folds=1, trees=5, sources=50)


def product(kind: str, style: str, i: int) -> dict[str, object]:
    return {"product_id": f"{kind}-{style}-{i}", "type": kind, "title": f"{style} {kind}"}


ROWS = [product(k, s, i) for k in PIPELINES for s in STYLES for i in range(EACH)]


def together(u: int, v: int) -> bool:
    one, other = ROWS[u], ROWS[v]
    return one["type"] != other["type"] and str(one["title"])[:3] == str(other["title"])[:3]


@pytest.fixture(scope="module")
def judged() -> tuple[Catalog, RelationGraph]:
    """Sessions of four products, no product in two: a shirt and a shoe of one style are bundled."""
    catalog = Catalog.from_records(ROWS)
    order = np.random.default_rng(0).permutation(len(ROWS))[:300].reshape(-1, 4)
    edges = [
        (a, b, "co_purchase" if together(a, b) else "co_view")
        for session in order.tolist()
        for u, v in combinations(session, 2)
        for a, b in ((u, v), (v, u))
    ]
    return catalog, RelationGraph.from_edges(len(ROWS), edges)


@pytest.fixture(scope="module")
def fitted(judged: tuple[Catalog, RelationGraph]) -> Ranker:
    return Ranker(QUICK).fit(*judged)


def test_products_that_were_never_seen_together_are_judged_by_what_they_are(
    fitted: Ranker, judged: tuple[Catalog, RelationGraph]
) -> None:
    u, v = np.random.default_rng(1).integers(0, len(ROWS), size=(2, 2000)).astype(np.int32)
    seen = judged[1]["co_purchase"].count + judged[1]["co_view"].count
    new = (np.asarray(seen[u, v]).ravel() == 0) & (u != v)
    scores = fitted.score_pairs(u, v)[new]
    truth = np.array([together(a, b) for a, b in zip(u[new], v[new], strict=True)])
    assert scores[truth].min() > np.median(scores[~truth])
    assert scores[truth].mean() > 2 * scores[~truth].mean()
    np.testing.assert_allclose(fitted.score_pairs(v, u)[new], scores, rtol=1e-4)


def test_what_was_bundled_comes_first_and_what_was_left_is_no_answer(
    fitted: Ranker, judged: tuple[Catalog, RelationGraph]
) -> None:
    scores = fitted.score(np.arange(len(ROWS), dtype=np.int32))
    assert scores[judged[1]["co_purchase"].count.nonzero()].min() > 0.98
    assert np.isneginf(scores[judged[1]["co_view"].count.nonzero()]).all()
    assert np.isneginf(np.diag(scores)).all()


def test_a_new_product_is_answered_and_a_saved_model_answers_the_same(
    fitted: Ranker, tmp_path: Path
) -> None:
    fitted.save(tmp_path)
    loaded = Ranker.load(tmp_path)
    new = Catalog.from_records([{**product("shirt", "blue", 99), "product_id": "new"}])
    scores = loaded.score_new(new)
    np.testing.assert_allclose(scores, fitted.score_new(new))
    assert {str(ROWS[row]["title"]) for row in np.argsort(-scores[0])[:5]} == {"blue shoe"}
    rows = np.arange(20, dtype=np.int32)
    np.testing.assert_allclose(loaded.score(rows), fitted.score(rows), rtol=1e-5)


def test_products_added_later_are_judged_with_the_others(
    judged: tuple[Catalog, RelationGraph],
) -> None:
    catalog, graph = judged
    model = Ranker(QUICK).fit(catalog, graph)
    more = Catalog.from_records([*ROWS, product("shoe", "green", 99)])
    edges = {
        name: (relation.sources, relation.targets) for name, relation in graph.relations.items()
    }
    model.refresh(more, RelationGraph.from_edges(len(ROWS) + 1, edges))
    scores = model.score(np.array([len(ROWS)], dtype=np.int32))[0]
    assert ROWS[int(np.argmax(scores))]["title"] == "green shirt"


def test_a_sentence_encoder_is_read_where_one_is_named(
    judged: tuple[Catalog, RelationGraph], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def encode(self: object, catalog: Catalog) -> np.ndarray:
        words = [str(title).split()[0] for title in catalog.frame["title"]]
        return np.array([[word == style for style in STYLES] for word in words], dtype=np.float32)

    monkeypatch.setattr("goeswith.features.product_vectors.SentenceVectors.encode", encode)
    model = Ranker(QUICK.model_copy(update={"sentence_encoder": "any"})).fit(*judged)
    assert any(column.startswith("sentence") for column in model.importances())
    model.save(tmp_path)
    new = Catalog.from_records([{**product("shirt", "blue", 99), "product_id": "new"}])
    np.testing.assert_allclose(Ranker.load(tmp_path).score_new(new), model.score_new(new))


def test_edges_lead_nowhere_only_where_something_was_left_and_walks_end_at_home(
    judged: tuple[Catalog, RelationGraph],
) -> None:
    graph = judged[1]
    assert has_no_paths(graph)
    assert has_no_paths(hold_out_pairs(graph, 0.2, 0).graph)
    bought = {"co_purchase": (graph["co_purchase"].sources, graph["co_purchase"].targets)}
    assert not has_no_paths(RelationGraph.from_edges(graph.n, bought))
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 60, size=(2, 400))
    both = {"co_purchase": (np.concatenate(pairs), np.concatenate(pairs[::-1]))}
    views = {"co_view": (np.array([60, 61]), np.array([61, 60]))}
    assert not has_no_paths(RelationGraph.from_edges(62, both | views))
