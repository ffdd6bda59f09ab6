"""DAEMON from the paper's form to one that holds, a change at a time.

    python benchmarks/daemon_ladder.py [--data amazon-beauty amazon-grocery] [--seeds 0 1 2]

Each rung is a model on the splits of `goeswith benchmark --protocol edges`, with its figures by
seed, and loss and validation of every epoch. `never_targets` is the share of the first ten
recommendations that are no target of any edge. What is stored already is not measured again: a run
that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.evaluation.protocols import protocol
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.held_out_edges import EdgesCase
from goeswith.models import make_model, model_class
from goeswith.models.registry import model_name
from goeswith.settings.sections import Settings

RESULT = Path(__file__).parent / "results" / "daemon-ladder.json"
SHARED = Path(__file__).parents[2] / "shared" / "data"
METRICS: Final = (
    "ndcg@10",
    "hit@10",
    "direction_accuracy",
    "substitutes@10",
    "coverage@10",
    "hit@10.head",
    "hit@10.torso",
    "hit@10.tail",
)
_SECOND: Final = "self_term=true,last_relu=false,temperature=.1,learning_rate=.003"
_FOUR: Final = "max_epochs=4,patience=4"
_FULL: Final = "daemon_full_graph:"
_BOUGHT: Final = "relation=co_purchase,alternatives=false"
RUNGS: Final = {
    "the paper's form": f"daemon:id_vectors=false,{_FOUR}",
    "id vectors": f"daemon:id_vectors=true,{_FOUR}",
    "self term, no last ReLU, temperature .1": f"daemon:id_vectors=true,{_SECOND},{_FOUR}",
    "only targets are recommended": (f"daemon:id_vectors=true,{_SECOND},{_FOUR},only_targets=true"),
    "complete graph, softmax": f"{_FULL}own_edge=true",
    "own edge excluded": "daemon_full_graph",
    "known alternatives left out": f"{_FULL}alternatives=false",
    "everything bought together": f"{_FULL}{_BOUGHT}",
    "128 dimensions": f"{_FULL}{_BOUGHT},dimension=128,learning_rate=.005",
    # "everything bought together", but for one setting
    "with own edge": f"{_FULL}{_BOUGHT},own_edge=true",
    "without co-views": f"{_FULL}{_BOUGHT},co_view=0",
    "with temperature 1": f"{_FULL}{_BOUGHT},temperature=1",
    "with 100 negatives": f"{_FULL}{_BOUGHT},negatives=100",
    "with half of the ids dropped": f"{_FULL}{_BOUGHT},id_dropout=.5",
    "EASE, everything bought together": f"ease:{_BOUGHT},l2=100",
}


def measure(case: EdgesCase, spec: str, seed: int) -> dict[str, Any]:
    """Figures of a rung on one split."""
    name = model_name(spec)
    seeded = "seed" in model_class(name).Config.model_fields
    model = make_model(spec, {name: {"seed": seed}} if seeded else {})
    model.fit(case.catalog, case.train)
    answers = case.answer(model)
    values = case.measure(answers).values()
    figures: dict[str, Any] = {metric: values[metric] for metric in METRICS if metric in values}
    first = answers["ranking"][:, :10]
    is_target = np.bincount(case.train.complements.count.indices, minlength=case.train.n) > 0
    figures["never_targets"] = float((~is_target[first])[first >= 0].mean())
    figures["epochs"] = [
        {"loss": round(epoch["loss"], 4), "validation": round(epoch["validation"], 4)}
        for epoch in model.history
    ]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", default=["amazon-beauty", "amazon-grocery"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rungs", nargs="+", default=list(RUNGS), help="names; default: all")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    result: dict[str, Any] = {"command": "python benchmarks/daemon_ladder.py", "data": {}}
    if given.out.exists():
        result = json.loads(given.out.read_text(encoding="utf-8"))
    for seed in given.seeds:
        for data in given.data:
            rungs = result["data"].setdefault(data, {})
            ground = BenchmarkData(load_data(SHARED / data), Settings())
            (case,) = protocol("edges")(ground, seed)
            assert isinstance(case, EdgesCase)
            for name in given.rungs:
                if rungs.get(name, {}).get("model") != RUNGS[name]:
                    rungs[name] = {"model": RUNGS[name], "seeds": {}}
                if str(seed) in rungs[name]["seeds"]:
                    continue
                figures = measure(case, RUNGS[name], seed)
                rungs[name]["seeds"][str(seed)] = figures
                write_json(result, given.out)
                print(data, seed, name, figures["ndcg@10"], figures["epochs"][-1:], flush=True)


if __name__ == "__main__":
    main()
