"""The benchmark of fake views: its small parts, and the figures of the page on trust."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def fake_views():
    modules = []
    for name in ("fake_shoppers", "fake_views"):
        spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        modules.append(module)
    yield modules[1]
    for name in ("fake_shoppers", "fake_views"):
        del sys.modules[name]


def test_fake_sessions_remove_no_strong_pair_of_a_small_log(fake_views, monkeypatch):
    monkeypatch.setattr(fake_views, "PAIRS", 5)
    monkeypatch.setattr(fake_views, "HONEST", (0, 2000))
    log = sys.modules["fake_shoppers"].simulated(users=800).events
    lines = fake_views.attacked(log, 122, seed=0)
    assert len(lines) == 5
    assert {line["bounds"] for line in lines} == {0}
    assert max(line["points"] for line in lines) == 5


def test_honest_views_find_the_alternatives_of_a_small_shop(fake_views):
    line = fake_views.honest_views(10_000, seed=1)
    assert line["alternatives"] > 50
    assert line["bounds_alternatives"] > 0.9
    assert line["bounds_complements"] > line["points_complements"]


def test_of_the_strongest_pairs_none_is_lost_and_the_page_shows_the_figures(fake_views):
    kept = json.loads(fake_views.RESULT.read_text("utf-8"))
    assert len(kept["seeds"]) >= 3
    assert kept["pairs"] == 20
    assert {line["fakes"] for line in kept["attack"]} == {0, 3, 30}
    assert {line["bounds"] for line in kept["attack"]} == {0}
    page = BENCHMARKS.parent / "docs" / "explanation" / "trust.md"
    for table in fake_views.markdown(kept).split("\n\n"):
        assert table in page.read_text("utf-8")
