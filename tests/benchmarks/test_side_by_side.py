"""What benchmarks beside peers share, and the one of item-to-item answers on a tiny shop."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def side_by_side():
    yield loaded("side_by_side")
    del sys.modules["side_by_side"]


@pytest.fixture(scope="module")
def libraries():
    yield loaded("item_libraries")
    del sys.modules["item_libraries"]


def test_all_are_run_in_turns_and_one_that_fails_is_left_out(side_by_side):
    called = []

    def run(who):
        called.append(who)
        return None if who == "broken" else {"seconds": len(called), "name": who}

    runs, left_out = side_by_side.in_turns(["a", "broken", "slow"], 3, run, once="slow")
    assert called == ["a", "broken", "slow", "a", "a"]
    assert left_out == ["broken"]
    assert side_by_side.medians(runs) == {"a": {"seconds": 4}, "slow": {"seconds": 3}}


def test_a_child_tells_its_figures_on_its_last_line_and_runs_on_one_thread(side_by_side):
    code = (
        "import os; print('noise'); print('{\"threads\": ' + os.environ['OMP_NUM_THREADS'] + '}')"
    )
    assert side_by_side.child([sys.executable, "-c", code]) == {"threads": 1}
    assert side_by_side.child([sys.executable, "-c", "raise SystemExit(1)"]) is None


def test_what_work_takes_is_reported_with_what_it_leaves(side_by_side):
    found, figures = side_by_side.spent(lambda: np.ones(4_000_000).sum())
    assert found == 4_000_000
    assert figures["processor_seconds"] > 0
    assert figures["peak_mb"] >= figures["grew_mb"] >= 0


def test_a_product_is_not_among_its_own_answers(libraries):
    found = np.array([[0, 2, 1] + [-1] * 8, [5, 1, -1] + [-1] * 8])
    kept = libraries.without_itself(found, 2)
    assert kept.shape == (2, libraries.K)
    assert kept[0, :3].tolist() == [2, 1, -1]
    assert kept[1, :2].tolist() == [5, -1]


def test_cosines_of_goeswith_rank_pairs_that_are_rarer_apart_first(libraries):
    # 0 and 1 are always bought together, 2 is in every basket
    basket = np.array([0, 0, 0, 1, 1, 1, 2, 3], dtype=np.int32)
    product = np.array([0, 1, 2, 0, 1, 2, 2, 2], dtype=np.int32)
    found = libraries.goeswith_cosine({"basket": basket, "product": product}, 3)
    assert found[0, :3].tolist() == [1, 2, -1]
    assert found[2, :2].tolist() == [0, 1]
