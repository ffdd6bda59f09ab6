"""Recommenders that read product text, in one table with `sasrec`: the next product of a shopper.

    python benchmarks/text_recommenders.py DATA --encoder ENCODER --work WORK -o RESULTS.json

Models are those of this file's MODELS and of `goeswith benchmark --protocol leave_one_out`, with
the same split and metrics. In settings, ENCODER stands for the folder of a sentence encoder:
`sasrec:items=text,sentence_encoder=ENCODER`. Figures are stored after each model and seed, and what
is stored is not trained again. `--other` names catalogues with sessions, for models that need no
more of a catalogue than its text: the last product of a session is ranked given the others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from goeswith.core.atomic_files import write_json
from goeswith.core.errors import DataError
from goeswith.core.ndcg import single_target_ndcg
from goeswith.data.folder import load_data
from goeswith.evaluation.bootstrap import paired_bootstrap
from goeswith.evaluation.metrics import Parts, PerSource
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.next_product import NextProductCase, hit, leave_one_out
from goeswith.models.base import ModelConfig
from goeswith.models.registry import split_spec
from goeswith.sequential import SESSION_MODELS
from goeswith.sequential.base import SessionModel
from goeswith.sequential.sequences import Ints, Sequences
from goeswith.settings.sections import Settings

sys.path.insert(0, str(Path(__file__).parent))

from next_basket import processor_seconds
from text_adapters import Adapter, XCross
from text_alignment import ALlmRec
from text_baselines import Popularity, TitleSimilarity
from text_codes import CodedTiger
from text_graph import AlphaRec
from text_hypergraph import Mmhcl
from text_keywords import Keywords
from text_preferences import Preferences
from text_tools import AttributeTools
from text_transformer import Hllm, SlmRec

MODELS: dict[str, type[SessionModel]] = {
    kind.name: kind
    for kind in (
        Popularity,
        TitleSimilarity,
        AlphaRec,
        Mmhcl,
        Hllm,
        SlmRec,
        Adapter,
        XCross,
        ALlmRec,
        CodedTiger,
        Keywords,
        AttributeTools,
        Preferences,
    )
}
PLAIN = "sasrec:items=ids"
"""Other models are compared with it."""
METRICS: dict[str, Callable[[Ints, int], Parts]] = {"hit": hit, "ndcg": single_target_ndcg}


def make(spec: str, encoder: str, seed: int) -> SessionModel:
    """A model by `name` or `name:key=value,...`."""
    name, given = split_spec(spec.replace("ENCODER", encoder))
    kind = MODELS.get(name) or SESSION_MODELS.find(name)
    values: dict[str, Any] = {"seed": seed} if has_seed(kind.Config) else {}
    values |= dict(item.split("=", 1) for item in given.split(",") if item)
    return kind(kind.make_config(values))


def has_seed(config: type[ModelConfig]) -> bool:
    """Whether a model draws anything."""
    return "seed" in config.model_fields


def tests_of(case: NextProductCase) -> dict[str, NextProductCase]:
    """The tests of a case, and the same shoppers with one purchase, the last."""
    return {"test": case, "one purchase": replace(case, prefixes=case.prefixes.tail(1))}


def session_case(folder: Path) -> NextProductCase:
    """The last product of each session of another catalogue, given the others."""
    data = load_data(folder)
    if data.sessions is None:
        raise DataError(f"{folder} has no table `sessions`: name a catalogue that has one")
    runs = data.sessions.group_by("session_id", maintain_order=True)
    products = runs.agg(pl.col("product").unique(maintain_order=True))["product"]
    sessions = [run for run in products.to_list() if len(run) > 1]
    prefixes, targets = Sequences.from_rows(sessions).split_last()
    return NextProductCase(data.catalog, prefixes, prefixes, targets)


def summary(case: NextProductCase, ranks: Ints) -> dict[str, float]:
    """Means of METRICS at 10; hits by popularity and for products without purchases."""
    values = {f"{name}@10": float(of(ranks, 10).mean()) for name, of in METRICS.items()}
    slices = case.measure({"ranks": ranks}).values()
    values |= {name: slices[name] or 0.0 for name in slices if name.startswith("hit@10.")}
    new = ~np.isin(case.targets, case.train.products)
    values["hit@10.new"] = float(hit(ranks, 10)[new].mean()) if new.any() else 0.0
    return {name: round(value, 5) for name, value in values.items()}


def measure(
    case: NextProductCase, others: Mapping[str, NextProductCase], model: SessionModel, out: Path
) -> dict[str, Any]:
    """Train a model; its figures. Ranks are stored in the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    if has_seed(model.Config):  # an interrupted training goes on where it was
        model.set_checkpoints(out, lambda line: print(line, flush=True))
    started = processor_seconds()
    case.fit(model)
    figures: dict[str, Any] = {"fit_seconds": round(processor_seconds() - started, 1)}
    if hasattr(model, "history"):
        figures["epochs"] = len(model.history)
    ranks = {}
    for name, tests in tests_of(case).items():
        ranks[name] = tests.answer(model)["ranks"]
        figures[name] = summary(tests, ranks[name])
    for name, tests in others.items():
        elsewhere = on_catalogue(model, tests)
        if elsewhere is not None:
            ranks[name] = tests.answer(elsewhere)["ranks"]
            figures[name] = {
                f"{metric}@10": round(float(of(ranks[name], 10).mean()), 5)
                for metric, of in METRICS.items()
            }
    if hasattr(model, "more_figures"):
        figures |= model.more_figures(case)
    np.savez(out / "ranks.npz", **ranks)
    return figures


