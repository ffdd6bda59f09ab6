"""What every model promises, whatever it believes: one test file over all of them.

The checkerboard: products of one colour go together, every one with every other, but that one edge
is missing. A model that learns anything finds it.
"""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse
from tests.same import assert_best, assert_same_scores, slack

from goeswith.core.arrays import Sparse
from goeswith.core.errors import BundleError, ConfigError
from goeswith.data.catalog import Catalog
from goeswith.models import MODELS, TRAINED, make_model, model_class
from goeswith.models.base import Recommender
from goeswith.relations.graph import RelationGraph
from goeswith.relations.graph_arithmetic import with_new_items
from goeswith.relations.relation import csr

QUICK = {name: {"max_epochs": 2, "dimension": 8} for name in TRAINED}
# half of all products go together on the board: that stands out from one negative, not from five
QUICK["dual_embedding"] = {**QUICK["dual_embedding"], "negatives": 1, "learning_rate": 0.03}
# from random projections, two steps would not yet tell the colours apart
QUICK["p_companion"] = {**QUICK["p_companion"], "residual_projection": True}
# attributes alone need more steps, and larger ones, not to be left at random
QUICK["typed_towers"] = {**QUICK["typed_towers"], "max_epochs": 10, "learning_rate": 0.1}
QUICK["ranker"] = {"folds": 1, "sources": 300, "trees": 20}
# without a language model its answers are those of the model below it
QUICK["eccr"] = {"base": "similar_complements"}
COLOURS = ("black", "white")
HIDDEN = (0, 4)
LEARNS_NOTHING_NEW = ("popularity", "copurchase")
READS_ATTRIBUTES_OF_TARGETS = (
    "attribute_similarity",
    "daemon",
    "daemon_full_graph",
    "directed_propagation",
    "dual_embedding",
    "p_companion",
    "p_companion_softmax",
    "product2vec",
    "product2vec_softmax",
    "ranker",
    "typed_towers",
)
NEEDS_ATTRIBUTES = (
    "attribute_similarity",
    "p_companion",
    "p_companion_softmax",
    "product2vec",
    "product2vec_softmax",
)
DEMANDS_A_DENSE_MATRIX = ("ease",)
SLOW_AT_SCALE = (
    "daemon_full_graph",
    "directed_propagation",
    "p_companion_softmax",
    "typed_towers",
)

# models of the table of kinds need titles: see tests/ranking/test_knowledge_ranker.py, zero_shot
BY_KINDS = ("kinds", "knowledge_ranker", "zero_shot")
NAMES = tuple(name for name in MODELS.names if name not in BY_KINDS)

pytestmark = pytest.mark.parametrize("name", NAMES, scope="module")


def plain_catalog(n: int) -> Catalog:
    return Catalog(pl.DataFrame({"product_id": [f"p{i}" for i in range(n)]}))


@pytest.fixture(scope="module")
def board() -> tuple[Catalog, RelationGraph]:
    n = 10
    catalog = Catalog.from_records(
        {"product_id": f"p{i}", "type": COLOURS[i % 2], "title": f"{COLOURS[i % 2]} square"}
        for i in range(n)
    )
    edges = [
        (u, v, "co_purchase")
        for u in range(n)
        for v in range(n)
        if u != v and u % 2 == v % 2 and (u, v) != HIDDEN
    ]
    pairs = np.array([(u, v) for u, v, _ in edges])
    return catalog, replace(RelationGraph.from_edges(n, edges), baskets=baskets_of_pairs(pairs, n))


def baskets_of_pairs(pairs: np.ndarray, n: int) -> Sparse:
    """A basket for each pair of different products."""
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
    ones, ends = np.ones(pairs.size, dtype=np.float32), 2 * np.arange(len(pairs) + 1)
    return sparse.csr_matrix((ones, pairs.ravel(), ends), shape=(len(pairs), n))


