"""What an experiment says, from logs and sums that were counted by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import DataError
from goeswith.results.experiments.experiment_file import Experiment
from goeswith.results.experiments.experiment_report import ExperimentReport, report_experiment
from goeswith.results.experiments.experiment_sums import (
    DraftSums,
    ExperimentSums,
    VariantSums,
    baseline_sums,
    experiment_sums,
)

FILE = """
name = "x"
holdout = 0.1
metric = "conversion"
[variants.a]
[variants.b]
model = "popularity"
[variants.both]
interleave = ["a", "b"]
[guardrails]
revenue = 0.1
"""


def answer(unit: str, variant: str, name: str, at: int, **more: Any) -> dict[str, Any]:
    return {
        "event": "answer", "timestamp": f"2026-01-{at:02d}T10:00:00.000+00:00",
        "recommendation_id": name, "counted": "sent", "source_id": "phone", "user_id": unit,
        "experiment": "x", "variant": variant, "products": ["p", "q"], "models": ["m", "m"],
        "fallbacks": [False, False], "types": ["t", "t"], **more,
    }  # fmt: skip


def event(kind: str, unit: str, at: int, product: str = "p", **more: Any) -> dict[str, Any]:
    stamp = f"2026-01-{at:02d}T12:00:00.000+00:00"
    return {"event": kind, "timestamp": stamp, "product_id": product, "user_id": unit, **more}


BUY = {"price": 10.0, "currency": "EUR"}
LOG = [
    answer("u1", "a", "r1", 2), answer("u1", "a", "r2", 3), answer("u2", "a", "r3", 2),
    answer("u3", "b", "r4", 2), answer("u4", "holdout", "r5", 2, products=[], models=[]),
    answer("u5", "both", "r6", 2, teams=["a", "b"]), answer("u6", "a", "r7", 2),
    answer("u6", "b", "r8", 3),  # two variants: left out
    answer("u7", "a", "r9", 2, experiment="other"),
    event("click", "u1", 2, recommendation_id="r1"),
    event("click", "u1", 2, recommendation_id="r1"),
    event("click", "u1", 3, "q", recommendation_id="r2"),
    event("click", "u5", 2, "q", recommendation_id="r6"),
    event("click", "u5", 2, "z", recommendation_id="r6"),  # not in the answer
    event("purchase", "u1", 1, **BUY),  # before the first answer
    event("purchase", "u1", 4, quantity=3, **BUY), event("purchase", "u1", 5, "z", **BUY),
    event("purchase", "u3", 5, price=5.0, currency="USD"),
    event("purchase", "u4", 5, **BUY),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "feedback-a-1.jsonl").write_text("".join(json.dumps(one) + "\n" for one in LOG))
    (tmp_path / "experiment.toml").write_text(FILE)
    return tmp_path


def experiment(**given: Any) -> Experiment:
    variants = {"a": {}, "b": {"model": "popularity"}}
    return Experiment.model_validate({"name": "x", "variants": variants, **given})


def test_sums_are_those_counted_by_hand(folder: Path) -> None:
    both = {"a": {}, "b": {"model": "m"}, "both": {"interleave": ["a", "b"]}}
    sums = experiment_sums(folder, experiment(variants=both))
    # u1 has 4 impressions, 2 clicks and 40 euros; u2 has 2 impressions
    assert sums.variants["a"] == VariantSums(2, 6, 2, 40, 1, 20, 8, 4, 1600, 1)
    assert sums.variants["b"] == VariantSums(1, 2, 0, 0, 1, 4, 0, 0, 0, 0)  # dollars: a buyer
    assert sums.variants["holdout"] == VariantSums(1, 0, 0, 10, 1, 0, 0, 0, 100, 0)
    assert sums.drafts["both"] == DraftSums(1, 0, 1, 0, 0, 1)
    assert (sums.mixed, sums.currency) == (1, "EUR")
    assert (sums.first_day, sums.last_day) == ("2026-01-02", "2026-01-03")
    everybody = baseline_sums(folder, "user_id")
    assert (everybody.n, everybody.m, everybody.c) == (6, 16, 3)
    with pytest.raises(DataError, match="no answers of the experiment 'y'"):
        experiment_sums(folder, experiment(name="y", unit="session_id"))


def test_the_errors_are_those_of_the_shoppers() -> None:
    rng = np.random.default_rng(0)
    m = rng.integers(1, 20, 500).astype(float)
    c = rng.binomial(m.astype(int), 0.2).astype(float)
    r = rng.lognormal(size=500) * (rng.random(500) < 0.3)
    sums = VariantSums(
        500, m.sum(), c.sum(), r.sum(), float((r > 0).sum()), m @ m, m @ c, c @ c, r @ r, 500
    )
    assert sums.error("revenue") == pytest.approx(r.std(ddof=1) / np.sqrt(500))
    assert sums.error("conversion") == pytest.approx((r > 0).std(ddof=1) / np.sqrt(500))
    picks = rng.integers(500, size=(2000, 500))
    spread = (c[picks].sum(axis=1) / m[picks].sum(axis=1)).std()
    assert sums.error("click_rate") == pytest.approx(spread, rel=0.1)


def shares(n: int, **rates: float) -> dict[str, VariantSums]:
    """Variants of n shoppers, of whom a share buys for 10 each."""
    return {
        name: VariantSums(n, 10 * n, rate * n, 10 * rate * n, rate * n, 100 * n, 10 * rate * n,
                          rate * n, 100 * rate * n, int(rate * n))
        for name, rate in rates.items()
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "variants", "state", "words"),
    [
        ({}, shares(10_000, a=0.1, b=0.13), "better", "Decided: b is better than a"),
        ({}, shares(10_000, a=0.1, b=0.07), "worse", "Stop b for harm"),
        ({}, shares(1000, a=0.1, b=0.102), "running", "more shoppers until a difference of 2.0%"),
        ({}, shares(100, a=0.1, b=0.2), "running", "fewer than 30 shoppers"),
        ({"min_effect": 0.3}, shares(20_000, a=0.1, b=0.101), "equal", "differ by less than 30.0%"),
        ({"metric": "click_rate", "guardrails": {"revenue": 0.1}}, shares(10_000, a=0.1, b=0.07),
         "harm", "revenue per shopper is lower by more than 10.0%"),
        ({"variants": {"a": {}, "b": {}}}, shares(10_000, a=0.1, b=0.13), "fault", "are the same"),
        ({}, shares(10_000, a=0.1) | shares(11_000, b=0.1), "fault", "Stop: the numbers"),
        ({"variants": {"a": {}}}, shares(10, a=0.1), "running", "nothing to compare"),
        ({}, {}, "running", "fewer than 30"),
    ],
)  # fmt: skip
def test_the_verdict_says_what_to_do(
    given: Mapping[str, Any], variants: dict[str, VariantSums], state: str, words: str
) -> None:
    report = report_experiment(experiment(**given), ExperimentSums(variants, {}))
    assert report.state == state
    assert words in report.verdict


def drafted(a: float, b: float, n: int = 400) -> ExperimentReport:
    both = {"a": {}, "b": {"model": "m"}, "ab": {"interleave": ["a", "b"], "weight": 0}}
    sums = DraftSums(n, n * a, n * b, n * a, 0.0, n * b)
    return report_experiment(experiment(variants=both), ExperimentSums({}, {"ab": sums}))


def test_an_interleaved_variant_says_which_ranking_shoppers_prefer() -> None:
    assert "shoppers prefer b to a (70.0%" in drafted(0.3, 0.7).drafts[0].sentence
    assert drafted(0.7, 0.3).drafts[0].state == "better"
    assert drafted(0.52, 0.48).drafts[0].state == "running"
    assert "fewer than 30" in drafted(1.0, 0.0, n=20).drafts[0].sentence


def test_more_tests_widen_the_intervals_and_the_holdout_says_what_is_added() -> None:
    sums = ExperimentSums(shares(10_000, a=0.1, b=0.12, holdout=0.05), {})
    one = report_experiment(experiment(holdout=0.333333), sums)
    more = report_experiment(experiment(holdout=0.333333, guardrails={"click_rate": 0.0}), sums)
    widths = [r.variants[1].contrasts["revenue"] for r in (one, more)]
    assert widths[1].high - widths[1].low > widths[0].high - widths[0].low
    extra = one.incremental["a"]
    assert extra.low < 0.5 < extra.high
    assert extra.low > 0
    assert report_experiment(experiment(), replace(sums, mixed=3)).notes[0].startswith("3 shoppers")


def test_the_commands_print_the_verdict_and_the_size(folder: Path) -> None:
    run = CliRunner()
    command = ["experiment", "results", str(folder / "experiment.toml"), str(folder)]
    done = run.invoke(app, command)
    assert done.exit_code == 0, done.output
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["variant", "a", "b"]
    assert "1 shoppers with answers of several variants" in done.stderr
    document = json.loads(run.invoke(app, [*command, "--json"]).stdout)
    assert document["drafts"][0]["clicks"] == 1
    assert document["state"] == "running"
    command = ["experiment", "power", "--effect", "0.1", "--metric"]
    found = run.invoke(app, [*command, "conversion", "--value", "0.2", "--json"])
    assert json.loads(found.stdout)["shoppers"] == pytest.approx(21_600, rel=0.05)
    assert run.invoke(app, [*command, "revenue", "--value", "3"]).exit_code
    assert run.invoke(app, [*command, "colour", "--value", "3"]).exit_code
    found = run.invoke(app, [*command, "revenue", "--feedback", str(folder), "--json"])
    assert json.loads(found.stdout)["value"] == pytest.approx(40 / 6)
