"""The pair model of other shops: features, shrinkage, and a fit of a catalogue alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse
from tests.same import assert_same_scores

from goeswith.core.errors import BundleError, DataError
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.ranking.zero_shot.pair_columns import DEARER, PairColumns
from goeswith.ranking.zero_shot.zero_shot_model import (
    ZeroShot,
    learned_weights,
    less_by_place,
)
from goeswith.relations.graph import RelationGraph
from goeswith.settings.sections import Settings

ROWS = [
    ("Ruby teapot", "Pots", ["Kitchen", "Tea"], 30.0, "Alma"),
    ("Ruby tea cosy", "Textiles", ["Kitchen", "Tea"], 9.0, "Alma"),
    ("Steel teapot", "Pots", ["Kitchen", "Tea"], 40.0, None),
    ("Green tea", "Tea", ["Pantry", "Tea"], 4.0, None),
    ("Mens running shorts", "Shorts", ["Men", "Sport"], 25.0, "Beta"),
    ("Womens running shorts", "Shorts", ["Women", "Sport"], 25.0, "Beta"),
    ("Sports bag", None, None, None, None),
    ("", None, None, None, None),
]
N = len(ROWS)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    names = ("title", "type", "categories", "price", "brand")
    columns = dict(zip(names, map(list, zip(*ROWS, strict=True)), strict=True))
    ids = [f"p{i}" for i in range(N)]
    return Catalog(pl.DataFrame({"product_id": ids, **columns}))


@pytest.fixture(scope="module")
def fitted(catalog: Catalog) -> ZeroShot:
    return ZeroShot(place=0, alternatives=0).fit(catalog, RelationGraph(N))


def everything(model: ZeroShot) -> np.ndarray:
    return model.score(np.arange(N, dtype=np.int32))


def test_without_a_log_a_score_is_the_weighted_sum_of_the_features_of_the_pair(
    catalog: Catalog, fitted: ZeroShot
) -> None:
    u, v = (axis.ravel().astype(np.int32) for axis in np.mgrid[:N, :N])
    weights = {**learned_weights(), DEARER: -0.5}
    features = PairColumns.of_catalog(catalog).of_pairs(u, v)
    assert set(weights) <= set(features)
    expected = sum(weights.get(name, 0) * values for name, values in features.items())
    scores = everything(fitted)
    is_known = np.isfinite(scores)
    assert is_known[:-1, :-1].all()  # the last product has no attributes
    assert not is_known[-1].any()
    assert not is_known[:, -1].any()
    np.testing.assert_allclose(scores[is_known], expected.reshape(N, N)[is_known], atol=1e-4)


def test_alternatives_lose_what_is_set_and_other_pairs_nothing(
    catalog: Catalog, fitted: ZeroShot
) -> None:
    model = ZeroShot(place=0, alternatives=1.5).fit(catalog, RelationGraph(N))
    with np.errstate(invalid="ignore"):
        lost = everything(fitted) - everything(model)
    np.testing.assert_allclose(lost[[0, 4], [2, 5]], 1.5, atol=1e-5)  # teapots, running shorts
    np.testing.assert_allclose(lost[[0, 0, 4], [1, 3, 6]], 0, atol=1e-5)


def test_features_compare_and_name_nothing(catalog: Catalog) -> None:
    u, v = np.array([0, 1, 4, 4, 4]), np.array([1, 0, 5, 6, 3])
    found = PairColumns.of_catalog(catalog).of_pairs(u.astype(np.int32), v.astype(np.int32))
    np.testing.assert_allclose(found[DEARER], [0, np.log(30 / 9), 0, 0, 0], rtol=1e-5)
    assert found["same brand"].tolist() == [1, 1, 1, 0, 0]
    assert found["same type"].tolist() == [0, 0, 1, 0, 0]
    assert found["other audience"].tolist() == [0, 0, 1, 0, 0]
    assert found["target for all"].tolist() == [0, 0, 0, 1, 1]
    assert found["link: accessory"][0] > 0  # a teapot and its cosy
    assert found["link back: accessory"][1] > 0


def test_purchases_take_over_by_shrinkage(catalog: Catalog, fitted: ZeroShot) -> None:
    prior = everything(fitted)

    def scores(together: int, alone: int, others: int = 0) -> np.ndarray:
        # 0 and 4, which nothing but purchases links
        baskets = np.zeros((together + 2 * alone + others, N), dtype=np.float32)
        baskets[:together, [0, 4]] = 1
        baskets[together : together + alone, 0] = 1
        baskets[together + alone : together + 2 * alone, 4] = 1
        baskets[together + 2 * alone :, 6] = 1
        graph = replace(RelationGraph(N), baskets=sparse.csr_matrix(baskets))
        return everything(ZeroShot(place=0, alternatives=0).fit(catalog, graph))

    few, many = scores(1, 0, others=20), scores(1000, 4000)
    assert prior[0, 4] < few[0, 4]
    lift = 1000 * 9000 / (5000 * 5000)
    assert many[0, 4] == pytest.approx(np.log(lift), abs=0.05)
    # what is never bought together after many purchases loses, others stay as they were
    assert scores(0, 4000)[0, 4] < prior[0, 4] - 3
    np.testing.assert_allclose(many[1, :-1], prior[1, :-1], atol=1e-5)


def test_each_further_product_of_a_kind_scores_less() -> None:
    scores = np.array([[5.0, 4.0, 3.0, 2.0, 1.0]], dtype=np.float32)
    kinds = np.array([1, 0, 1, -1, 1], dtype=np.int32)
    found = less_by_place(scores.copy(), kinds, 1.0)
    np.testing.assert_allclose(found[0], [5, 4, 3 - 1 / 2, 2, 1 - 2 / 3], rtol=1e-6)
    assert np.array_equal(less_by_place(scores.copy(), kinds, 0), scores)


def test_a_saved_model_scores_as_before(fitted: ZeroShot, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    assert_same_scores(everything(ZeroShot.load(tmp_path)), everything(fitted))


def test_a_model_of_an_earlier_version_is_read(fitted: ZeroShot) -> None:
    arrays = fitted.arrays()
    del arrays["substitutes"]
    older = ZeroShot(place=0)
    older.restore(arrays)
    assert np.isfinite(everything(older)[0, 1])


def test_a_catalogue_alone_is_fitted_and_every_recommendation_says_so(
    catalog: Catalog, tmp_path: Path
) -> None:
    fit_bundle(Dataset.from_frames(products=catalog.frame), tmp_path / "bundle", Settings())
    bundle = Bundle.open(tmp_path / "bundle")
    assert bundle.models[0] == "zero_shot"
    assert any("other shops" in note for note in bundle.manifest["mining_notes"])
    found = bundle.complements("p0", 3)
    assert found[0].product_id == "p1"
    assert found[0].model == "zero_shot"
    assert "what goes together in other shops" in found[0].why
    assert found[0].evidence.bought_together == 0


def test_a_catalogue_alone_needs_attributes_and_a_model_that_reads_them(
    catalog: Catalog, tmp_path: Path
) -> None:
    bare = Dataset.from_frames(products=catalog.frame.select("product_id"))
    with pytest.raises(BundleError, match="none of 8 products has a recommendation"):
        fit_bundle(bare, tmp_path / "bare", Settings())
    ranker = Settings.model_validate({"fit": {"model": "ranker"}})
    with pytest.raises(DataError, match="neither a table of events nor one of relations"):
        fit_bundle(Dataset.from_frames(products=catalog.frame), tmp_path / "ranker", ranker)


def test_kinds_of_one_room_or_meal_share_a_scene() -> None:
    titles = ["Velvet 3-seater sofa", "Oak coffee table", "Red onion", "Minced beef 500 g"]
    catalog = Catalog(pl.DataFrame({"product_id": list("abcd"), "title": titles}))
    found = PairColumns.of_catalog(catalog).of_pairs(np.array([0, 2, 0]), np.array([1, 3, 2]))
    assert found["scene: rooms"][0] > 0
    assert found["scene: meals"].tolist()[2] == found["scene: rooms"].tolist()[2] == 0


def test_similar_titles_count_apart_for_kinds_that_replace_each_other() -> None:
    titles = ["Nordic oak sofa", "Nordic oak sofa bed", "Nordic oak coffee table"]
    catalog = Catalog(pl.DataFrame({"product_id": list("abc"), "title": titles}))
    found = PairColumns.of_catalog(catalog).of_pairs(np.array([0, 0]), np.array([0, 2]))
    assert found["shared title"][0] == 0 < found["shared title of substitutes"][0]
    assert found["shared title"][1] > 0 == found["shared title of substitutes"][1]