@pytest.fixture(scope="module")
def sparse_shop() -> tuple[Catalog, RelationGraph]:
    """60 products, random directed edges, the last ten of them without any, some without a type."""
    n, rng = 60, np.random.default_rng(3)
    catalog = Catalog(
        pl.DataFrame(
            {
                "product_id": [f"p{i}" for i in range(n)],
                "type": [None if i % 7 == 0 else f"type {i % 4}" for i in range(n)],
                "brand": [f"brand {i % 3}" for i in range(n)],
            }
        )
    )
    bought = rng.integers(0, 50, (2, 300)).astype(np.int32)
    viewed = rng.integers(0, 50, (2, 100)).astype(np.int32)
    graph = {"co_purchase": (bought[0], bought[1]), "co_view": (viewed[0], viewed[1])}
    # often enough for the ranker of baskets to learn from them
    baskets = baskets_of_pairs(np.tile(bought.T, (4, 1)), n)
    return catalog, replace(RelationGraph.from_edges(n, graph), baskets=baskets)


@pytest.fixture(scope="module")
def fitted(name: str, sparse_shop: tuple[Catalog, RelationGraph]) -> Recommender:
    return make_model(name, QUICK).fit(*sparse_shop)


def everything(model: Recommender) -> np.ndarray:
    return model.score(np.arange(model.n, dtype=np.int32))


def test_scores_are_one_float32_row_a_source_and_either_finite_or_minus_infinity(
    fitted: Recommender,
) -> None:
    scores = fitted.score(np.array([4, 0, 4], dtype=np.int32))
    assert scores.shape == (3, 60)
    assert scores.dtype == np.float32
    assert_same_scores(scores[0], scores[2])
    assert np.all(np.isfinite(scores) | np.isneginf(scores))


def test_scores_of_single_pairs_are_those_of_the_row(fitted: Recommender) -> None:
    u, v = np.random.default_rng(0).integers(0, 60, size=(2, 200)).astype(np.int32)
    scores = everything(fitted)
    near = slack(scores)
    np.testing.assert_allclose(fitted.score_pairs(u, v), scores[u, v], rtol=1e-5, atol=near)
    assert fitted.score_pairs(u[:0], v[:0]).shape == (0,)


def test_it_has_something_to_say_and_answers_come_best_first(fitted: Recommender) -> None:
    products, scores = fitted.recommend(np.arange(50, dtype=np.int32), 5)
    assert (products >= 0).any(axis=1).mean() > 0.9
    assert np.all(scores[:, :-1] >= scores[:, 1:])


def test_answers_are_padded_with_minus_one_and_minus_infinity_where_none_is_left(
    fitted: Recommender,
) -> None:
    products, scores = fitted.recommend(np.array([1], dtype=np.int32), 60)
    assert products.shape == scores.shape == (1, 60)
    assert products.dtype == np.int32
    assert scores.dtype == np.float32
    assert products[0, -1] == -1  # the source itself is never left to propose
    assert np.array_equal(products < 0, np.isneginf(scores))
    said = products[products >= 0]
    assert len(set(said.tolist())) == len(said)


def test_answers_are_the_best_of_the_scores_and_ties_go_to_the_lower_product(
    fitted: Recommender,
) -> None:
    sources = np.array([3, 0, 7, 14, 55, 3], dtype=np.int32)
    rng = np.random.default_rng(1)
    exclude = csr(60, rng.integers(0, 60, 300), rng.integers(0, 60, 300), np.ones(300))
    for left_out in (None, exclude):
        scores = fitted.score(sources)
        for k in (1, 7, 60, 90):
            assert_best(fitted.recommend(sources, k, left_out), scores, sources, k, left_out)


def test_a_source_is_never_its_own_complement(fitted: Recommender) -> None:
    sources = np.arange(60, dtype=np.int32)
    products, _ = fitted.recommend(sources, 59)
    assert not np.any(products == sources[:, None])


def test_excluded_products_are_left_out_and_the_others_keep_their_order(
    fitted: Recommender,
) -> None:
    source = np.array([2], dtype=np.int32)
    free, _ = fitted.recommend(source, 59)
    gone = free[0][free[0] >= 0][::2]
    exclude = csr(60, np.full(len(gone), 2), gone, np.ones(len(gone)))
    left, _ = fitted.recommend(source, 59, exclude=exclude)
    expected = [p for p in free[0].tolist() if p >= 0 and p not in gone]
    assert [p for p in left[0].tolist() if p >= 0] == expected


def test_no_sources_get_no_answers(fitted: Recommender) -> None:
    products, scores = fitted.recommend(np.array([], dtype=np.int32), 3)
    assert products.shape == scores.shape == (0, 3)


