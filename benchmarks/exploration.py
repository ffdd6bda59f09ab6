"""Exploration on simulated shoppers: regret, and complements that counts alone do not show.

    python benchmarks/exploration.py [--seeds 5] [-o FILE]
    python benchmarks/exploration.py --confirm --seeds 10 -o FILE

Each of 20 product types has a slot at rank 4 and 20 candidates for it. The first one is what counts
of purchases put there: a popular product that is no complement. Among the others, in random order,
three are true complements of all products of the type (`alike`), or of one line of three: then six
are complements, two of each line (`lines`). All complements are of one product type, which the
other four types of candidates are not. Complements are new, without counts.

Shoppers examine the rank with its propensity and click by the attraction of the product. A learner
chooses the product for a share of the visits and reads the clicks of all days before; the other
visits show what it is sure of. Its impressions count as the propensity of the rank. Clusters of
sources are imperfect: a source has its own line with weight 0.8.

Regret is the number of expected clicks lost to always showing the best candidate. `--confirm` runs
the case by which the rule for the other visits was chosen on seeds that were not used for it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from goeswith.results.exploration.choice_probabilities import (
    choice_probabilities,
    surely_better,
)
from goeswith.results.exploration.click_counts import position_based
from goeswith.results.exploration.click_prior import ClickPrior, fit_prior
from goeswith.results.exploration.source_clusters import ClusterCounts
from shopper_simulator import Shoppers

TYPES, CANDIDATES, KINDS, LINES, RANK, DAYS = 20, 20, 5, 3, 4, 30
MEAN: Final = 0.03
"""Mean click rate of the prior on the first day."""
WEIGHTS: Final = np.where(np.eye(LINES), 0.8, 0.2 / (LINES - 1))
"""Of the clusters of a source of each line; its own line first."""
EPSILONS: Final = (0.1, 0.2, 0.5)
"""Shares of uniform choices of `epsilon`: the service has 0.1, and the best one is not known."""
CONFIRM: Final = 20
"""First seed of `--confirm`."""
NAMES: Final = [f"{i}" for i in range(CANDIDATES)]


class Slots(NamedTuple):
    """The slot of each type.

    Attributes:
        rate: (types, lines, candidates) click rate of an examined product.
        kind: (types, candidates) product type of each.
        good: (types, lines, candidates) which are complements.
    """

    rate: Any
    kind: Any
    good: Any


def slots(shoppers: Shoppers, world: str, rng: np.random.Generator) -> Slots:
    """The candidates of every slot."""
    good = np.zeros((TYPES, LINES, CANDIDATES), dtype=bool)
    kind = rng.integers(1, KINDS, size=(TYPES, CANDIDATES))
    for place in range(TYPES):
        chosen = 1 + rng.permutation(CANDIDATES - 1)
        if world == "alike":
            chosen = chosen[:3]
            good[place][:, chosen] = True
        else:
            chosen = chosen[: 2 * LINES]
            for line in range(LINES):
                good[place, line, chosen[2 * line : 2 * line + 2]] = True
        kind[place, chosen] = 0
    appeal = np.minimum(rng.lognormal(-0.08, 0.4, (TYPES, 1, CANDIDATES)), 2.0)
    rate = shoppers.need * np.where(good, shoppers.suits, shoppers.suits_other) * appeal
    rate[:, :, 0] = 1.5 * shoppers.need * shoppers.suits_other  # popular
    return Slots(rate, kind, good)


class Learner:
    """What was shown and clicked, and what is shown next."""

    def __init__(self, name: str, kind: Any, examines: float) -> None:
        self.name, self.kind, self.examines = name, kind, examines
        self.shown = np.zeros((LINES, CANDIDATES))
        self.clicks = np.zeros((LINES, CANDIDATES))
        self.prior = ClickPrior(MEAN)

    def arms(self) -> tuple[Any, Any, Any]:
        """Candidate that each arm shows, its clicks and its examined impressions."""
        shown, clicks = self.shown.sum(axis=0) * self.examines, self.clicks.sum(axis=0)
        if self.name != "thompson_types":
            return np.arange(CANDIDATES), clicks, shown
        # the first product of each type stands for it; the usual product's type is the first
        _, arms, group = np.unique(self.kind, return_index=True, return_inverse=True)
        order = np.argsort(arms)
        return arms[order], np.bincount(group, clicks)[order], np.bincount(group, shown)[order]

    def choices_of_lines(self) -> list[tuple[Any, int]]:
        """(candidates,) probability of each in an explored visit, and what the others are shown,
        for sources of each line.
        """
        if self.name == "counts":
            return [(np.eye(CANDIDATES)[0], 0)] * LINES
        if self.name == "linucb":
            return [self._cluster_choices(line) for line in range(LINES)]
        return [self._choices()] * LINES

    def _choices(self) -> tuple[Any, int]:
        arms, clicks, shown = self.arms()
        alpha, beta = self.prior.posterior(clicks, shown)
        rule, *epsilon = self.name.split()
        chances = np.zeros(CANDIDATES)
        chances[arms] = (
            choice_probabilities("epsilon", alpha, beta, epsilon=float(epsilon[0]))
            if rule == "epsilon"
            else choice_probabilities("thompson", alpha, beta)
        )
        return chances, int(arms[surely_better(alpha, beta, clicks)])

    def edges(self) -> tuple[Any, Any]:
        """(clusters, candidates) clicks and examined impressions of each edge.

        The counts of a source go to all clusters, by weight.
        """
        examined = np.maximum(self.shown * self.examines, self.clicks)
        return (WEIGHTS**2).T @ self.clicks, (WEIGHTS**2).T @ examined

    def _cluster_choices(self, line: int) -> tuple[Any, int]:
        clicks, examined = self.edges()
        edges = {
            (c, name): (float(examined[c, j]), float(clicks[c, j]))
            for c in range(LINES)
            for j, name in enumerate(NAMES)
        }
        counts = ClusterCounts(edges, self.prior)
        mean, bonus = counts.scores(range(LINES), WEIGHTS[line], NAMES)
        chances = np.zeros(CANDIDATES)
        chances[np.argmax(mean + bonus)] = 1
        return chances, counts.surely_better(range(LINES), WEIGHTS[line], NAMES)


def run(learner: str, share: float, world: str, per_day: int, seed: int) -> dict[str, Any]:
    """One log: regret, and the share of the last day's visits that are shown a complement."""
    shoppers, rng = Shoppers(satisfied=0.0), np.random.default_rng([seed, 80])
    found = slots(shoppers, world, rng)
    examines = float(shoppers.propensity[RANK - 1])
    learners = [Learner(learner, kind, examines) for kind in found.kind]
    regret, by_day, best_last, good_last = 0.0, [], 0.0, 0.0
    for day in range(DAYS):
        best_last = good_last = 0.0
        if day and learner != "counts":
            arms = [one.edges() if learner == "linucb" else one.arms()[1:] for one in learners]
            prior = fit_prior(*np.concatenate(arms, axis=1).reshape(2, -1))
            for one in learners:
                one.prior = prior
        for place, one in enumerate(learners):
            chosen = one.choices_of_lines()
            for line in range(LINES):
                rate = found.rate[place, line]
                explored, usual = chosen[line]
                chances = share * explored + (1 - share) * np.eye(CANDIDATES)[usual]
                visits = rng.multinomial(per_day // LINES, chances / chances.sum())
                one.shown[line] += visits
                one.clicks[line] += rng.binomial(visits, rate * examines)
                regret += float((visits * (rate.max() - rate)).sum() * examines)
                best_last += visits[rate.argmax()]
                good_last += visits[found.good[place, line]].sum()
        by_day.append(regret)
    every = TYPES * LINES * (per_day // LINES)
    return {
        "regret": regret,
        "regret_second_half": regret - by_day[DAYS // 2 - 1],
        "complements_on_the_last_day": good_last / every,
        "best_on_the_last_day": best_last / every,
    }


def click_model(visits: int, seed: int = 0) -> dict[str, Any]:
    """The propensity of each rank, estimated from lists of different orders."""
    shoppers = Shoppers(satisfied=0.0)
    rng = np.random.default_rng([seed, 81])
    arrivals = shoppers.arrivals(visits // 4, rng)
    lists = np.stack([shoppers.ranking(strength, seed=i) for i, strength in enumerate((0, 1, 2))])
    shown = lists[rng.integers(3, size=len(arrivals[0])), arrivals[2]]
    found = shoppers.visit(arrivals, shown, rng)
    pair = arrivals[2][:, None] * shoppers.shop.products + shown
    _, arm = np.unique(pair, return_inverse=True)
    rank = np.broadcast_to(np.arange(shoppers.k), shown.shape).ravel()
    cell = arm.ravel() * shoppers.k + rank
    _, at, cell = np.unique(cell, return_index=True, return_inverse=True)
    _, estimated = position_based(
        arm.ravel()[at], rank[at], np.bincount(cell).astype(float),
        np.bincount(cell, found.clicked.ravel()),
    )  # fmt: skip
    rates = found.clicked.mean(axis=0)
    return {
        "visits": len(arrivals[0]),
        "true": shoppers.propensity.round(3).tolist(),
        "estimated": estimated.round(3).tolist(),
        "click_rate_relative": (rates / rates[0]).round(3).tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--confirm", action="store_true", help="other seeds, one case")
    parser.add_argument("--visits", type=int, default=200, help="of a type in a day")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path(__file__).parent / "results" / "exploration.json"
    )
    options = parser.parse_args()
    learners = (*(f"epsilon {e}" for e in EPSILONS), "thompson", "thompson_types", "linucb")
    cases = [(world, "counts", 1.0) for world in ("alike", "lines")]
    cases += [(w, one, s) for w in ("alike", "lines") for s in (0.1, 1.0) for one in learners]
    if options.confirm:
        cases = [("alike", one, 0.1) for one in learners[:4]]
    first, rows = CONFIRM if options.confirm else 0, []
    for world, learner, share in cases:
        seeds = range(first, first + options.seeds)
        runs = [run(learner, share, world, options.visits, seed) for seed in seeds]
        row = {"world": world, "learner": learner, "share": share} | {
            name: round(float(np.mean([one[name] for one in runs])), 3) for name in runs[0]
        }
        rows.append(row | {"regret_each": [round(one["regret"], 1) for one in runs]})
        print(rows[-1], flush=True)
    result = {
        "types": TYPES, "candidates": CANDIDATES, "rank": RANK, "days": DAYS,
        "visits_a_day": options.visits, "seeds": options.seeds, "first_seed": first,
        "learners": rows,
    }  # fmt: skip
    if not options.confirm:
        result["click_model"] = click_model(200_000)
        print(result["click_model"])
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
