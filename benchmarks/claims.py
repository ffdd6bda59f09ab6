"""What the papers claim, confirmed or refuted here: `python benchmarks/claims.py amazon-beauty`.

A claim is a few comparisons between arms: a model, the signal that it learns from, and a protocol,
on the splits of `goeswith benchmark`. It is confirmed where every comparison comes out as claimed
in the mean over seeds, refuted where none does. Trained arms that are compared have equal epochs.
Figures are kept after every fit, so that a run that was stopped goes on where it was; arms that
the tables beside this file have measured already are read from there.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from goeswith.core.arrays import Rows, entry_rows
from goeswith.core.atomic_files import write_text
from goeswith.data.folder import load_data
from goeswith.evaluation.protocols import protocol
from goeswith.evaluation.protocols.case import BenchmarkData, GraphCase
from goeswith.evaluation.protocols.cold_start_protocol import ColdCase
from goeswith.evaluation.protocols.held_out_edges import EdgesCase
from goeswith.models import make_model, model_class
from goeswith.models.neural.p_companion import PCompanion
from goeswith.models.neural.typed_vectors import TypedVectors
from goeswith.models.registry import model_name
from goeswith.relations.graph import RelationGraph, Signals
from goeswith.relations.relation import CO_PURCHASE, Relation
from goeswith.settings.sections import Settings
from paper_claims import SLATES, Arm, Claim, claims

RESULTS = Path(__file__).parent / "results"
DATA = Path(__file__).parents[2] / "shared" / "data"


def measure(ground: BenchmarkData, arm: Arm, seed: int) -> dict[str, float]:
    """Fit an arm on one split, and every figure of it."""
    (case,) = protocol(arm.protocol)(ground, seed)
    name = model_name(arm.spec)
    seeded = "seed" in model_class(name).Config.model_fields
    model = make_model(arm.spec, {name: {"seed": seed}} if seeded else {})
    model.fit(case.catalog, with_signal(case.train, arm.signal))
    values = case.measure(case.answer(model)).values()
    if isinstance(model, PCompanion):
        values |= slate_hits(case, model) | type_hits(case, model)
    return {metric: value for metric, value in values.items() if value is not None}


def with_signal(graph: RelationGraph, signal: str) -> RelationGraph:
    """The graph with other complement edges; see `Arm.signal`."""
    if signal == "cleaned":
        return graph
    if signal == "raw":
        return replace(graph, signals=Signals(graph[CO_PURCHASE], graph.similars))
    both = graph.complements.count.maximum(graph.complements.count.T).tocsr()
    return replace(graph, signals=Signals(Relation(both), graph.similars))


def slate_hits(case: GraphCase, model: TypedVectors) -> dict[str, float]:
    """Share of test pairs whose target is in the slate of its source."""
    if not isinstance(case, EdgesCase):
        return {}
    found = {}
    sources, place = np.unique(case.sources, return_inverse=True)
    for types, items in SLATES:
        slate = model.slate(sources, types, items, exclude=case.train.complements.count)
        hit = (slate.products[place] == case.targets[:, None]).any(axis=1)
        found[f"slate_hit@60.{types}x{items}"] = float(hit.mean())
    return found


def type_hits(case: GraphCase, model: TypedVectors) -> dict[str, float]:
    """Share of test pairs whose target's type is among three that were predicted.

    By the model; by the types that most training edges lead to; and by those that most training
    edges from the source's type lead to.
    """
    if isinstance(case, ColdCase):
        sources, targets = entry_rows(case.from_cold), case.from_cold.indices
    else:
        assert isinstance(case, EdgesCase)
        sources, targets = case.sources, case.targets
    rows, place = np.unique(sources, return_inverse=True)
    types, edges = model.types, case.train.complements
    between = np.zeros((len(model.type_names),) * 2)
    np.add.at(between, (types[edges.sources], types[edges.targets]), 1)
    overall = np.argsort(-between.sum(axis=0), kind="stable")[:3]
    by_type = np.argsort(-between, axis=1, kind="stable")[:, :3]

    def share(predicted: Rows) -> float:
        return float((predicted == types[targets][:, None]).any(axis=1).mean())

    return {
        "predicted_type_hit@3": share(model.slate(rows, 3, 1).types[place]),
        "frequent_type_hit@3": share(overall[None]),
        "frequent_type_hit@3.by_type": share(by_type[types[sources]]),
    }


def from_tables(data: str, seeds: list[int]) -> dict[str, dict[str, list[float]]]:
    """Figures by seed of the arms that `goeswith benchmark` has measured on these seeds."""
    found = {}
    for path in sorted(RESULTS.glob(f"{data}*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        for table in content.get("protocols", [content]):
            for result in table["results"] if table["seeds"] == seeds else []:
                key = Arm("", result["model"], table["protocol"]).key
                found[key] = {name: m["per_seed"] for name, m in result["metrics"].items()}
    return found


def judge(claim: Claim, figures: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """A claim's verdict, and its comparisons with mean, spread and seeds that agree."""
    rows = []
    for each in claim.comparisons:
        better = np.array(figures[each.better.key][each.metric])
        worse = np.array(figures[each.worse.key][each.other_metric or each.metric])
        gap = (worse - better) if each.lower else (better - worse)
        rows.append(
            {
                "metric": each.metric.partition(".")[0],
                "lower_is_better": each.lower,
                "claimed_better": each.better.label,
                "claimed_worse": each.worse.label,
                "better": [float(better.mean()), _spread(better)],
                "worse": [float(worse.mean()), _spread(worse)],
                "seeds": len(gap),
                "seeds_agree": int((gap > 0).sum()),
                "holds": bool(gap.mean() > 0),
            }
        )
    held = [row["holds"] for row in rows]
    verdict = "confirmed" if all(held) else "partly" if any(held) else "refuted"
    return {"claim": claim.says, "verdict": verdict, "comparisons": rows}


