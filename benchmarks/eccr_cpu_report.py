"""The table of benchmarks/eccr_cpu.py: `python benchmarks/eccr_cpu_report.py WORK OUT DATA`.

Every row, baselines too, is of the same lists; into results/eccr-cpu.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from eccr_cpu import NAME, SUBSET
from eccr_data import read, split
from eccr_report import BASELINES, REACH, WEIGHT, _moves, _rise
from goeswith.evaluation.bootstrap import paired_bootstrap
from goeswith.evaluation.metrics import PerSource
from goeswith.language.eccr.attack import moved
from goeswith.language.eccr.lists import KINDS, list_metrics
from goeswith.ranking.rerank import new_order

RESULTS = Path(__file__).parent / "results"


def main(work: Path, out: Path, data: Path) -> None:
    trained = np.load(out / "results.npz")
    facts = json.loads((out / "results.json").read_text(encoding="utf-8"))
    kept, case = np.load(work / f"{NAME}-kept.npz"), np.load(work / f"{NAME}.npz")
    rows = trained["rows"]
    sources = case["test_sources"][rows]
    scores = {m: kept[f"test|{m}"][rows] for m in BASELINES}
    scores |= {
        key.removesuffix("|test"): trained[key] for key in trained.files if key.endswith("|test")
    }
    ndcg = {m: list_metrics(s) for m, s in scores.items()}
    table = {m: {k: float(v.mean()) for k, v in found.items()} for m, found in ndcg.items()}

    def per_source(model: str) -> PerSource:
        return PerSource(sources, ndcg[model]["ndcg@5"], np.ones(len(sources)))

    compared = {
        f"whole less {m}": vars(paired_bootstrap(per_source("whole"), per_source(m)))
        for m in scores
        if m != "whole"
    }
    above: dict[str, float] = {}
    for number, kind in enumerate(KINDS):
        here = case["test_kinds"][rows] == number
        if number and here.any():
            above[kind] = float((scores["whole"] > scores["whole"][:, :1])[here].mean())
    found: dict[str, Any] = {
        "command": "python benchmarks/eccr_cpu.py WORK PACKED OUT",
        "what": f"one seed, a cut plan, {SUBSET} lists of as many test sources of {NAME}; "
        "every row is of these lists",
        **facts,
        "lists": table,
        "compared_ndcg@5": compared,
        "whole_puts_above_the_complement": above,
    }
    if "whole|attack|slates" in trained.files:
        found["hostile"] = hostile(trained, case)
    if "whole|slates" in trained.files:
        found["coherent"] = coherent(trained, case, kept, work, data)
    text = json.dumps(found, indent=1, default=float)
    (RESULTS / "eccr-cpu.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def hostile(trained: Any, case: Any) -> dict[str, Any]:
    """Moves in slates of ten: by the model's score alone, and as they are shown."""
    slate = trained["whole|attack|slates"]
    place = case["attack_place"][: len(slate)]
    table = {}
    for key in trained.files:
        if key.startswith("whole|attack|in place|"):
            score = trained[key]
            table[key.rpartition("|")[2]] = {
                "by_score": _moves(moved(slate, place, score)),
                "re-ranked": _moves(_rise(slate, place, score)),
            }
    return table


def coherent(trained: Any, case: Any, kept: Any, work: Path, data: Path) -> dict[str, Any]:
    """Top 5 of the first sources: the default slate, and the same ten products in a new order."""
    opinions = trained["whole|slates"]
    queries, slates = case["slate_sources"][: len(opinions)], case["slates"][: len(opinions), :10]
    held = np.where(slates >= 0, opinions, -np.inf)
    shown = {
        model: kept[f"top|{model}"][: len(queries), :5]
        for model in ("raw co-purchase", "p_companion", "daemon", "ranker")
    }
    for name, weight, reach in (("re-ranked", WEIGHT, REACH), ("by the model alone", 1.0, None)):
        order = new_order(held, weight=weight, reach=reach)
        shown[name] = np.take_along_axis(slates, order, axis=1)[:, :5]
    parts = split(read(data / NAME.rpartition("-")[0]), 0)
    codes, n = parts.pairs.catalog.type_codes, len(parts.pairs.catalog)
    bundled = parts.pairs.bundled
    file = work / f"{NAME}-judged.npz"
    said: dict[tuple[int, int], int] = {}
    if file.exists():
        judged = np.load(file)
        pairs = zip(judged["source"].tolist(), judged["target"].tolist(), strict=True)
        said = dict(zip(pairs, judged["said"].argmax(axis=1).tolist(), strict=True))
    table: dict[str, Any] = {"sources": len(queries)}
    for model, top in shown.items():
        source, target = np.repeat(queries, 5), top.ravel()
        source, target = source[target >= 0], target[target >= 0]
        two = codes[source] != codes[target]
        table[model] = {
            "rules": (parts.rules.coherent(source, target) & two).mean(),
            "same_type": (~two).mean(),
        }
        if bundled is not None:
            keys = source.astype(np.int64) * n + target
            table[model]["bundled"] = np.isin(keys, bundled[0] * n + bundled[1]).mean()
        told = [said.get((int(s), int(t))) for s, t in zip(source, target, strict=True)]
        if told and None not in told:
            table[model]["judge_complement"] = float(np.mean([k == 1 for k in told]))
            table[model]["judge_substitute"] = float(np.mean([k == 0 for k in told]))
    return table


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
