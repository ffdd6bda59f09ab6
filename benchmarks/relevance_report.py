"""Tables of what `relevance_train.py` left: branches, regions, people's bundles.

    python benchmarks/relevance_report.py ../shared/data PREPARED RUN [RUN ...]

Each RUN is a folder of one machine's experiments. Trees over both branches (the ensemble) are
grown here, on pairs of valid; people's bundles are compared with the ranker's judge of pairs, and
with the mean of both places. Into results/relevance-branches.json, -regions.json, -bundles.json.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from safetensors.numpy import load_file
from scipy.stats import rankdata
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score

from goeswith.core.arrays import Floats
from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.human_bundles import gold
from goeswith.language.salam.behaviour_graph import BehaviourGraph, NodePairs
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.ensemble import Ensemble
from goeswith.models import make_model
from goeswith.settings.sections import Settings
from relevance_train import BUNDLES, REGIONS, Prepared, behaviour, scores

RESULTS = Path(__file__).parent / "results"
CLASSES = ("substitute", "complement", "irrelevant")


def experiments(runs: list[Path]) -> dict[str, dict[str, Any]]:
    """Name -> what an experiment said; `all.json` holds those of a run that was put together."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        for file in sorted(run.glob("*.json")):
            said = json.loads(file.read_text())
            found |= said if file.stem == "all" else {file.stem: said}
    return found


def summary(values: list[dict[str, Any]]) -> dict[str, Any]:
    per_seed = [v["macro_f1"] for v in values]
    return {
        "macro_f1": float(np.mean(per_seed)),
        "std": float(np.std(per_seed)),
        "per_seed": per_seed,
        "micro_f1": float(np.mean([v["micro_f1"] for v in values])),
        "f1": dict(zip(CLASSES, np.mean([v["f1"] for v in values], axis=0).tolist(), strict=True)),
    }


def ensemble(prepared: Prepared, file: Path, name: str, seed: int) -> dict[str, Any]:
    """Trees over both branches, grown on valid, asked of test."""
    split, kept = prepared.region(name, seed), load_file(file)
    said = {
        part: {k.split("/")[1]: v.astype(np.float32) for k, v in kept.items() if k.startswith(part)}
        for part in ("valid", "test")
    }
    trees = Ensemble.fit(said["valid"], split.inference_graph, split.valid, 3, seed)
    return scores(
        trees.probabilities(said["test"], split.inference_graph, split.test), split.test.labels
    )


def simple(prepared: Prepared, name: str, seed: int, paths: bool) -> dict[str, Any]:
    """No network: trees over how alike the words of both ends are, and over typed paths."""
    split = prepared.region(name, seed)
    texts = json.loads((prepared.folder / f"{name}.json").read_text())
    words = TfidfVectorizer(sublinear_tf=True).fit_transform(texts)

    def columns(pairs: NodePairs, known: BehaviourGraph) -> Floats:
        cosine = words[pairs.left].multiply(words[pairs.right]).sum(axis=1)
        same = [texts[i] == texts[j] for i, j in zip(pairs.left, pairs.right, strict=True)]
        parts = [np.asarray(cosine).reshape(-1, 1), np.array(same)[:, None]]
        return np.concatenate([*parts, *([known.paths(pairs)] if paths else [])], axis=1)

    trees = lightgbm.LGBMClassifier(
        n_estimators=300,
        num_leaves=31,
        learning_rate=0.05,
        class_weight="balanced",
        random_state=seed,
        n_jobs=1,
        verbosity=-1,
    )
    trees.fit(columns(split.train, split.training_graph), split.train.labels)
    return scores(
        trees.predict_proba(columns(split.test, split.inference_graph)), split.test.labels
    )


def branches(prepared: Prepared, runs: list[Path]) -> dict[str, Any]:
    table: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for said in experiments(runs).values():
        if said["what"] == "branch":
            last = list(said["test"])[-1]
            table[said["data"]][said["branch"]].append(said["test"][last])
    for name in REGIONS:
        for seed in range(3):
            for which, paths in (("alike words", False), ("alike words and paths", True)):
                table[name][f"trees over {which}"].append(simple(prepared, name, seed, paths))
            for run in runs:
                file = run / f"branch-{name}-{seed}-both.safetensors"
                if file.exists() and any(k.startswith("valid") for k in load_file(file)):
                    table[name]["both, trees over them"].append(
                        ensemble(prepared, file, name, seed)
                    )
    return {n: {b: summary(v) for b, v in lines.items()} for n, lines in table.items()}


