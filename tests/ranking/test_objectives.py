"""Objectives order recommendations of similar relevance, and move nothing beyond the floor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import ConfigError
from goeswith.data.folder import load_data
from goeswith.evaluation.comparison import benchmark
from goeswith.facts.fact_writer import FactChange, FactWriter
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints
from goeswith.ranking.objectives import check_objectives, objective_order, objective_values
from goeswith.settings.sections import FitSettings, KindSettings, ObjectiveSettings, Settings
from goeswith.store.manifest_fields import find_fault


def settings(floor: float = 0.5, **weights: float) -> Settings:
    return Settings(
        fit=FitSettings(model="cocitation", fallbacks=["popularity"], k=8, session_model="none"),
        kinds=KindSettings(use="none"),
        objectives=ObjectiveSettings(weights=weights, floor=floor),
    )


@given(
    st.lists(
        st.tuples(
            st.floats(-1, 1), st.integers(0, 2), st.one_of(st.just(float("nan")), st.floats(-9, 9))
        ),
        max_size=12,
    ),
    st.floats(0, 1),
    st.floats(-3, 3),
)
def test_nothing_passes_another_model_or_a_score_beyond_the_floor(
    entries: list[tuple[float, int, float]], floor: float, weight: float
) -> None:
    ranked = sorted(entries, key=lambda entry: (entry[1], -entry[0]))
    scores = np.array([entry[0] for entry in ranked])
    models = np.array([entry[1] for entry in ranked], dtype=np.int64)
    values = {"margin": np.array([entry[2] for entry in ranked], dtype=np.float64)}
    order = objective_order(scores, models, values, {"margin": weight}, floor).tolist()
    assert sorted(order) == list(range(len(ranked)))
    for place, one in enumerate(order):
        for other in order[place + 1 :]:
            if other < one:  # one has passed other
                assert models[one] == models[other]
                assert scores[one] >= floor * scores[other]
                assert scores[other] > 0


def test_the_order_is_by_percentiles_and_a_missing_value_is_the_middle() -> None:
    scores, models = np.array([1.0, 0.9, 0.9, 0.5]), np.zeros(4, dtype=np.int64)
    values = {"margin": np.array([1.0, np.nan, 3.0, 2.0])}
    assert objective_order(scores, models, values, {"margin": 1}, 0.8).tolist() == [2, 1, 0, 3]
    assert objective_order(scores, models, values, {"margin": -1}, 0.8).tolist() == [0, 1, 2, 3]
    assert objective_order(scores, models, values, {"margin": 1}, 0.0).tolist() == [2, 1, 3, 0]
    assert objective_order(scores, models, values, {"margin": 1}, 1.0).tolist() == [0, 2, 1, 3]


def test_a_price_fits_if_it_is_not_above_that_of_the_source() -> None:
    frame = pl.DataFrame({"price": [20, 300, None, 30, 0]})
    fit = objective_values(frame, {"price_fit": 1.0}, np.full(5, 30.0))["price_fit"]
    assert fit[0] == fit[3] == 0
    assert fit[1] == pytest.approx(-np.log(10))
    assert np.isnan(fit[[2, 4]]).all()


def shown(bundle: Bundle, constraints: Constraints | None = None) -> list[str]:
    return [one.product_id for one in bundle.complements("phone-1", 8, constraints)]


def test_answers_follow_live_values(shop_folder: Path, tmp_path: Path) -> None:
    data = load_data(shop_folder)
    fit_bundle(data, tmp_path / "plain", settings())
    fit_bundle(data, tmp_path / "bundle", settings(price=1.0))
    plain, bundle = Bundle.open(tmp_path / "plain"), Bundle.open(tmp_path / "bundle")
    assert plain.lookup("phone-1", 8) == bundle.lookup("phone-1", 8)
    before = shown(bundle)
    assert sorted(before) == sorted(shown(plain))
    assert before != shown(plain)
    answers = bundle.complements("phone-1", 8)
    first = [one for one in answers if one.score >= 0.5 * max(a.score for a in answers)]
    moved = min(
        (one for one in first if not one.fallback), key=lambda one: before.index(one.product_id)
    )
    worst = moved.product_id
    FactWriter(bundle, bundle.live).write([FactChange(worst, {"price": 0.01})])
    assert shown(bundle).index(worst) > before.index(worst)
    assert shown(bundle, Constraints.from_text([], [], [worst]))[0] == worst


def test_an_objective_that_no_product_can_have_is_refused(
    shop_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"has 'margin', .* it has price"):
        fit_bundle(load_data(shop_folder), tmp_path / "bundle", settings(margin=1.0))
    frame = pl.DataFrame({"product_id": ["a"], "brand": ["b"]})
    check_objectives({"stock": 1.0}, frame, {"stock"})
    with pytest.raises(ConfigError, match="'brand'"):
        check_objectives({"brand": 1.0}, frame, {"stock"})


@pytest.mark.parametrize(
    "objectives", [[], {"weights": 3}, {"weights": {"price": "x"}}, {"floor": True}]
)
def test_impossible_objectives_of_a_manifest_are_refused(
    objectives: Any, shop_bundle: Path, tmp_path: Path
) -> None:
    content = Bundle.open(shop_bundle).manifest
    changed = {**content, "settings": {**content["settings"], "objectives": objectives}}
    assert find_fault(content) is None
    assert find_fault(changed) == "settings"


def test_a_benchmark_measures_each_model_with_and_without(shop_folder: Path) -> None:
    result = benchmark(
        load_data(shop_folder), ["cocitation"], ["time"], [0], settings(price=1.0, floor=0.0)
    )
    rows = {row["model"]: row for row in result["results"]}
    assert list(rows) == ["cocitation", "cocitation with objectives"]
    plain, ordered = (row["metrics"]["ndcg@10"]["mean"] for row in rows.values())
    assert ordered != plain
