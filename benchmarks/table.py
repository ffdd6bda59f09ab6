"""Tables of the documentation, from the figures under benchmarks/results.

`python benchmarks/table.py NAME` prints one of them as Markdown:

    edges, cold     every model on the product graphs: docs/benchmarks/results.md
    summary         nDCG@10 of some models, the best first: README.md and docs/benchmarks/results.md
    costs           time and memory of a fit: docs/explanation/evaluation.md
    next_products   models of the next product: docs/models/next_product.md

Without a name it prints all of results.md. A test compares the pages with what this prints.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
DATA = ("amazon-beauty", "amazon-clothing", "amazon-grocery")
EDGES = {
    "ndcg@10": "nDCG@10",
    "hit@10": "hit@10",
    "type_hit@3": "type hit@3",
    "direction_accuracy": "direction",
    "substitutes@10": "substitutes",
    "types@10": "types",
    "coverage@10": "coverage",
    "ece@10": "calibration error",
}
SUMMARY = {
    "ranker": "`ranker`, the default where data have views or lists",
    "cocitation:relation=co_purchase,alternatives=false": (
        "`cocitation` over all co-purchases, without known substitutes"
    ),
    "ease:relation=co_purchase,alternatives=false,l2=100": (
        "`ease` over all co-purchases, without known substitutes"
    ),
    "ease:relation=co_purchase,alternatives=false,l2=100,order=true": (
        "`ease` over all co-purchases, weighted by rank in the list, without known substitutes"
    ),
    "slim:relation=co_purchase,alternatives=false": (
        "`slim` over all co-purchases, without known substitutes"
    ),
    "directed_propagation": "`directed_propagation`, a trained graph model",
    "ease": "`ease`",
    "popularity": "`popularity`",
}
"""Models of the small table -> how its rows name them."""


def figure(metrics: dict[str, dict[str, Any] | None], name: str) -> str:
    """A metric's mean with its spread over seeds; a dash where it does not apply."""
    metric = metrics.get(name)
    if not metric:
        return "–"
    spread = name == "ndcg@10" and len(metric["per_seed"]) > 1
    return f"{metric['mean']:.3f}" + (f" ± {metric['std']:.3f}" if spread else "")


def results(protocol: str, data: str) -> list[dict[str, Any]]:
    """One protocol on one data set: closed-form and trained models together."""
    by_model: dict[str, dict[str, Any]] = {}
    for path in sorted(RESULTS.glob(f"{data}*.json"), key=lambda path: path.stem):
        table = json.loads(path.read_text(encoding="utf-8"))
        for part in table.get("protocols", [table]):
            if part["protocol"] == protocol:
                # a baseline that was measured again beside another model is the same line
                by_model = {r["model"]: r for r in part["results"]} | by_model
    return list(by_model.values())


def markdown(protocol: str, columns: dict[str, str], data: str) -> str:
    """One protocol on one data set, best first."""
    lines = [
        f"| {data}, {protocol} | " + " | ".join(columns.values()) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    first = next(iter(columns))
    ranked = [r for r in results(protocol, data) if (r["metrics"] or {}).get(first)]
    if protocol == "cold":  # a model of edges alone has no score for a product without any
        ranked = [r for r in ranked if r["metrics"][first]["mean"] > 0]
    for result in sorted(ranked, key=lambda r: -r["metrics"][first]["mean"]):
        cells = [figure(result["metrics"], name) for name in columns]
        once = " (one seed)" if len(result["metrics"][first]["per_seed"]) == 1 else ""
        lines.append(f"| {result['model']}{once} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def edges() -> str:
    """Every model and metric on held-out edges, a table a product graph."""
    return "\n\n".join(markdown("edges", EDGES, data) for data in DATA)


def cold() -> str:
    """Every model that scores products without edges, a table a product graph."""
    columns = {"ndcg@10": "nDCG@10", "hit@10": "hit@10", "cold_target.ndcg@10": "cold targets"}
    return "\n\n".join(markdown("cold", columns, data) for data in DATA)


def summary() -> str:
    """nDCG@10 of some models on held-out edges, the best first: the small table of the README.

    Models that were not measured on every data set are left out.
    """
    lines = ["| nDCG@10 | " + " | ".join(DATA) + " |", "|---|" + "---:|" * len(DATA)]
    by_data = [{r["model"]: r["metrics"] for r in results("edges", data)} for data in DATA]
    measured = [model for model in SUMMARY if all(model in metrics for metrics in by_data)]
    for model in sorted(measured, key=lambda model: -by_data[0][model]["ndcg@10"]["mean"]):
        label = SUMMARY[model]
        cells = [figure(metrics[model], "ndcg@10") for metrics in by_data]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def next_products() -> str:
    """Models of the next product, on every data set of sequences."""
    recall = {"hit@10": "Recall@10", "ndcg@10": "nDCG@10", "hit@5": "Recall@5", "ndcg@5": "nDCG@5"}
    given = {"hit@20": "P@20", "mrr@20": "MRR@20", "hit@10": "P@10", "mrr@10": "MRR@10"}
    locales = {
        f"{metric}@20.{locale}": f"{name} {locale}"
        for metric, name in (("hit", "P@20"), ("mrr", "MRR@20"))
        for locale in ("ES", "FR", "IT")
    }
    tested = [
        ("leave_one_out", "amazon-beauty-sequences", recall),
        ("given", "diginetica", given),
        ("sessions", "m2-public", {"hit@20": "P@20", "mrr@20": "MRR@20"} | locales),
    ]
    return "\n\n".join(markdown(protocol, columns, data) for protocol, data, columns in tested)


def costs() -> str:
    """Seconds and MiB of a fit on held-out pairs, the slowest first; all that take a second."""
    by_data = [{r["model"]: r for r in results("edges", data) if r["metrics"]} for data in DATA]
    slow = [model for model, r in by_data[0].items() if r["fit_seconds"] >= 1]
    models = sorted(slow, key=lambda model: -by_data[0][model]["fit_seconds"])
    lines = [f"| fit | {' | '.join(DATA)} |", "|---|" + "---:|" * len(DATA)]
    for model in models:
        each = (fits.get(model) for fits in by_data)
        cells = [
            f"{r['fit_seconds']:,.0f} s, {r['peak_memory_mb']:,.0f} MiB" if r else "–" for r in each
        ]
        lines.append(f"| {model} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    by_name = {each.__name__: each for each in (summary, edges, cold, costs, next_products)}
    names = sys.argv[1:] or ["summary", "edges", "cold"]
    if not set(names) <= set(by_name):
        sys.exit(f"no such table: {' '.join(names)}; there are {', '.join(by_name)}")
    print("\n\n".join(by_name[name]() for name in names))
