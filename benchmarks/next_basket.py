"""Next baskets of a sample of shoppers, one model a call: `python benchmarks/next_basket.py DATA`.

The protocol `next_basket` tests every shopper. Here a sample is drawn by seed, all shoppers are
learned from, and the figures of a model are added to the file `--out`, so that models can be
measured one after the other.
"""

from __future__ import annotations

import json
from resource import RUSAGE_SELF, getrusage
from typing import Any

from goeswith.core.atomic_files import write_json
from goeswith.evaluation.protocols.next_basket import NextBasketCase
from goeswith.shoppers import SHOPPER_MODELS
from goeswith.shoppers.base import ShopperModel
from sampled_shoppers import sample_parser, sampled_case


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
    parser = sample_parser(__doc__)
    parser.add_argument("--models", default=",".join(SHOPPER_MODELS.names))
    given = parser.parse_args()
    name, case = sampled_case(given)
    for spec in given.models.split(","):
        result = measure(case, spec, given.seed)
        content: dict[str, Any] = {"data": name, "protocol": "next_basket", "seeds": {}}
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
