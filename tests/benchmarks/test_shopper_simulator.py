"""The simulated shoppers against what is known of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from goeswith.results.reports.results_report import report_results

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def simulator() -> Any:
    loaded: list[ModuleType] = []
    for name in ("shops", "shopper_simulator"):
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        loaded.append(module)
    yield loaded[-1]
    for name in ("shops", "shopper_simulator"):
        del sys.modules[name]


def visits(simulator: Any, count: int, strength: float, **given: float) -> tuple[Any, Any]:
    shoppers = simulator.Shoppers(shop=simulator.Shop(500, seed=1), **given)
    rng = np.random.default_rng(0)
    arrivals = shoppers.arrivals(count, rng)
    return shoppers, shoppers.visit(arrivals, shoppers.ranking(strength)[arrivals[2]], rng)


def test_ranks_are_examined_with_the_known_propensity(simulator: Any) -> None:
    shoppers, found = visits(simulator, 20_000, 1.0, satisfied=0.0)
    examined = found.examined.sum(axis=0)
    assert examined / examined[0] == pytest.approx(shoppers.propensity, abs=0.02)
    # what is not examined is not clicked, and what is not clicked is not bought
    assert not (found.clicked & ~found.examined).any()
    assert not (found.bought & ~found.clicked).any()


def test_complements_are_clicked_and_a_better_ranking_earns_more(simulator: Any) -> None:
    shoppers, found = visits(simulator, 20_000, 1.0)
    fits = shoppers.shop.goes_with(found.source[:, None], found.shown)
    rates = [found.clicked[found.examined & of].mean() for of in (fits, ~fits)]
    assert rates[0] > 5 * rates[1] > 0
    _, better = visits(simulator, 20_000, 3.0)
    extra = [(of.revenue - of.revenue_without).mean() for of in (found, better)]
    assert extra[1] > extra[0] > 0


def test_the_log_is_that_of_the_service_and_holds_what_happened(
    simulator: Any, tmp_path: Path
) -> None:
    shoppers, found = visits(simulator, 500, 1.0)
    found.shown[::5] = -1
    empty = shoppers.visit(
        (found.shopper, found.day, found.source, np.ones(len(found.day), bool)),
        found.shown,
        np.random.default_rng(1),
    )
    assert not empty.clicked[::5].any()
    names = np.where(np.arange(len(found.day)) % 5 == 0, "holdout", "a")
    simulator.write_feedback(empty, shoppers.shop, tmp_path, names, counted="seen")
    report = report_results(tmp_path)
    assert report.notes == []
    assert report.rows["all"][0]["impressions"] == empty.examined.sum()
    assert report.rows["all"][0]["clicks"] == empty.clicked.sum()
    assert report.rows["all"][0]["revenue"] <= empty.revenue.sum()
    assert report.counts["purchases"] == (
        empty.bought.sum() + empty.bought_source.sum() + (empty.anyway >= 0).sum()
    )
