"""P-Companion from the paper's form to one that predicts types, a change at a time.

    python benchmarks/p_companion_ladder.py [--data amazon-beauty amazon-grocery] [--seeds 0 1 2]

Each rung is a model on the splits of `goeswith benchmark --protocol edges`: nDCG@10, the share of
held-out pairs in slates of sixty products, and the share whose type is among three predicted ones,
beside the three most frequent types; loss and validation of every epoch by stage. What is stored
already is not measured again: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from claims import slate_hits, type_hits
from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.evaluation.protocols import protocol
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.held_out_edges import EdgesCase
from goeswith.models import make_model
from goeswith.models.neural.training import EpochRecord
from goeswith.models.neural.typed_vectors import TypedVectors
from goeswith.models.registry import model_name
from goeswith.settings.sections import Settings

RESULT = Path(__file__).parent / "results" / "p-companion-ladder.json"
SHARED = Path(__file__).parents[2] / "shared" / "data"
_EPOCHS: Final = "max_epochs=30,patience=30"
_RANDOM: Final = f"{_EPOCHS},negatives=both"
RUNGS: Final = {
    "the paper's form": "p_companion",
    "30 epochs": f"p_companion:{_EPOCHS}",
    "random negatives": f"p_companion:{_RANDOM}",
    "type of the target, residual": (
        f"p_companion:{_RANDOM},train_projection=true_type,residual_projection=true"
    ),
    "softmaxes, types in a stage of their own": "p_companion_softmax:id_vectors=false",
    "and id vectors (the last rung)": "p_companion_softmax",
    "typed towers": "typed_towers",
}


def measure(case: EdgesCase, spec: str, seed: int) -> dict[str, Any]:
    """Figures of a rung on one split."""
    model = make_model(spec, {model_name(spec): {"seed": seed}})
    assert isinstance(model, TypedVectors)
    epochs: dict[str, list[dict[str, float]]] = {}

    def note(stage: str, epoch: EpochRecord) -> None:
        measured = {"loss": epoch["loss"], "validation": epoch["validation"]}
        epochs.setdefault(stage, []).append({k: round(v, 4) for k, v in measured.items()})

    model.on_epoch = note
    model.fit(case.catalog, case.train)
    values = case.measure(case.answer(model)).values()
    figures: dict[str, Any] = {name: values[name] for name in ("ndcg@10", "hit@10")}
    figures |= slate_hits(case, model) | type_hits(case, model)
    return figures | {"epochs": epochs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", default=["amazon-beauty", "amazon-grocery"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rungs", nargs="+", default=list(RUNGS), help="names; default: all")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    result: dict[str, Any] = {"command": "python benchmarks/p_companion_ladder.py", "data": {}}
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
                shown = {key: value for key, value in figures.items() if key != "epochs"}
                print(data, seed, name, shown, flush=True)


if __name__ == "__main__":
    main()