def test_fitting_twice_gives_the_same_scores(
    name: str, fitted: Recommender, sparse_shop: tuple[Catalog, RelationGraph]
) -> None:
    again = make_model(name, QUICK).fit(*sparse_shop)
    assert np.array_equal(everything(fitted), everything(again))


def test_scores_do_not_depend_on_which_sources_are_queried_together(fitted: Recommender) -> None:
    alone = [fitted.score(np.array([i], dtype=np.int32)) for i in range(fitted.n)]
    assert_same_scores(np.concatenate(alone), everything(fitted))


def test_fitting_leaves_the_graph_as_it_was(
    name: str, sparse_shop: tuple[Catalog, RelationGraph]
) -> None:
    catalog, graph = sparse_shop
    before = {r: graph[r].count.copy() for r in graph.relations}
    complements = graph.complements.count.copy()
    everything(make_model(name, QUICK).fit(catalog, graph))
    for relation, matrix in before.items():
        assert np.array_equal(graph[relation].count.toarray(), matrix.toarray())
    assert np.array_equal(graph.complements.count.toarray(), complements.toarray())


def test_a_saved_model_answers_as_before(name: str, fitted: Recommender, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    loaded = model_class(name).load(tmp_path)
    assert loaded.config == fitted.config
    assert loaded.n == fitted.n
    kept, read = fitted.arrays(), loaded.arrays()
    assert kept.keys() == read.keys()
    for key, array in kept.items():
        if isinstance(array, np.ndarray):
            np.testing.assert_array_equal(array, read[key], err_msg=key)
        else:
            assert (array != read[key]).nnz == 0, key
    assert_same_scores(everything(loaded), everything(fitted))


def test_new_products_are_answered_from_attributes_or_not_at_all(
    name: str, fitted: Recommender, tmp_path: Path
) -> None:
    new = Catalog.from_records(
        [
            {"product_id": "new", "type": "type 1", "brand": "brand 2"},
            {"product_id": "strange", "type": "unheard of", "brand": None},
        ]
    )
    scores = fitted.score_new(new)
    assert scores.shape == (2, 60)
    assert scores.dtype == np.float32
    assert np.all(np.isfinite(scores) | np.isneginf(scores))
    says = type(fitted).score_new is not Recommender.score_new
    assert np.isfinite(scores[0]).any() == says
    fitted.save(tmp_path)
    assert_same_scores(model_class(name).load(tmp_path).score_new(new), scores)


def test_refreshing_takes_over_products_added_behind_those_known(
    name: str, fitted: Recommender, sparse_shop: tuple[Catalog, RelationGraph], tmp_path: Path
) -> None:
    catalog, graph = sparse_shop
    row = {"product_id": "new", "type": "type 1", "brand": "brand 2"}
    longer = Catalog(pl.concat([catalog.frame, pl.DataFrame([row])]))
    before = everything(fitted)
    fitted.save(tmp_path)
    model = model_class(name).load(tmp_path).refresh(longer, with_new_items(graph, 61))
    after = everything(model)
    assert model.n == 61
    assert after.shape == (61, 61)
    if name in TRAINED:
        assert_same_scores(after[:60, :60], before)
    model.save(tmp_path / "again")
    assert_same_scores(everything(model_class(name).load(tmp_path / "again")), after)


@pytest.mark.one_processor
def test_a_folder_of_another_model_is_refused(
    name: str, fitted: Recommender, tmp_path: Path
) -> None:
    fitted.save(tmp_path)
    saved = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**saved, "name": "another"}))
    with pytest.raises(BundleError, match="another"):
        model_class(name).load(tmp_path)


@pytest.mark.one_processor
def test_an_unknown_setting_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match="no_such_setting"):
        make_model(f"{name}:no_such_setting=1")


@pytest.mark.one_processor
def test_every_setting_has_a_default_and_says_what_it_means(name: str) -> None:
    for key, field in model_class(name).Config.model_fields.items():
        assert field.description, key
        assert not field.is_required(), key


