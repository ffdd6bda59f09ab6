"""Exploration on simulated shoppers: regret, and complements that counts alone do not show.

    python benchmarks/exploration.py [--seeds 3] [-o FILE]

Each of 20 product types has a slot at rank 4 and 20 candidates for it. The first one is what counts
of purchases put there: a popular product that is no complement. Three of the others are true
complements, new, without counts. Shoppers examine the rank with its propensity and click by the
attraction of the product. A learner chooses the product for each visit, and reads the clicks of all
days before; its counts are divided by the propensity that the click model estimates.

Regret is the number of expected clicks lost to always showing the best candidate.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from goeswith.results.exploration.choice_probabilities import choice_probabilities
from goeswith.results.exploration.click_counts import PRIOR_IMPRESSIONS, position_based
from shopper_simulator import Shoppers

TYPES, CANDIDATES, NEW, RANK, DAYS = 20, 20, 3, 4, 30
MEAN: Final = 0.03
"""Mean click rate of the prior."""


def attractions(shoppers: Shoppers, rng: np.random.Generator) -> Any:
    """(types, candidates) click rate of an examined product; complements are 1 to NEW."""
    rate = np.full((TYPES, CANDIDATES), shoppers.need * shoppers.suits_other)
    rate[:, 1 : NEW + 1] = shoppers.need * shoppers.suits
    rate *= np.minimum(rng.lognormal(-0.08, 0.4, rate.shape), 2.0)
    rate[:, 0] = 1.5 * shoppers.need * shoppers.suits_other  # popular
    return rate


def run(learner: str, share: float, per_day: int, seed: int) -> dict[str, Any]:
    """One log: regret, and the share of the last day's visits that are shown a complement."""
    shoppers, rng = Shoppers(satisfied=0.0), np.random.default_rng([seed, 80])
    rate = attractions(shoppers, rng)
    examines = shoppers.propensity[RANK - 1]
    shown, clicks = np.zeros_like(rate), np.zeros_like(rate)
    regret, by_day = 0.0, []
    for _ in range(DAYS):
        before = shown.copy()
        prior = PRIOR_IMPRESSIONS * MEAN
        examined = shown * examines
        for place in range(TYPES):
            chances = np.zeros(CANDIDATES)
            if learner != "counts":
                alpha = clicks[place] + prior
                beta = np.maximum(examined[place] - clicks[place], 0) + PRIOR_IMPRESSIONS - prior
                chances = share * choice_probabilities(learner, alpha, beta)  # type: ignore[arg-type]
            chances[0] += 1 - chances.sum()
            visits = rng.multinomial(per_day, np.clip(chances, 0, 1))
            shown[place] += visits
            clicks[place] += rng.binomial(visits, rate[place] * examines)
            regret += float((visits * (rate[place].max() - rate[place])).sum() * examines)
        by_day.append(regret)
    last = (shown - before) / (TYPES * per_day)
    return {
        "regret": regret,
        "regret_second_half": regret - by_day[DAYS // 2 - 1],
        "complements_on_the_last_day": float(last[:, 1 : NEW + 1].sum()),
        "best_on_the_last_day": float(last[np.arange(TYPES), rate.argmax(axis=1)].sum()),
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
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--visits", type=int, default=200, help="of a type in a day")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path(__file__).parent / "results" / "exploration.json"
    )
    options = parser.parse_args()
    rows = []
    for learner, share in (
        ("counts", 1.0), ("epsilon", 0.1), ("thompson", 0.1), ("epsilon", 1.0), ("thompson", 1.0)
    ):  # fmt: skip
        runs = [run(learner, share, options.visits, seed) for seed in range(options.seeds)]
        row = {"learner": learner, "share": share} | {
            name: round(float(np.mean([one[name] for one in runs])), 3) for name in runs[0]
        }
        rows.append(row | {"regret_each": [round(one["regret"], 1) for one in runs]})
        print(rows[-1], flush=True)
    result = {
        "types": TYPES, "candidates": CANDIDATES, "new_complements": NEW, "rank": RANK,
        "days": DAYS, "visits_a_day": options.visits, "seeds": options.seeds, "learners": rows,
        "click_model": click_model(200_000),
    }  # fmt: skip
    print(result["click_model"])
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
