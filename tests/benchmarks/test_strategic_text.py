"""Random search for strategic text, metrics of lists and the report of codes."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.language.eccr import candidate_lists

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]


@pytest.fixture(scope="module")
def strategic_text():
    yield from load("strategic_text")


@pytest.fixture(scope="module")
def eccr_codes(monkeymodule):
    yield from load("eccr_codes")


@pytest.fixture(scope="module")
def monkeymodule():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield patch


def test_random_search_finds_the_best_tail(strategic_text) -> None:
    def attempt(which: np.ndarray, tails: list[np.ndarray]) -> np.ndarray:
        return np.array([float((tail == 7).sum()) for tail in tails], dtype=np.float32)

    words = np.arange(20, dtype=np.int32)
    tails, best = strategic_text.random_search(attempt, 3, words, length=4, rounds=400, seed=0)
    assert best.tolist() == [4, 4, 4]
    assert all((tail == 7).all() for tail in tails)


def test_the_rise_is_counted_in_ranks(strategic_text) -> None:
    slate = np.array([[5.0, 4.0, 3.0, 2.0]])
    for attacked, rise in ((10.0, 3), (4.5, 2), (2.0, 0), (3.5, 1)):
        assert strategic_text.rank_rise(slate, np.array([3]), np.array([attacked])).tolist() == [
            rise
        ]
    assert strategic_text.rank_rise(slate, np.array([0]), np.array([0.0])).tolist() == [-3]


@given(st.lists(st.floats(-5, 5, width=16), min_size=6, max_size=6))
def test_metrics_are_those_of_a_stable_sort(scores: list[float]) -> None:
    row = np.array([scores])
    ahead = sum(s > scores[0] for s in scores[1:])
    level = sum(s == scores[0] for s in scores[1:])
    assert candidate_lists.first_ranks(row)[0] == 1 + ahead + level / 2
    found = candidate_lists.candidate_list_metrics(row, 3)
    assert found["hr@3"][0] == float(1 + ahead + level / 2 <= 3)
    assert found["ndcg@3"][0] <= found["hr@3"][0]


def test_the_use_of_codebooks_is_reported(eccr_codes) -> None:
    report = eccr_codes.code_report(np.array([[0, 0], [1, 0], [0, 1], [1, 1]]))
    assert report["collisions"] == 0
    assert report["levels"] == [{"used": 2, "perplexity": 2.0}] * 2
