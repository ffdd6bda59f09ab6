"""What the ranker gains from clicks: `python benchmarks/click_ranker.py [--shoppers 20000]`.

A synthetic shop of 2,000 products with a small log of purchases. The ranker learns from this log,
its lists are shown to simulated shoppers with position bias (`shopper_simulator.py`), and it is
fitted again with their feedback. One visit in ten sees the first twelve products in random order.

Compared are the ranker without feedback; with it; and with it where an impression counts the same
at every rank, that is without the click model. Measured on other shoppers: expected clicks of a
visit of a shopper with a need, and the share of true complements among the first six products.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from goeswith.core.arrays import top_k
from goeswith.data.folder import load_data
from goeswith.ranking.ranker import Ranker
from goeswith.relations.build_graph import build_graph
from goeswith.relations.config import MiningConfig
from goeswith.results.reports import pair_feedback
from shopper_simulator import Shoppers, write_feedback
from shops import Shop

RESULT = Path(__file__).parent / "results" / "click-ranker.json"
LONGER: Final = 12
MIXED: Final = 0.1
"""Share of visits with a list in random order."""


def lists(model: Ranker, k: int) -> Any:
    """(n, k) rows of the best products of every source."""
    rows = np.arange(model.n, dtype=np.int32)
    scores = model.score(rows)
    np.fill_diagonal(scores, -np.inf)
    return top_k(scores, k)[0]


def value(shoppers: Shoppers, shown: Any, seed: int) -> dict[str, float]:
    """What shoppers who need something do with the lists."""
    rng = np.random.default_rng([seed, 91])
    source = shoppers.sources(200_000, rng)
    suit = shoppers.suit(source, shown[source][:, : shoppers.k])
    examined = np.cumprod(
        np.column_stack([np.ones(len(suit)), shoppers.patience * (1 - 0.9 * suit[:, :-1])]), axis=1
    )
    fits = shoppers.shop.goes_with(source[:, None], shown[source][:, : shoppers.k])
    return {
        "clicks_per_visit": round(float((examined * suit).sum(axis=1).mean()), 4),
        "complements": round(float(fits.mean()), 4),
    }


def flat_ranks(arm: Any, rank: Any, shown: Any, clicks: Any) -> tuple[Any, Any]:
    """In place of the click model: every rank is examined."""
    return np.ones(int(arm.max()) + 1), np.ones(int(rank.max()) + 1)


def run(events: int, count: int, seed: int) -> dict[str, dict[str, float]]:
    """One shop and its shoppers."""
    shop = Shop(2000, seed=seed)
    shoppers, rng = Shoppers(shop=shop), np.random.default_rng([seed, 90])
    with tempfile.TemporaryDirectory(prefix="goeswith-") as name:
        folder = Path(name)
        shop.write(folder / "shop", events)
        data = load_data(folder / "shop")
        graph = build_graph(data, MiningConfig())
        before = lists(Ranker(seed=seed).fit(data.catalog, graph), LONGER)
        arrivals = shoppers.arrivals(count, rng)
        shown = before[arrivals[2]].astype(np.int64)
        is_mixed = rng.random(len(shown)) < MIXED
        shown[is_mixed] = rng.permuted(shown[is_mixed], axis=1)
        shown = shown[:, : shoppers.k]
        visits = shoppers.visit(arrivals, shown, rng)
        write_feedback(visits, shop, folder / "feedback", np.full(len(shown), ""), seed=seed)
        result = {"without": value(shoppers, before, seed)}
        result["without"]["clicks"] = int(visits.clicked.sum())
        for kind in ("corrected", "uncorrected"):
            model = Ranker(seed=seed)
            if kind == "corrected":
                model.clicks = pair_feedback.read_pair_clicks(folder / "feedback", data.catalog)
            else:
                with patch.object(pair_feedback, "position_based", flat_ranks):
                    model.clicks = pair_feedback.read_pair_clicks(folder / "feedback", data.catalog)
            result[kind] = value(shoppers, lists(model.fit(data.catalog, graph), LONGER), seed)
    best = np.where(shoppers.fits, shoppers.suits, shoppers.suits_other)
    best = best * shoppers.appeal[shoppers.candidates]
    order = np.argsort(-best, axis=1)[:, : shoppers.k]
    ideal = np.take_along_axis(shoppers.candidates, order, axis=1)
    result["best possible"] = value(shoppers, ideal, seed)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--shoppers", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    runs = []
    for seed in range(1, options.seeds + 1):
        runs.append(run(options.events, options.shoppers, seed))
        print(json.dumps(runs[-1]), flush=True)
    result = {"events": options.events, "shoppers": options.shoppers, "runs": runs}
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