def _spread(values: np.ndarray[Any, Any]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def run(data: Path, seeds: list[int], names: list[str], out: Path) -> None:
    """Measure what the file does not hold yet, and write the verdicts."""
    kept = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    if kept.get("seeds") not in (None, seeds):
        raise SystemExit(f"{out} holds seeds {kept['seeds']}: name the same, or another --json")
    figures: dict[str, dict[str, list[float]]] = kept.get("figures", {})
    verdicts: dict[str, Any] = kept.get("claims", {})
    ground = BenchmarkData(load_data(data), Settings())

    def keep() -> None:
        content = {"data": data.name, "seeds": seeds, "claims": verdicts, "figures": figures}
        write_text(json.dumps(content, indent=1) + "\n", out)

    for claim in claims():
        if names and claim.name not in names:
            continue
        for arm in claim.arms:
            needs = {each.metric for each in claim.comparisons if each.better.key == arm.key}
            needs |= {
                each.other_metric or each.metric
                for each in claim.comparisons
                if each.worse.key == arm.key
            }
            if not needs <= set(figures.get(arm.key, ())):
                known = from_tables(data.name, seeds).get(arm.key, {})
                figures[arm.key] = known if needs <= set(known) else _by_seed(ground, arm, seeds)
            keep()
        verdicts[claim.name] = judge(claim, figures)
        keep()
        print(markdown_claim(claim.name, verdicts[claim.name]), flush=True)


def _by_seed(ground: BenchmarkData, arm: Arm, seeds: list[int]) -> dict[str, list[float]]:
    each = []
    for seed in seeds:
        print(f"seed {seed}: {arm.key}", flush=True)
        each.append(measure(ground, arm, seed))
    return {metric: [values[metric] for values in each] for metric in each[0]}


def markdown_claim(name: str, verdict: dict[str, Any]) -> str:
    """A claim and its comparisons as a table."""
    lines = [
        f"**{verdict['claim']}** (`{name}`): {verdict['verdict']}.",
        "",
        "| metric | claimed better | | claimed worse | | seeds agree |",
        "|---|---|---:|---|---:|---:|",
    ]
    for row in verdict["comparisons"]:
        better, worse = (
            f"{mean:.3f}" + (f" ± {spread:.3f}" if row["seeds"] > 1 else "")
            for mean, spread in (row["better"], row["worse"])
        )
        metric = row["metric"] + (" (lower is better)" if row["lower_is_better"] else "")
        lines.append(
            f"| {metric} | {row['claimed_better']} | {better} | {row['claimed_worse']} | {worse} "
            f"| {row['seeds_agree']} of {row['seeds']} |"
        )
    return "\n".join(lines)


def markdown(path: Path) -> str:
    """All claims of a result file, as docs/benchmarks/claims.md holds them."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return "\n\n".join(markdown_claim(*item) for item in content["claims"].items())


def verdicts(path: Path) -> str:
    """Every claim of a result file with its verdict, a row each."""
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = [f"| {each['claim']} | {each['verdict']} |" for each in content["claims"].values()]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", default="amazon-beauty", help="folder, or name of one")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--claims", default="", help="names with commas between; all if left out")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    data = Path(options.data) if Path(options.data).is_dir() else DATA / options.data
    out = options.json or RESULTS / f"claims-{data.name}.json"
    names = [name for name in options.claims.split(",") if name]
    run(data, [int(seed) for seed in options.seeds.split(",")], names, out)


if __name__ == "__main__":
    main()
