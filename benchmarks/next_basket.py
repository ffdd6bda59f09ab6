"""Next baskets of a sample of shoppers, one model a call: `python benchmarks/next_basket.py DATA`.

The protocol `next_basket` tests every shopper. Here a sample is drawn by seed, all shoppers are
learned from, and the figures of a model are added to the file `--out`, so that models can be
measured one after the other.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import numpy as np

from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.next_basket import NextBasketCase, next_basket
from goeswith.settings.sections import Settings
from goeswith.shoppers import SHOPPER_MODELS
from goeswith.shoppers.base import ShopperModel


def processor_seconds() -> float:
    usage = getrusage(RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(case: NextBasketCase, spec: str, seed: int) -> dict[str, Any]:
    """Settings, figures and processor seconds of one model."""
    name = spec.partition(":")[0]
    has_seed = "seed" in SHOPPER_MODELS.find(name).Config.model_fields
    model: ShopperModel = SHOPPER_MODELS.make(spec, {name: {"seed": seed}} if has_seed else None)
    started = processor_seconds()
    case.fit(model)
    fitted = processor_seconds()
    values = case.measure(case.answer(model)).values()
    found = {
        "settings": model.config.model_dump(),
        "metrics": {metric: round(value or 0.0, 5) for metric, value in values.items()},
        "fit_seconds": round(fitted - started, 1),
        "score_seconds": round(processor_seconds() - fitted, 1),
    }
    choice = getattr(model, "choice", None)
    return found if choice is None else {**found, "choice": choice.reason}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder of tables with purchases of users")
    parser.add_argument("--models", default=",".join(SHOPPER_MODELS.names))
    parser.add_argument("--shoppers", type=int, default=3000, help="tested shoppers, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the sample, and of models")
    parser.add_argument("-o", "--out", type=Path, required=True, help="JSON file to add to")
    given = parser.parse_args()
    data = load_data(given.data)
    (case,) = next_basket(BenchmarkData(data, Settings()), given.seed)
    drawn = np.random.default_rng(given.seed).permutation(len(case.shoppers))[: given.shoppers]
    drawn.sort()
    case.shoppers, case.baskets = case.shoppers[drawn], case.baskets[drawn]
    for spec in given.models.split(","):
        result = measure(case, spec, given.seed)
        content: dict[str, Any] = {"data": data.name, "protocol": "next_basket", "seeds": {}}
        if given.out.exists():
            content = json.loads(given.out.read_text(encoding="utf-8"))
        of_seed = content["seeds"].setdefault(str(given.seed), {"shoppers": len(case.shoppers)})
        of_seed[spec] = result
        write_json(content, given.out)
        figures = result["metrics"]
        names = ("recall@10", "ndcg@10", "recall@10.again", "recall@10.new")
        print(f"{spec:16}", *(f"{name} {figures[name]:.4f}" for name in names), flush=True)


if __name__ == "__main__":
    main()
