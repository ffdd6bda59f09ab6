"""When the rule of an experiment ends it, and what shoppers see then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from goeswith.core.errors import DataError
from goeswith.results.experiments.experiment_file import Experiment
from goeswith.results.experiments.experiment_report import DraftResult, report_experiment
from goeswith.results.experiments.experiment_sums import ExperimentSums, VariantSums
from goeswith.results.experiments.stop_rule import (
    read_stopped,
    stop_file,
    stop_now,
    store_stopped,
)

NOW = datetime(2026, 2, 3, 12, tzinfo=UTC)


def experiment(**stop: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "x", "metric": "conversion", "variants": {"a": {}, "b": {"model": "m"}},
            "guardrails": {"revenue": 0.05}, "stop": stop,
        }
    )  # fmt: skip


def sums(buyers: int, revenue: float = 1.0) -> ExperimentSums:
    """10,000 shoppers each; 1,000 of the control buy."""
    a = VariantSums(10_000, r=1000.0, b=1000, rr=1000.0)
    b = VariantSums(10_000, r=buyers * revenue, b=buyers, rr=buyers * revenue**2)
    return ExperimentSums({"a": a, "b": b}, {})


@pytest.mark.parametrize(
    ("buyers", "revenue", "shows"),
    [(1010, 1.0, None), (1500, 1.0, "b"), (700, 1.0, "a"), (1500, 0.4, "a")],
)
def test_it_ends_at_a_verdict(buyers: int, revenue: float, shows: str | None) -> None:
    file = experiment()
    found = stop_now(file, report_experiment(file, sums(buyers, revenue)), NOW)
    assert (None if found is None else found.shows) == shows


def test_the_rule_can_give_everyone_the_control() -> None:
    file = experiment(then="control")
    found = stop_now(file, report_experiment(file, sums(1500)), NOW)
    assert found is not None
    assert (found.shows, found.at) == ("a", "2026-02-03T12:00:00+00:00")
    assert "b is better than a" in found.reason


def test_neither_harm_nor_a_fault_is_shown_to_everyone() -> None:
    file = experiment()
    preferred = DraftResult("i", ("b", "a"), 900, 0.7, 0.6, 0.8, "better", "b is preferred")
    worse = replace(report_experiment(file, sums(700)), drafts=[preferred])
    better = report_experiment(file, sums(1500))
    for report in (worse, replace(better, state="fault")):
        found = stop_now(file, report, NOW)
        assert found is not None
        assert found.shows == "a"
    equal = replace(report_experiment(file, sums(1000)), drafts=[preferred], state="better")
    found = stop_now(file, equal, NOW)
    assert found is not None
    assert found.shows == "b"


def test_it_ends_after_its_last_day() -> None:
    report = report_experiment(experiment(), sums(1010))
    assert stop_now(experiment(ends="2026-02-03"), report, NOW) is None
    found = stop_now(experiment(ends="2026-02-02"), report, NOW)
    assert found is not None
    assert (found.shows, found.reason) == ("a", "It ended on 2026-02-02, undecided.")
    assert stop_now(experiment(ends="2026-02-02"), None, NOW) is not None


def test_without_a_rule_a_person_decides() -> None:
    file = experiment().model_copy(update={"stop": None})
    assert stop_now(file, report_experiment(file, sums(1500)), NOW) is None


def test_the_end_is_stored(tmp_path: Path) -> None:
    file = experiment()
    assert read_stopped(tmp_path, file) is None
    found = stop_now(file, report_experiment(file, sums(1500)), NOW)
    assert found is not None
    store_stopped(tmp_path, file, found)
    assert read_stopped(tmp_path, file) == found
    assert read_stopped(tmp_path, file.model_copy(update={"name": "y"})) is None
    renamed = file.model_copy(update={"variants": {"a": file.variants["a"]}})
    with pytest.raises(DataError, match="does not have any more"):
        read_stopped(tmp_path, renamed)
    stop_file(tmp_path, file).write_text("{}")
    with pytest.raises(DataError, match="delete it to run"):
        read_stopped(tmp_path, file)
