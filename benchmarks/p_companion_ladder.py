"""P-Companion from the paper's form to one that predicts types, a change at a time.

    python benchmarks/p_companion_ladder.py [--data amazon-beauty amazon-grocery] [--seeds 0 1 2]

Each rung is a model on the splits of `goeswith benchmark --protocol edges`: nDCG@10, the share of
held-out pairs in slates of sixty products, and the share whose type is among three predicted ones,
beside the three most frequent types; loss and validation of every epoch by stage. What is stored
already is not measured again: a run that was stopped goes on where it was.
"""

from __future__ import annotations

from typing import Any, Final

from claims import slate_hits, type_hits
from goeswith.evaluation.protocols.held_out_edges import EdgesCase
from goeswith.models import make_model
from goeswith.models.neural.training import EpochRecord
from goeswith.models.neural.typed_vectors import TypedVectors
from goeswith.models.registry import model_name
from ladder import climb

_EPOCHS: Final = "max_epochs=30,patience=30"
_RANDOM: Final = f"{_EPOCHS},negatives=both"
RUNGS: Final = {
    "the paper's form": "p_companion",
    "30 epochs": f"p_companion:{_EPOCHS}",
    "random negatives": f"p_companion:{_RANDOM}",
    "type of the target, residual": (
        f"p_companion:{_RANDOM},train_projection=true_type,residual_projection=true"
    ),
    "softmaxes, types in a stage of their own": (
        "p_companion_softmax:vectors=product2vec,id_vectors=false"
    ),
    "and id vectors": "p_companion_softmax:vectors=product2vec",
    "over the vectors of product2vec_softmax (the last rung)": "p_companion_softmax",
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


if __name__ == "__main__":
    climb(RUNGS, measure, "p_companion_ladder", __doc__)
