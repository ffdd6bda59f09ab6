"""Mechanisms of published sequence models on top of `sasrec`, each alone.

    python benchmarks/sequence_mechanisms.py DATA --work WORK -o RESULTS.json

Each mechanism is a subclass of SasRec (`mechanism_losses.py`, `mechanism_states.py`), trained at
one seed with the settings of `sasrec` and those of `--common`. 5,000 sequences are held back
instead of 2,000, so that settings can be chosen on them. The results are stored after each model; a
model that they hold is not trained again, and one that was interrupted goes on where it was.
Differences from `sasrec`, by a paired bootstrap over sequences, have 95 % intervals.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from goeswith.core.atomic_files import write_json
from goeswith.core.ndcg import single_target_ndcg
from goeswith.data.folder import load_data
from goeswith.evaluation.bootstrap import paired_bootstrap
from goeswith.evaluation.metrics import Parts, PerSource
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.next_product import (
    NextProductCase,
    hit,
    leave_one_out,
    predefined_test,
)
from goeswith.models.registry import split_spec
from goeswith.sequential.base import SessionModel
from goeswith.sequential.neural import trained_sequence_model
from goeswith.sequential.neural.sasrec import SasRec
from goeswith.sequential.neural.sequence_batch import SequenceValidation
from goeswith.sequential.neural.trained_sequence_model import TrainedSequenceModel
from goeswith.sequential.sequences import Ints, Sequences
from goeswith.settings.sections import Settings

sys.path.insert(0, str(Path(__file__).parent))

from mechanism_losses import (
    Distilled,
    IntentContrast,
    LaterProducts,
    Matryoshka,
    MqsaTed,
    RandomInterest,
    TextContrast,
)
from mechanism_states import Reasoning, TwoQueries, TwoRounds, TwoTables
from next_basket import processor_seconds

MECHANISMS: dict[str, type[SasRec]] = {
    kind.name: kind
    for kind in (
        SasRec,
        Distilled,
        TwoQueries,
        MqsaTed,
        IntentContrast,
        TwoTables,
        Reasoning,
        Matryoshka,
        TwoRounds,
        TextContrast,
        RandomInterest,
        LaterProducts,
    )
}
VALIDATION = 5000
"""Sequences held back, at most a quarter."""


METRICS: dict[str, Callable[[Ints, int], Parts]] = {"hit": hit, "ndcg": single_target_ndcg}
Tests = tuple[Sequences, Ints]


class WideValidation(SequenceValidation):
    """More held-back products, for smaller intervals."""

    MAX_SEQUENCES = VALIDATION


def make(spec: str, common: str, seed: int) -> TrainedSequenceModel:
    """A mechanism by `name` or `name:key=value,...`, with further settings for all."""
    name, given = split_spec(spec)
    kind = MECHANISMS[name]
    values: dict[str, Any] = {"seed": seed, "validation_share": 0.25}
    values |= dict(item.split("=", 1) for item in f"{common},{given}".split(",") if item)
    return kind(kind.make_config(values))


def target_ranks(case: NextProductCase, model: SessionModel, tests: Tests) -> Ints:
    """(t,) ranks of the targets among all products."""
    return replace(case, prefixes=tests[0], targets=tests[1]).answer(model)["ranks"]


def summary(ranks: Ints) -> dict[str, float]:
    """Means of the metrics of METRICS at 10 and 20."""
    return {
        f"{name}@{k}": round(float(metric(ranks, k).mean()), 5)
        for name, metric in METRICS.items()
        for k in (10, 20)
    }


def difference(ranks: Ints, plain: Ints) -> dict[str, Any]:
    """hit@10 and nDCG@10 minus those of `sasrec`, with intervals."""
    rows, ones = np.arange(len(ranks)), np.ones(len(ranks))
    return {
        f"{name}@10": {
            key: round(value, 5)
            for key, value in asdict(
                paired_bootstrap(
                    PerSource(rows, metric(ranks, 10), ones),
                    PerSource(rows, metric(plain, 10), ones),
                )
            ).items()
        }
        for name, metric in METRICS.items()
    }


def measure(case: NextProductCase, model: TrainedSequenceModel, folder: Path) -> dict[str, Any]:
    """Train a model; its settings and figures. Ranks and arrays are stored in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    model.set_checkpoints(folder, lambda line: print(line, flush=True))
    started = processor_seconds()
    case.fit(model)
    seconds = processor_seconds() - started
    model.save(folder)
    held_back = WideValidation(case.train, model.config.validation_share, model.config.seed)
    tests = {
        "validation": (held_back.prefixes, held_back.targets),
        "test": (case.prefixes, case.targets),
    }
    ranks = {name: target_ranks(case, model, those) for name, those in tests.items()}
    np.savez(folder / "ranks.npz", **ranks)
    slices = case.measure({"ranks": ranks["test"]}).values()
    figures: dict[str, Any] = {
        "settings": model.config.model_dump(),
        "fit_seconds": round(seconds, 1),
        "epochs": [round(epoch["validation"], 4) for epoch in model.history],
        "validation": summary(ranks["validation"]),
        "test": summary(ranks["test"])
        | {name: round(slices[name] or 0.0, 5) for name in slices if name.startswith("hit@10.")},
    }
    if isinstance(model, Matryoshka):
        for size in model.sizes[1:]:
            model.size = size
            figures[f"test at {size} dimensions"] = summary(
                target_ranks(case, model, tests["test"])
            )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder of tables with sequences")
    parser.add_argument("--models", default="+".join(MECHANISMS), help="joined by +")
    parser.add_argument("--common", default="", help="settings of all models, key=value,...")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, required=True, help="folder of models and ranks")
    parser.add_argument("-o", "--out", type=Path, required=True, help="JSON file to add to")
    given = parser.parse_args()
    trained_sequence_model.SequenceValidation = WideValidation  # type: ignore[misc]
    data = BenchmarkData(load_data(given.data), Settings())
    protocol = leave_one_out if data.dataset.test is None else predefined_test
    (case,) = protocol(data, given.seed)
    run = {"data": data.dataset.name, "seed": given.seed, "common": given.common}
    content: dict[str, Any] = {**run, "models": {}}
    if given.out.exists():
        content = json.loads(given.out.read_text(encoding="utf-8"))
        stored = {key: content[key] for key in run}
        if stored != run:
            parser.error(f"{given.out} is of {stored}, not of {run}: name another file")
    plain, specs = given.work / "sasrec" / "ranks.npz", given.models.split("+")
    if not plain.exists():  # every other model is compared with it
        content["models"].pop("sasrec", None)
        specs = ["sasrec", *(spec for spec in specs if spec != "sasrec")]
    for spec in specs:
        if spec in content["models"]:
            continue
        model, folder = make(spec, given.common, given.seed), given.work / spec.replace(":", "-")
        figures = measure(case, model, folder)
        if spec != "sasrec":
            with np.load(plain) as plain_ranks, np.load(folder / "ranks.npz") as ranks:
                for name in ranks:
                    figures[f"{name} minus sasrec"] = difference(ranks[name], plain_ranks[name])
        content["models"][spec] = figures
        write_json(content, given.out)
        print(spec, figures["validation"], figures["test"], flush=True)


if __name__ == "__main__":
    main()