def test_the_missing_edge_of_a_checkerboard_is_found(
    name: str, board: tuple[Catalog, RelationGraph]
) -> None:
    catalog, graph = board
    model = make_model(name, QUICK).fit(catalog, graph)
    source = np.array([HIDDEN[0]], dtype=np.int32)
    products, _ = model.recommend(source, 9, exclude=graph.complements.count)
    if name in LEARNS_NOTHING_NEW:
        assert products[0, 0] != HIDDEN[1]
    else:
        assert products[0, 0] == HIDDEN[1]


def test_answers_stay_on_the_colour_of_the_source(
    name: str, board: tuple[Catalog, RelationGraph]
) -> None:
    if name == "popularity":
        pytest.skip("popularity gives every source the same answers")
    catalog, graph = board
    sources = np.arange(10, dtype=np.int32)
    products, _ = make_model(name, QUICK).fit(catalog, graph).recommend(sources, 3)
    assert np.all((products - sources[:, None]) % 2 == 0)


@pytest.mark.one_processor
def test_an_empty_graph_and_bare_products_fit_and_nothing_is_said(name: str) -> None:
    model = make_model(name, QUICK).fit(plain_catalog(5), RelationGraph.from_edges(5, []))
    products, _ = model.recommend(np.arange(5, dtype=np.int32), 3)
    assert products.tolist() == [[-1, -1, -1]] * 5


@pytest.mark.one_processor
@pytest.mark.parametrize("attributes", [{}, {"type": "pot", "title": "Steel pot"}])
def test_a_shop_of_one_product_has_no_answer(
    name: str, attributes: dict[str, str], tmp_path: Path
) -> None:
    catalog = Catalog.from_records([{"product_id": "only", **attributes}])
    model = make_model(name, QUICK).fit(catalog, RelationGraph.from_edges(1, []))
    model.save(tmp_path)
    for one in (model, model_class(name).load(tmp_path)):
        assert one.recommend(np.array([0], dtype=np.int32), 1)[0].tolist() == [[-1]]


def test_a_catalogue_without_attributes_fits_and_scores(
    name: str, sparse_shop: tuple[Catalog, RelationGraph], tmp_path: Path
) -> None:
    model = make_model(name, QUICK).fit(plain_catalog(60), sparse_shop[1])
    model.save(tmp_path)
    scores = everything(model)
    assert_same_scores(scores, everything(model_class(name).load(tmp_path)))
    if name in NEEDS_ATTRIBUTES:
        assert np.isneginf(scores).all()
    else:
        assert np.isfinite(scores).any()


def test_isolated_products_are_never_proposed_by_what_learns_from_edges(
    name: str, fitted: Recommender
) -> None:
    if name in READS_ATTRIBUTES_OF_TARGETS:
        pytest.skip("it proposes products that nobody has bought yet, by their attributes")
    products, _ = fitted.recommend(np.arange(60, dtype=np.int32), 59)
    assert products.max() < 50


@pytest.mark.one_processor
def test_memory_does_not_grow_with_the_square_of_the_catalogue(
    name: str, sparse_shop: tuple[Catalog, RelationGraph]
) -> None:
    if name in DEMANDS_A_DENSE_MATRIX:
        pytest.skip("the method itself needs a dense matrix; it refuses past max_products")
    n = 12_000 if name in SLOW_AT_SCALE else 20_000  # the bound is on the square in both
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"product_id": np.arange(n).astype(str)}).with_columns(
        type=pl.format("type {}", pl.Series(rng.integers(0, 2000, n)))
    )
    edges = rng.integers(0, n, (2, n)).astype(np.int32)
    graph = RelationGraph.from_edges(n, {"co_purchase": (edges[0], edges[1])})
    graph = replace(graph, baskets=baskets_of_pairs(edges.T, n))
    assert len(graph.complements) > 0.95 * n
    catalog = Catalog(frame)
    spec = f"{name}:max_epochs=1" if name in TRAINED else name
    make_model(spec, QUICK).fit(*sparse_shop)  # loads libraries: watched, that takes minutes
    tracemalloc.start()
    try:
        model = make_model(spec, QUICK).fit(catalog, graph)
        model.recommend(np.arange(64, dtype=np.int32), 10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < n * n * 4 / 10


def test_what_a_caller_writes_into_scores_does_not_reach_the_model(fitted: Recommender) -> None:
    source = np.array([1], dtype=np.int32)
    scores = fitted.score(source)
    before = scores.copy()
    scores[:] = 0
    assert_same_scores(fitted.score(source), before)
