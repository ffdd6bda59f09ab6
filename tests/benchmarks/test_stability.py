"""Spread of trained models: the sample that they are trained on, and what is summed up."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

pytest.importorskip("torch")


Sample = Callable[[pl.DataFrame, pl.DataFrame, int, int], tuple[pl.DataFrame, pl.DataFrame]]
NAMES = ("stability", "connected_sample", "ladder", "product2vec_ladder")


@pytest.fixture
def stability(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    yield importlib.import_module("stability")
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def sample(stability: ModuleType) -> Sample:
    chosen: Sample = sys.modules["connected_sample"].connected_sample
    return chosen


def circle(n: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each product is related to the next one."""
    ids = [f"p{i}" for i in range(n)]
    relations = {"source": ids, "target": ids[1:] + ids[:1], "relation": "also_bought"}
    return pl.DataFrame({"product_id": ids}), pl.DataFrame(relations)


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_is_connected_and_has_all_relations_between_its_products(
    sample: Sample, seed: int
) -> None:
    products, relations = sample(*circle(40), 12, seed)
    assert len(products) == 12
    assert len(relations) == 11  # an arc of the circle
    ids = products["product_id"].to_list()
    assert set(relations["source"]) | set(relations["target"]) == set(ids)
    assert ids == sample(*circle(40), 12, seed)[0]["product_id"].to_list()


def test_where_a_walk_ends_another_begins(sample: Sample) -> None:
    products, relations = circle(40)
    apart = relations.filter(pl.int_range(pl.len()) % 4 != 3)  # ten parts of four products
    assert len(sample(products, apart, 12, 0)[0]) == 12


def test_spread_is_a_share_of_the_mean_by_instruction_set_and_over_all(
    stability: ModuleType,
) -> None:
    measured = {
        "AVX2": {"a": {"0": 0.9, "1": 1.1}, "b": {"0": 0.5}},
        "DEFAULT": {"a": {"0": 1.0, "1": 1.0}},
    }
    found = stability.summary(measured)["a"]
    assert found["AVX2"] == {"mean": 1.0, "deviation": 0.1414, "range": 0.2}
    assert found["DEFAULT"]["range"] == 0
    assert found["all runs"] == {"mean": 1.0, "deviation": 0.0816, "range": 0.2}
    assert stability.summary(measured)["b"] == {}
