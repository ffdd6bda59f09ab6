"""DAEMON from the paper's form to one that holds, a change at a time.

    python benchmarks/daemon_ladder.py [--data amazon-beauty amazon-grocery] [--seeds 0 1 2]

Each rung is a model on the splits of `goeswith benchmark --protocol edges`, with its figures by
seed, and loss and validation of every epoch. `never_targets` is the share of the first ten
recommendations that are no target of any edge. What is stored already is not measured again: a run
that was stopped goes on where it was.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from goeswith.evaluation.protocols.held_out_edges import EdgesCase
from goeswith.models import make_model, model_class
from goeswith.models.registry import model_name
from ladder import climb

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


if __name__ == "__main__":
    climb(RUNGS, measure, "daemon_ladder", __doc__)
