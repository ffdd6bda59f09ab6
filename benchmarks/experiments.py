"""Experiments on simulated shoppers, with a known truth.

    python benchmarks/experiments.py [--runs 1000] [-o FILE]

- A/A: two variants that show the same, looked at on each of 28 days. Share of experiments in which
  anything is decided at any look, for each metric; with a 95 % interval at one look beside it.
- Power: variants with a known difference in the share of buyers. Share that is decided by the
  computed number of shoppers, and the number after which half are decided.
- Interleaving: shoppers until a decision between two rankings, by team draft and by A/B test.
- Incremental revenue: the share of runs whose 95 % interval of `goeswith results` holds the truth,
  each run a feedback log with a holdout group.
- Split: the alarm for a split of 52 to 48, and for the planned one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from goeswith.results.experiments.experiment_file import Experiment
from goeswith.results.experiments.experiment_report import report_experiment
from goeswith.results.experiments.experiment_sums import DraftSums, ExperimentSums, VariantSums
from goeswith.results.experiments.power import shoppers_needed
from goeswith.results.experiments.sequential_interval import split_p_value
from goeswith.results.experiments.team_draft import team_draft
from goeswith.results.reports.results_report import report_results, wilson
from shopper_simulator import Shoppers, Visits, write_feedback
from shops import Shop

METRICS: Final = ("click_rate", "conversion", "revenue")
DECIDED: Final = ("better", "worse", "fault", "harm")


def daily(visits: Visits, shoppers: int, days: int) -> Iterator[np.ndarray[Any, Any]]:
    """(shoppers, 4) impressions, clicks, revenue and whether a shopper bought, after each day."""
    shown = (visits.shown >= 0).sum(axis=1)
    clicks = visits.clicked.sum(axis=1)
    bought = visits.bought_source | visits.bought.any(axis=1) | (visits.anyway >= 0)
    total = np.zeros((shoppers, 4))
    for day in range(days):
        of = visits.day == day
        who = visits.shopper[of]
        for column, values in enumerate((shown, clicks, visits.revenue)):
            total[:, column] += np.bincount(who, values[of], shoppers)
        total[who[bought[of]], 3] = 1
        yield total


def variant_sums(values: np.ndarray[Any, Any]) -> VariantSums:
    """Sums over shoppers that have come."""
    m, c, r, b = values[values[:, 0] > 0].T
    return VariantSums(
        len(m), m.sum(), c.sum(), r.sum(), b.sum(), (m * m).sum(), (m * c).sum(), (c * c).sum(),
        (r * r).sum(), int((c > 0).sum()),
    )  # fmt: skip


def pool(shoppers: Shoppers, count: int, ranking: np.ndarray[Any, Any], seed: int) -> Visits:
    """Visits of many shoppers, from which experiments draw theirs."""
    rng = np.random.default_rng([seed, 30])
    arrivals = shoppers.arrivals(count, rng)
    return shoppers.visit(arrivals, ranking[arrivals[2]], rng)


def aa_tests(runs: int, shoppers: Shoppers, count: int) -> dict[str, Any]:
    """Share of A/A tests with a decision at any of the looks."""
    experiment = Experiment.model_validate(
        {"name": "aa", "planned": count, "variants": {"a": {}, "b": {}}}
    )
    found = {metric: {"sequential": 0, "fixed": 0} for metric in METRICS}
    alarms = 0
    for run in range(runs):
        visits = pool(shoppers, count, shoppers.ranking(1.0), run)
        group = np.random.default_rng([run, 31]).random(count) < 0.5
        hit = {metric: {"sequential": False, "fixed": False} for metric in METRICS}
        alarm = False
        for values in daily(visits, count, shoppers.days):
            both = {"a": variant_sums(values[~group]), "b": variant_sums(values[group])}
            sums = ExperimentSums(both, {})
            for metric in METRICS:
                one = report_experiment(experiment.model_copy(update={"metric": metric}), sums)
                alarm |= one.split_alarm
                state = one.variants[1].state
                hit[metric]["sequential"] |= state in DECIDED
                error = np.hypot(both["a"].error(metric), both["b"].error(metric))
                difference = both["b"].value(metric) - both["a"].value(metric)
                hit[metric]["fixed"] |= bool(abs(difference) > 1.96 * error)
        alarms += alarm
        for metric in METRICS:
            for rule in ("sequential", "fixed"):
                found[metric][rule] += hit[metric][rule]
    return {
        "runs": runs,
        "shoppers": count,
        "looks": shoppers.days,
        "nominal": experiment.alpha,
        "false_positives": {
            metric: {rule: hits / runs for rule, hits in rules.items()}
            | {"upper": wilson(rules["sequential"], runs)[1]}
            for metric, rules in found.items()
        },
        "split_alarms": alarms / runs,
    }


def power_tests(runs: int, value: float = 0.2, effect: float = 0.1) -> dict[str, Any]:
    """Share of tests of two shares that is decided by the computed number of shoppers."""
    looks = 28
    needed = shoppers_needed(value, np.sqrt(value * (1 - value)), effect, looks=looks)
    experiment = Experiment.model_validate(
        {
            "name": "power", "planned": needed.shoppers, "metric": "conversion",
            "variants": {"a": {}, "b": {"model": "other"}},
        }
    )  # fmt: skip
    rng, decided, after = np.random.default_rng(40), 0, []
    per_look = needed.shoppers / looks
    for _ in range(runs):
        counts = np.zeros((2, 2))
        for look in range(looks):
            more = round(per_look * (look + 1)) - round(per_look * look)
            new = rng.binomial(more, 0.5)
            for group, n in enumerate((more - new, new)):
                counts[group] += n, rng.binomial(n, value * (1 + effect * group))
            sums = {
                name: VariantSums(int(n), b=b) for name, (n, b) in zip("ab", counts, strict=True)
            }
            state = report_experiment(experiment, ExperimentSums(sums, {})).variants[1].state
            if state in DECIDED:
                decided += 1
                after.append(counts[:, 0].sum())
                break
        else:
            after.append(np.inf)
    low, high = wilson(decided, runs)
    return {
        "runs": runs, "value": value, "effect": effect, "shoppers": needed.shoppers,
        "computed_power": needed.power, "measured_power": decided / runs, "low": low, "high": high,
        "computed_half_after": needed.half_after, "measured_half_after": float(np.median(after)),
    }  # fmt: skip


def interleaved(
    shoppers: Shoppers, arrivals: Any, first: Any, second: Any, rng: np.random.Generator
) -> tuple[Any, Any]:
    """Lists by team draft, and which ranking picked each product; a few drafts for each product."""
    drafts = 8
    n, k = first.shape
    shown, teams = np.empty((n, drafts, k), np.int64), np.empty((n, drafts, k), np.int64)
    for source in range(n):
        for draft in range(drafts):
            coin = (rng.random(k) < 0.5).tolist().__getitem__
            shown[source, draft], teams[source, draft] = team_draft(
                first[source].tolist(), second[source].tolist(), k, str, coin
            )
    draft = rng.integers(drafts, size=len(arrivals[2]))
    return shown[arrivals[2], draft], teams[arrivals[2], draft]


def interleaving_tests(runs: int, shoppers: Shoppers, count: int) -> dict[str, Any]:
    """Shoppers until a decision for the better ranking, by interleaving and by A/B test.

    All shoppers of a run come in a random order; a look is taken after each further 5 %.
    """
    rankings = shoppers.ranking(1.0, seed=1), shoppers.ranking(2.0, seed=2)
    after: dict[str, list[float]] = {"interleaving": [], "ab": []}
    right: dict[str, int] = {"interleaving": 0, "ab": 0}
    grid = np.unique(np.geomspace(200, count, 80).astype(int))
    for run in range(runs):
        rng = np.random.default_rng([run, 50])
        arrivals = shoppers.arrivals(count, rng)
        experiment = Experiment.model_validate(
            {
                "name": "x", "planned": count // 2, "metric": "click_rate", "min_effect": 1e-6,
                "variants": {"a": {}, "b": {"model": "other"}, "ab": {
                    "interleave": ["a", "b"], "weight": 0}},
            }
        )  # fmt: skip
        group = rng.random(count) < 0.5
        lists = np.stack(rankings)[group[arrivals[0]].astype(int), arrivals[2]]
        visits = shoppers.visit(arrivals, lists, rng)
        *_, values = daily(visits, count, shoppers.days)
        shown, teams = interleaved(shoppers, arrivals, *rankings, rng)
        mixed = shoppers.visit(arrivals, shown, rng)
        credit = np.stack(
            [
                np.bincount(arrivals[0], (mixed.clicked & (teams == t)).sum(axis=1), count)
                for t in (0, 1)
            ]
        )
        decisions: dict[str, tuple[float, str]] = {}
        for n in grid:
            of = values[:n], group[:n]
            both = {"a": variant_sums(of[0][~of[1]]), "b": variant_sums(of[0][of[1]])}
            a, b = credit[:, :n][:, credit[:, :n].sum(axis=0) > 0]
            draft = DraftSums(
                len(a), a.sum(), b.sum(), (a * a).sum(), (a * b).sum(), (b * b).sum()
            )  # fmt: skip
            # each design is an experiment of its own, with the same alpha
            tested = report_experiment(experiment, ExperimentSums(both, {}))
            drafted = report_experiment(
                experiment.model_copy(update={"control": "a"}), ExperimentSums({}, {"ab": draft})
            )
            for name, state in (
                ("ab", tested.variants[1].state), ("interleaving", drafted.drafts[0].state)
            ):  # fmt: skip
                if state in DECIDED and name not in decisions:
                    decisions[name] = (float(n), state)
            if len(decisions) == 2:
                break
        # the second ranking is the better one
        right["ab"] += decisions.get("ab", (0, ""))[1] == "better"
        right["interleaving"] += decisions.get("interleaving", (0, ""))[1] == "worse"
        for name, counts in after.items():
            counts.append(decisions.get(name, (np.inf, ""))[0])
    medians = {name: float(np.median(values)) for name, values in after.items()}
    return {
        "runs": runs,
        "most_shoppers": count,
        "median_shoppers": {n: v if np.isfinite(v) else None for n, v in medians.items()},
        "decided_for_the_better": {name: hits / runs for name, hits in right.items()},
        "ratio": medians["interleaving"] / medians["ab"] if np.isfinite(medians["ab"]) else None,
    }


def incremental_tests(runs: int, shoppers: Shoppers, count: int) -> dict[str, Any]:
    """Share of runs whose interval holds the truth, from the log to the report."""
    ranking = shoppers.ranking(1.0)
    large = pool(shoppers, 400_000, ranking, 999)
    truth = float((large.revenue - large.revenue_without).sum() / 400_000)
    held, estimates = 0, []
    for run in range(runs):
        rng = np.random.default_rng([run, 60])
        arrivals = shoppers.arrivals(count, rng)
        group = rng.random(count) < 0.3
        shown = np.where(group[arrivals[0], None], -1, ranking[arrivals[2]])
        visits = shoppers.visit(arrivals, shown, rng)
        names = np.where(group[arrivals[0]], "holdout", "all")
        with tempfile.TemporaryDirectory(prefix="goeswith-") as folder:
            write_feedback(visits, shoppers.shop, Path(folder), names, seed=run)
            found = report_results(Path(folder)).incremental
        assert found is not None
        estimates.append(found["incremental_per_shopper"])
        held += found["low"] <= truth <= found["high"]
    return {
        "runs": runs, "shoppers": count, "truth_per_shopper": truth,
        "mean_estimate": float(np.mean(estimates)), "holds": held,
    }  # fmt: skip


def split_tests(runs: int, count: int = 20_000) -> dict[str, Any]:
    """Share of experiments with an alarm at any of 28 looks."""
    rng = np.random.default_rng(70)
    shares = {}
    for name, planned in (("planned", 0.5), ("52 to 48", 0.52)):
        alarms = 0
        for _ in range(runs):
            first = rng.binomial(count // 28, planned, 28).cumsum()
            total = (count // 28) * np.arange(1, 29)
            alarms += any(
                split_p_value([int(a), int(n - a)], [0.5, 0.5]) < 0.001
                for a, n in zip(first, total, strict=True)
            )
        shares[name] = alarms / runs
    return {"runs": runs, "shoppers": count, "alarms": shares}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000, help="A/A, power and split")
    parser.add_argument("--drafts", type=int, default=40, help="runs of interleaving")
    parser.add_argument("--logs", type=int, default=100, help="logs with a holdout group")
    parser.add_argument("--only", help="one of the parts")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path(__file__).parent / "results" / "experiments.json"
    )
    options = parser.parse_args()
    shoppers = Shoppers(shop=Shop(500, seed=1))
    parts = {
        "aa": lambda: aa_tests(options.runs, shoppers, 2000),
        "power": lambda: power_tests(options.runs),
        "interleaving": lambda: interleaving_tests(options.drafts, replace(shoppers, k=6), 60_000),
        "incremental": lambda: incremental_tests(options.logs, shoppers, 3000),
        "split": lambda: split_tests(options.runs),
    }
    for name, part in parts.items():
        if options.only in (None, name):
            found = part()
            print(name, json.dumps(found, indent=1), flush=True)
            result = json.loads(options.out.read_text()) if options.out.exists() else {}
            text = json.dumps({**result, name: found}, indent=1)
            options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
