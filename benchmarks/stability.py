"""Spread of the trained models over training seeds and instruction sets, on one split.

    python benchmarks/stability.py
    ATEN_CPU_CAPABILITY=default OPENBLAS_CORETYPE=Prescott python benchmarks/stability.py

The second command trains with the kernels of older processors, as `make rounding` does, and adds
its figures to the same file. The data are 1,000 connected products with the relations between
them: a walk in breadth from a random product, so that products keep most of their neighbours. What
is stored already is not measured again: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

import product2vec_ladder
from connected_sample import sampled_data
from goeswith.core.atomic_files import write_json
from goeswith.evaluation.protocols import protocol
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.held_out_edges import EdgesCase
from goeswith.models import make_model
from goeswith.models.registry import model_name
from goeswith.settings.sections import Settings
from ladder import SHARED

MODELS: Final = (
    "dual_embedding",
    "directed_propagation",
    "typed_towers",
    "daemon_full_graph",
    "daemon_full_graph:relation=co_purchase,alternatives=false",
    "p_companion_softmax:vectors=product2vec",
    "p_companion_softmax",
)
OF_SIMILAR_PRODUCTS: Final = ("product2vec", "product2vec_softmax")
"""Models that learn similarity: what is measured is pairs viewed together that are held out."""
OUT: Final = Path(__file__).parent / "results" / "stability.json"


def spread(values: list[float]) -> dict[str, float]:
    """Mean, and standard deviation and range as shares of it."""
    mean = float(np.mean(values))
    return {
        "mean": round(mean, 4),
        "deviation": round(float(np.std(values, ddof=1)) / mean, 4),
        "range": round((max(values) - min(values)) / mean, 4),
    }


def summary(measured: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """Spread of each model: over the seeds of each instruction set, and over all of its runs."""
    models = {model for each in measured.values() for model in each}
    found: dict[str, dict[str, Any]] = {}
    for model in sorted(models):
        runs = {
            kind: list(each[model].values()) for kind, each in measured.items() if model in each
        }
        found[model] = {kind: spread(values) for kind, values in runs.items() if len(values) > 1}
        together = [value for values in runs.values() for value in values]
        if len(found[model]) > 1:
            found[model]["all runs"] = spread(together)
    return found


def measure(case: EdgesCase, spec: str, seed: int) -> float:
    """nDCG@10 of a model trained with a seed."""
    if spec in OF_SIMILAR_PRODUCTS:
        similar: float = product2vec_ladder.measure(case, spec, seed, 0)["similar"]["ndcg@10"]
        return similar
    model = make_model(spec, {model_name(spec): {"seed": seed}}).fit(case.catalog, case.train)
    value = case.measure(case.answer(model)).values()["ndcg@10"]
    assert value is not None
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="amazon-beauty")
    parser.add_argument("--products", type=int, default=1000, help="of the sample")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--models", nargs="+", default=[*MODELS, *OF_SIMILAR_PRODUCTS])
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = sampled_data(SHARED / given.data, given.products)
    (case,) = protocol("edges")(BenchmarkData(data, Settings()), 0)
    assert isinstance(case, EdgesCase)
    result: dict[str, Any] = {
        "command": "python benchmarks/stability.py",
        "data": given.data,
        "products": case.train.n,
        "training_edges": len(case.train.complements),
        "test_pairs": len(case.sources),
        "ndcg@10": {},
    }
    if given.out.exists():
        result = json.loads(given.out.read_text(encoding="utf-8"))
    own = result["ndcg@10"].setdefault(torch.backends.cpu.get_cpu_capability(), {})
    for spec in given.models:
        for seed in given.seeds:
            if str(seed) not in own.setdefault(spec, {}):
                own[spec][str(seed)] = measure(case, spec, seed)
                result["spread"] = summary(result["ndcg@10"])
                write_json(result, given.out)
                print(spec, seed, own[spec][str(seed)], flush=True)
    print(json.dumps(result["spread"], indent=2))


if __name__ == "__main__":
    main()
