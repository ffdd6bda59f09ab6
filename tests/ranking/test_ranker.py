"""The ranker on a shop whose rule is known: a case goes with a phone of its brand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.same import assert_best, assert_same_scores

from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.data.folder import load_data
from goeswith.evaluation import metrics
from goeswith.evaluation.metrics import Rankings
from goeswith.models import make_model
from goeswith.models.slim import SLIM
from goeswith.ranking.attribute_features import AttributeReader
from goeswith.ranking.candidate_paths import paths, walks
from goeswith.ranking.candidate_pool import CandidatePool, propagate
from goeswith.ranking.feature_matrix import rank_within_source
from goeswith.ranking.gradient_trees import GradientTrees
from goeswith.ranking.item_features import ItemFeatures
from goeswith.ranking.ranker import Ranker, RankerConfig
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.relations.pair_split import hold_out_pairs
from goeswith.relations.relation import Relation, csr

BRANDS = ("Mu", "Nu", "Xi", "Pi")
EACH = 15
QUICK = RankerConfig(folds=2, trees=40, sources=500)


def product(kind: str, brand: str, i: int) -> dict[str, object]:
    return {
        "product_id": f"{kind}-{brand}-{i}",
        "type": kind,
        "brand": brand,
        "title": f"{brand} {kind}",
        "price": 300.0 if kind == "phone" else 20.0,
    }


@pytest.fixture(scope="module")
def shop() -> tuple[Catalog, RelationGraph]:
    """Phones lead to cases of their brand, never back; phones are viewed beside phones."""
    rng = np.random.default_rng(0)
    rows = [product(k, b, i) for k in ("phone", "case") for b in BRANDS for i in range(EACH)]
    place = {str(row["product_id"]): i for i, row in enumerate(rows)}
    edges = []
    for brand in BRANDS:
        phones, cases = (
            [place[f"{kind}-{brand}-{i}"] for i in range(EACH)] for kind in ("phone", "case")
        )
        edges += [(u, v, "co_purchase") for u in phones for v in cases if rng.random() < 0.5]
        edges += [(u, v, "co_view") for u in phones for v in phones if u < v and rng.random() < 0.3]
    return Catalog.from_records(rows), RelationGraph.from_edges(len(rows), edges)


@pytest.fixture(scope="module", params=[25_000, 0], ids=["every product", "those near"])
def fitted(shop: tuple[Catalog, RelationGraph], request: pytest.FixtureRequest) -> Ranker:
    return Ranker(QUICK.model_copy(update={"whole": request.param})).fit(*shop)


def test_a_phone_that_nobody_has_bought_gets_cases_of_its_brand(fitted: Ranker) -> None:
    new = Catalog.from_records([{**product("phone", "Xi", 99), "product_id": "new"}])
    best = np.argsort(-fitted.score_new(new)[0])[:5]
    ids = fitted_ids(best)
    assert all(one.startswith("case-Xi") for one in ids)


def fitted_ids(rows: np.ndarray) -> list[str]:
    ids = [f"{k}-{b}-{i}" for k in ("phone", "case") for b in BRANDS for i in range(EACH)]
    return [ids[row] for row in rows]


def test_a_case_goes_with_a_phone_and_not_a_phone_with_a_case(
    fitted: Ranker, shop: tuple[Catalog, RelationGraph]
) -> None:
    catalog, graph = shop
    held = hold_out_pairs(graph, 0.2, 3)
    model = Ranker(fitted.config).fit(catalog, held.graph)
    forward = model.score(held.sources)[np.arange(len(held.sources)), held.targets]
    backward = model.score(held.targets)[np.arange(len(held.targets)), held.sources]
    assert (forward > backward).mean() > 0.95


def test_what_is_viewed_as_an_alternative_is_never_proposed(
    fitted: Ranker, shop: tuple[Catalog, RelationGraph]
) -> None:
    views = shop[1]["co_view"]
    products, _ = fitted.recommend(np.arange(fitted.n, dtype=np.int32), 30)
    shown = {(u, v) for u, row in enumerate(products.tolist()) for v in row if v >= 0}
    assert not shown & set(zip(views.sources.tolist(), views.targets.tolist(), strict=True))


def test_what_a_list_names_comes_before_what_is_guessed(
    fitted: Ranker, shop: tuple[Catalog, RelationGraph]
) -> None:
    edges = shop[1].complements.count
    source = int(np.flatnonzero(np.diff(edges.indptr))[0])
    known = edges.indices[edges.indptr[source] : edges.indptr[source + 1]]
    products, scores = fitted.recommend(np.array([source], dtype=np.int32), len(known) + 3)
    assert set(products[0, : len(known)].tolist()) == set(known.tolist())
    assert scores[0, len(known) - 1] > 0.98 > scores[0, len(known)]


def test_scores_of_candidates_are_probabilities(fitted: Ranker) -> None:
    scores = fitted.score(np.arange(fitted.n, dtype=np.int32))
    known = scores[np.isfinite(scores)]
    assert fitted.probabilities
    assert known.min() >= 0
    assert known.max() <= 1


def test_the_same_seed_grows_the_same_trees(
    fitted: Ranker, shop: tuple[Catalog, RelationGraph]
) -> None:
    again = Ranker(fitted.config).fit(*shop)
    rows = np.arange(fitted.n, dtype=np.int32)
    assert np.array_equal(again.score(rows), fitted.score(rows))


@pytest.mark.parametrize("whole", [25_000, 0])
def test_new_counts_are_taken_over_without_new_trees(
    shop: tuple[Catalog, RelationGraph], tmp_path: Path, whole: int
) -> None:
    catalog, graph = shop
    model = Ranker(QUICK.model_copy(update={"whole": whole})).fit(catalog, graph)
    trees = {cold: kind.arrays() for cold, kind in model.trees.items()}
    held = hold_out_pairs(graph, 0.3, 0)
    model.refresh(catalog, held.graph)
    for cold, kind in model.trees.items():
        assert np.array_equal(kind.arrays()["trees"], trees[cold]["trees"])
    assert model.items.listed.nnz == len(held.graph.complements)
    model.save(tmp_path)
    rows = np.arange(model.n, dtype=np.int32)
    assert_same_scores(Ranker.load(tmp_path).score(rows), model.score(rows))


def test_a_large_shop_is_answered_from_what_is_near_each_source(
    shop: tuple[Catalog, RelationGraph], tmp_path: Path
) -> None:
    model = Ranker(QUICK.model_copy(update={"whole": 0})).fit(*shop)
    rows = np.arange(model.n, dtype=np.int32)
    few = model.score_sparse(rows)
    assert 0 < few.nnz < 0.75 * model.n**2
    assert_best(model.recommend(rows, 7), model.score(rows), rows, 7)
    model.save(tmp_path)
    loaded = Ranker.load(tmp_path)
    assert_same_scores(loaded.score(rows), model.score(rows))
    new = Catalog.from_records([{**product("phone", "Nu", 99), "product_id": "new"}])
    assert_same_scores(loaded.score_new(new), model.score_new(new))


@pytest.mark.parametrize("whole", [25_000, 0])
def test_a_member_model_is_evidence_and_is_saved_with_it(
    shop: tuple[Catalog, RelationGraph], tmp_path: Path, whole: int
) -> None:
    pytest.importorskip("torch")
    member = "directed_propagation:max_epochs=2,dimension=8"
    model = Ranker(RankerConfig(members=(member,), folds=1, trees=10, whole=whole)).fit(*shop)
    assert any("member 0" in column for column in model.importances())
    model.save(tmp_path)
    rows = np.arange(model.n, dtype=np.int32)
    assert_same_scores(Ranker.load(tmp_path).score(rows), model.score(rows))


def test_a_member_without_vectors_is_refused(shop: tuple[Catalog, RelationGraph]) -> None:
    with pytest.raises(ConfigError, match="which 'popularity' is not"):
        make_model("ranker:members=popularity").fit(*shop)


def test_counted_pairs_are_evidence_and_not_certain(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n = 40
    counts = csr(n, *np.triu_indices(n, 1), rng.integers(0, 6, n * (n - 1) // 2))
    counts.eliminate_zeros()
    both = (counts + counts.T).tocsr()
    contexts = np.full(n, 200.0)
    relation = Relation(both, source_contexts=contexts, target_contexts=contexts, contexts=15_000.0)
    catalog = Catalog.from_records({"product_id": f"p{i}"} for i in range(n))
    model = Ranker(QUICK).fit(catalog, RelationGraph(n, {"co_purchase": relation}))
    assert model.items.counted
    rows = np.arange(n, dtype=np.int32)
    scores = model.score(rows)
    assert scores[np.isfinite(scores)].max() < 0.99
    model.save(tmp_path)
    loaded = Ranker.load(tmp_path)
    assert loaded.items.evidence.keys() == model.items.evidence.keys() >= {"count", "lift"}
    assert_same_scores(loaded.score(rows), scores)


def test_slim_is_a_path_over_everything_bought_together(
    shop: tuple[Catalog, RelationGraph],
) -> None:
    catalog, graph = shop
    attributes = AttributeReader.fit(catalog).read(catalog, is_catalog=True)
    items = ItemFeatures.from_graph(attributes, graph, counted=False, slim=9)
    rows = np.arange(len(catalog), dtype=np.int32)
    queries, pool = items.queries(rows), CandidatePool(items)
    found = paths(items, queries, pool, walks(items, queries, propagate))["slim"]
    expected = SLIM(relation="co_purchase", neighbours=9).fit(catalog, graph).score(rows)
    np.testing.assert_allclose(np.where(found > 0, found, -np.inf), expected, rtol=1e-5)
    restored = ItemFeatures.restore(items.arrays(), attributes.content)
    assert (restored.slim != items.slim).nnz == 0


def test_trees_of_a_version_without_slim_are_read_and_refreshed_without_it(
    shop: tuple[Catalog, RelationGraph], tmp_path: Path
) -> None:
    former = Ranker(QUICK.model_copy(update={"slim": 0})).fit(*shop)
    former.save(tmp_path)
    path = tmp_path / "model.json"
    saved = json.loads(path.read_text(encoding="utf-8"))
    del saved["config"]["slim"]
    path.write_text(json.dumps(saved), encoding="utf-8")
    rows = np.arange(former.n, dtype=np.int32)
    loaded = Ranker.load(tmp_path)
    assert_same_scores(loaded.score(rows), former.score(rows))
    assert_same_scores(loaded.refresh(*shop).score(rows), former.score(rows))


def test_what_is_counted_of_a_pair_speaks_both_ways() -> None:
    counts = csr(3, [0, 1, 0, 2], [1, 0, 2, 0], [8.0, 8.0, 2.0, 2.0])
    bought_by = np.array([100.0, 10.0, 50.0])
    relation = Relation(counts, source_contexts=bought_by, target_contexts=bought_by, contexts=1e3)
    catalog = Catalog.from_records({"product_id": f"p{i}"} for i in range(3))
    graph = RelationGraph(3, {"co_purchase": relation})
    items = ItemFeatures.from_graph(
        AttributeReader.fit(catalog).read(catalog, is_catalog=True), graph, counted=True
    )
    there, back = items.evidence["confidence_lower"], items.evidence["confidence_back"]
    assert there[1, 0] > 0.4  # most who buy 1 buy 0, few who buy 0 buy 1
    assert there[0, 1] < 0.2
    assert back[0, 1] == there[1, 0]
    assert items.evidence["count"][0, 2] == 2
    batch = items.queries(np.array([1], dtype=np.int32))
    scores = paths(items, batch, CandidatePool(items), walks(items, batch, propagate))
    np.testing.assert_allclose(scores["confidence_lower"], there[1].toarray())


def test_counts_of_which_few_are_above_one_are_counts_in_every_fold() -> None:
    n = 30
    counts = csr(n, np.arange(n - 1), np.arange(1, n), np.ones(n - 1))
    both = (counts + counts.T).tocsr()
    both[0, 1] = both[1, 0] = 2
    contexts = np.full(n, 9.0)
    relation = Relation(both, source_contexts=contexts, target_contexts=contexts, contexts=90.0)
    catalog = Catalog.from_records({"product_id": f"p{i}"} for i in range(n))
    config = QUICK.model_copy(update={"folds": 6, "held_share": 0.6})
    model = Ranker(config).fit(catalog, RelationGraph(n, {"co_purchase": relation}))
    assert model.items.counted


def test_equal_values_share_the_first_of_theirplaces() -> None:
    source = np.array([0, 0, 0, 0, 2, 2])
    values = np.array([5, 7, 5, 1, 3, 4], dtype=np.float32)
    assert rank_within_source(source, values).tolist() == [1, 0, 1, 3, 1, 0]


def test_probabilities_are_right_on_average_after_calibration() -> None:
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(6000, 3)).astype(np.float32)
    true = rng.random(6000) < 1 / (1 + np.exp(-(columns[:, 0] - 2)))
    kept = true | (rng.random(6000) < 0.3)  # the trees see fewer negatives than there are
    trees = GradientTrees.fit(columns[kept], true[kept], ["a", "b", "c"], 40, 8, 0.1, 0)
    before = metrics.calibration_error(trees.probabilities(columns), true)
    trees.calibrate(columns, true)
    after = metrics.calibration_error(trees.probabilities(columns), true)
    assert before is not None
    assert after is not None
    assert after < 0.03 < before


@pytest.mark.shared
def test_on_real_lists_it_ranks_far_better_than_cocitation(shared: Path) -> None:
    data = load_data(shared / "amazon-grocery")
    held = hold_out_pairs(build_graph(data), 0.2, 0)
    truth = csr(held.graph.n, held.sources, held.targets, np.ones(len(held.sources)))
    queries = np.unique(held.sources)[::20]
    found = {}
    ranker = "ranker:folds=1,sources=800,trees=60"
    for spec in (ranker, "cocitation"):
        model = make_model(spec).fit(data.catalog, held.graph)
        ranking, _ = model.recommend(queries, 10, exclude=held.graph.complements.count)
        found[spec] = metrics.ndcg(Rankings(queries, ranking, truth), 10).value or 0.0
    assert found[ranker] > 1.25 * found["cocitation"], found


def test_probabilities_of_a_fold_become_those_of_what_nobody_knows_yet() -> None:
    rng = np.random.default_rng(0)
    chance = rng.choice([0.02, 0.1, 0.3, 0.6, 0.85], 200_000).astype(np.float32)
    share, missing = 0.1, 0.2
    true = rng.random(len(chance)) < chance
    unknown = true & (rng.random(len(chance)) < missing)
    taken = true & ~unknown & (rng.random(len(chance)) < share)
    fold = ~(true & ~unknown) | taken  # neither asks for what it knows
    is_unlisted = ~(true & ~unknown)
    columns = chance[:, None]
    trees = GradientTrees.fit(columns[fold], taken[fold], ["chance"], 60, 8, 0.1, 0)
    trees.calibrate(columns[fold], taken[fold])
    trees.set_missing_rate(share, missing)
    error = metrics.calibration_error(
        trees.probabilities(columns[is_unlisted]), unknown[is_unlisted]
    )
    assert error is not None
    assert error < 0.02
    order = np.argsort(trees._logits(columns[:2000]), kind="stable")
    assert np.all(np.diff(trees.probabilities(columns[:2000])[order]) >= 0)