def on_catalogue(model: SessionModel, tests: NextProductCase) -> SessionModel | None:
    """A model over another catalogue; None if it reads more than text.

    Popularity is counted in the other sessions, and item-kNN learns from them: they are not
    models of text, and show what a log is worth. Their counts include the prefix of the test, not
    its target.
    """
    if model.name in ("popularity", "item_knn"):
        return tests.fit(type(model)(model.config))
    items_are_text = getattr(model.config, "items", None) == "text"
    if getattr(model, "reads_only_text", items_are_text):
        return model.for_catalog(tests.catalog)
    return None


def differences(work: Path, spec: str, plain: str) -> dict[str, Any]:
    """Metrics of a model minus those of `plain`, with 95 % intervals, over the same seeds."""
    both = [ranks_by_seed(work, name) for name in (spec, plain)]
    seeds = sorted(set(both[0]) & set(both[1])) or sorted(both[1])
    gaps: dict[str, Any] = {}
    for tests in ("test", "one purchase"):
        first, second = (
            [(ranks.get(seed) or ranks[min(ranks)])[tests] for seed in seeds] for ranks in both
        )
        rows = np.tile(np.arange(len(first[0])), len(seeds))
        for name, metric in METRICS.items():
            parts = [
                PerSource(rows, metric(np.concatenate(ranks), 10), np.ones(len(rows)))
                for ranks in (first, second)
            ]
            gap = asdict(paired_bootstrap(parts[0], parts[1]))
            gaps[f"{tests} {name}@10"] = {key: round(value, 5) for key, value in gap.items()}
    return gaps


def ranks_by_seed(work: Path, spec: str) -> dict[int, dict[str, Ints]]:
    """Stored ranks of a model: seed -> tests -> ranks."""
    found = {}
    for folder in work.glob(f"{folder_name(spec)}/*/ranks.npz"):
        with np.load(folder) as ranks:
            found[int(folder.parent.name)] = {name: ranks[name] for name in ranks}
    return found


def folder_name(spec: str) -> str:
    return spec.replace(":", "-").replace("/", "-")


def mean_over_seeds(seeds: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation of each figure over seeds."""
    parts = list(seeds.values())
    result: dict[str, Any] = {}
    for tests, values in parts[0].items():
        if isinstance(values, dict):
            for name in values:
                numbers = [part[tests][name] for part in parts]
                result.setdefault(tests, {})[name] = {
                    "mean": round(float(np.mean(numbers)), 5),
                    "std": round(float(np.std(numbers, ddof=1)), 5) if len(numbers) > 1 else 0.0,
                }
    return result


def read_results(file: Path, empty: dict[str, Any]) -> dict[str, Any]:
    """The stored results, or `empty`."""
    stored: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return stored or empty


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder of tables with sequences and titles")
    parser.add_argument("--models", default="+".join(MODELS), help="joined by +")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--encoder", required=True, help="folder of a sentence encoder")
    parser.add_argument(
        "--other", type=Path, nargs="*", default=[], help="catalogues with sessions"
    )
    parser.add_argument("--work", type=Path, required=True, help="folder of ranks")
    parser.add_argument("-o", "--out", type=Path, required=True, help="JSON file to add to")
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = BenchmarkData(load_data(given.data), Settings())
    (case,) = leave_one_out(data, 0)
    others = {folder.name: session_case(folder) for folder in given.other}
    run = {"data": data.dataset.name, "encoder": Path(given.encoder).name}
    empty: dict[str, Any] = {**run, "tests": len(case.targets), "models": {}}
    empty["sessions"] = {name: len(tests.targets) for name, tests in others.items()}
    for spec in given.models.split("+"):
        for seed in given.seeds:
            content = read_results(given.out, empty)
            if (stored := {key: content[key] for key in run}) != run:
                parser.error(f"{given.out} is of {stored}, not of {run}: name another file")
            seeds = content["models"].get(spec, {"seeds": {}})["seeds"]
            model = make(spec, given.encoder, seed)
            if str(seed) in seeds or (seeds and not has_seed(model.Config)):
                continue
            folder = given.work / folder_name(spec) / str(seed)
            figures = measure(case, others, model, folder)
            content = read_results(given.out, empty)  # another run may have added to it
            entry = content["models"].setdefault(spec, {"seeds": {}})
            entry["seeds"][str(seed)] = figures
            entry["settings"] = {
                key: Path(value).name if value == given.encoder else value
                for key, value in model.config.model_dump().items()
                if key != "seed"
            }
            entry["mean"] = mean_over_seeds(entry["seeds"])
            if ranks_by_seed(given.work, PLAIN):
                entry[f"minus {PLAIN}"] = differences(given.work, spec, PLAIN)
            write_json(content, given.out)
            print(spec, seed, figures, flush=True)


if __name__ == "__main__":
    main()
