"""The protocol `basket` on logs of baskets: `python benchmarks/baskets.py DATA --seeds 0,1,2`.

Closed forms against `basket_ranker` at several positions of its popularity discount. The trees do
not depend on the discount, so they are trained once a seed. EASE covers the products in most
baskets, as its time grows with the cube of them.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np

from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.evaluation.deployed_model import as_deployed
from goeswith.evaluation.protocols.basket_protocol import BasketCase, basket_protocol
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.models import basket_counts
from goeswith.models.base import Recommender
from goeswith.models.basket_counts import BasketCounts, BasketForm
from goeswith.ranking.baskets.basket_ranker import BasketRanker
from goeswith.settings.sections import Settings

FORMS: Final[dict[str, dict[str, Any]]] = {
    "popularity": {"form": "popularity"},
    "confidence": {},
    "confidence, prior 100": {"prior": 100},
    "confidence by basket": {"by_basket": True, "prior": 10},
    "llr": {"form": "llr"},
    "cosine": {"form": "cosine"},
    "ease": {"form": "ease"},
    "ease by basket": {"form": "ease", "by_basket": True},
}
DISCOUNTS: Final = (0.0, 0.1, 0.2, 0.35, 0.5)
METRICS: Final = ("attach@10", "stratified@10", "recall@10", "tail@10", "last@10", "attach@10.new")


def models_of(case: BasketCase, seed: int) -> Iterator[tuple[str, Recommender, float]]:
    """Name, fitted model and seconds of its fit."""
    for name, config in FORMS.items():
        started = perf_counter()
        form = BasketForm(BasketForm.Config(**config)).fit(case.catalog, case.train)
        yield name, form, perf_counter() - started
    started = perf_counter()
    ranker = BasketRanker(BasketRanker.Config(seed=seed)).fit(case.catalog, case.train)
    seconds = perf_counter() - started
    print(f"  {ranker.choice.reason}", flush=True)
    assert case.train.baskets is not None
    share = np.maximum(BasketCounts.count(case.train.baskets, by_basket=True).share, 1e-7)
    scores, trained = ranker.scores, ranker.config.popularity_discount
    for discount in DISCOUNTS:
        ranker.scores = scores.copy()
        if ranker.choice.booster is not None:
            ranker.scores.data *= (share[scores.indices] ** (trained - discount)).astype(np.float32)
        yield f"basket_ranker, discount {discount:g}", ranker, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of tables")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--ease-products", type=int, default=3000)
    parser.add_argument("-o", "--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    basket_counts.MAX_EASE = arguments.ease_products  # type: ignore[misc]
    settings = Settings()
    dataset, _ = as_deployed(load_data(arguments.data, settings=settings.data), settings)
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    for seed in seeds:
        (case,) = basket_protocol(BenchmarkData(dataset, settings), seed)
        assert isinstance(case, BasketCase)
        for name, model, seconds in models_of(case, seed):
            values = case.measure(case.answer(model)).values()
            for metric in METRICS:
                if values.get(metric) is not None:
                    found[name][metric].append(float(values[metric] or 0))
            found[name]["fit_seconds"].append(seconds)
            print(f"  seed {seed}  {name:32}", *(f"{found[name][m][-1]:.4f}" for m in METRICS[:2]))
    rows = [
        {"model": name, "mean": {m: float(np.mean(v)) for m, v in row.items()}, "per_seed": row}
        for name, row in found.items()
    ]
    for row in rows:
        print(f"{row['model']:34}", *(f"{m} {v:.4f}" for m, v in row["mean"].items()))
    if arguments.out is not None:
        products = len(dataset.catalog)
        write_json(
            {
                "data": dataset.name,
                "protocol": "basket",
                "seeds": seeds,
                "products": products,
                "ease_products": min(arguments.ease_products, products),
                "results": rows,
            },
            arguments.out,
        )


if __name__ == "__main__":
    main()