def speed(runs: list[Path]) -> dict[str, Any]:
    """Least and most of what processes that shared the device trained and asked."""
    said = [e for e in experiments(runs).values() if e.get("branch") == "both"]
    names = ("trained_pairs_per_second", "pairs_per_second", "gpu_megabytes")
    found = {name: [e[name] for e in said if e.get(name)] for name in names}
    return {name: [min(values), max(values)] for name, values in found.items() if values}


def regions(runs: list[Path]) -> dict[str, Any]:
    table: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for said in experiments(runs).values():
        if said["what"] == "regions":
            for how, figures in said["test"].items():
                name = f"{said['data']}, {said['share']:.0%}"
                table[name][f"{said.get('branch', 'both')}, {how}"].append(figures)
    return {n: {b: summary(v) for b, v in lines.items()} for n, lines in sorted(table.items())}


def bundles(
    data: Path, prepared: Prepared, runs: list[Path], sentences: str | None
) -> dict[str, Any]:
    """AUC of pairs of a session that were bundled, mean over five folds."""
    found: dict[str, Any] = {}
    for name in BUNDLES:
        dataset = load_data(data / name)
        types = dataset.catalog.frame["type"].to_numpy()
        arrays = prepared.arrays(name)
        folds: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for number, case in enumerate(gold(BenchmarkData(dataset, Settings()), 0)):
            pairs = prepared.pairs(arrays, f"{number}/test")
            assert (case.sources == pairs.left).all()
            assert not behaviour(arrays, f"{number}/seen").holds(pairs).any()
            ranker = case.answer(make_model("ranker").fit(dataset.catalog, case.train))["scores"]
            ways = {"ranker's judge of pairs": ranker}
            if sentences is not None:
                titles = make_model(
                    f"attribute_similarity:column=title,sentence_encoder={sentences}"
                )
                ways["similarity of titles, sentence encoder"] = case.answer(
                    titles.fit(dataset.catalog, case.train)
                )["scores"]
            for run in runs:
                for which in ("language", "both"):
                    file = run / f"bundles-{name}-{number}-{which}.safetensors"
                    if file.exists():
                        ways |= {
                            f"SALAM, {which}": load_file(file)[
                                "fused" if which == "both" else "language"
                            ]
                        }
            ways["both judges, mean of places"] = rankdata(ranker) + rankdata(ways["SALAM, both"])
            apart = types[case.sources] != types[case.targets]
            for way, said in ways.items():
                folds[way].append(
                    (
                        float(roc_auc_score(case.bundled, said)),
                        float(roc_auc_score(case.bundled[apart], said[apart])),
                    )
                )
        found[name] = {
            way: dict(zip(("auc", "auc_types_apart"), np.mean(v, axis=0).tolist(), strict=True))
            for way, v in folds.items()
        }
    return found


def lines(table: dict[str, Any]) -> str:
    said = [
        "| data | model | macro-F1 | substitute | complement | irrelevant |",
        "|---|---|---|---|---|---|",
    ]
    for name, models in table.items():
        for model, f in models.items():
            each = " | ".join(f"{f['f1'][c]:.3f}" for c in CLASSES)
            seeds = len(f["per_seed"])
            said.append(
                f"| {name} | {model} | {f['macro_f1']:.3f} ± {f['std']:.3f} ({seeds}) | {each} |"
            )
    return "\n".join(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--sentences", help="folder of a sentence encoder, such as minilm")
    parser.add_argument("--tables", default="branches,regions,bundles")
    given = parser.parse_args()
    prepared = Prepared(given.prepared, SalamConfig(), 10**9)
    command = "python benchmarks/relevance_prepare.py, relevance_train.py, relevance_report.py"
    judge = experiments(given.runs).get("judge", {})
    about = {
        "command": command,
        "config": {k: v for k, v in judge.get("config", {}).items() if k != "encoder"},
        "encoder": "multilingual-e5-small",
    }
    if "branches" in given.tables:
        table = branches(prepared, given.runs)
        said = {**about, "speed": speed(given.runs), "results": table}
        write_json(said, RESULTS / "relevance-branches.json")
        print(lines(table))
    if "regions" in given.tables:
        table = regions(given.runs)
        write_json({**about, "results": table}, RESULTS / "relevance-regions.json")
        print(lines(table))
    if "bundles" in given.tables:
        table = bundles(given.data, prepared, given.runs, given.sentences)
        write_json({**about, "results": table}, RESULTS / "relevance-bundles.json")
        for name, ways in table.items():
            for way, f in ways.items():
                print(f"| {name} | {way} | {f['auc']:.3f} | {f['auc_types_apart']:.3f} |")


if __name__ == "__main__":
    main()
