"""The README's tables, from the figures under benchmarks/results: `python benchmarks/table.py`.

`python benchmarks/table.py costs` prints those of docs/explanation/evaluation.md, `next_products` those of
docs/models/next_product.md. A test holds the pages to what this prints.
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


def figure(metrics: dict[str, dict[str, Any] | None], name: str) -> str:
    """A metric's mean with its spread over seeds; a dash where it does not apply."""
    found = metrics.get(name)
    if not found:
        return "–"
    spread = name == "ndcg@10" and len(found["per_seed"]) > 1
    return f"{found['mean']:.3f}" + (f" ± {found['std']:.3f}" if spread else "")


def results(protocol: str, data: str) -> list[dict[str, Any]]:
    """One protocol on one data set: closed-form and trained models together."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(RESULTS.glob(f"{data}*.json"), key=lambda path: path.stem):
        table = json.loads(path.read_text(encoding="utf-8"))
        for part in table.get("protocols", [table]):
            if part["protocol"] == protocol:
                # a baseline that was measured again beside another model is the same line
                found = {r["model"]: r for r in part["results"]} | found
    return list(found.values())


def markdown(protocol: str, columns: dict[str, str], data: str) -> str:
    """One protocol on one data set, best first."""
    lines = [
        f"| {data}, {protocol} | " + " | ".join(columns.values()) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    first = next(iter(columns))
    ranked = [r for r in results(protocol, data) if (r["metrics"] or {}).get(first)]
    if protocol == "cold":  # a model of edges alone says nothing of a product without any
        ranked = [r for r in ranked if r["metrics"][first]["mean"] > 0]
    for result in sorted(ranked, key=lambda r: -r["metrics"][first]["mean"]):
        cells = [figure(result["metrics"], name) for name in columns]
        once = " (one seed)" if len(result["metrics"][first]["per_seed"]) == 1 else ""
        lines.append(f"| {result['model']}{once} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def tables() -> str:
    """Every table of the README."""
    edges = [markdown("edges", EDGES, data) for data in DATA]
    columns = {"ndcg@10": "nDCG@10", "hit@10": "hit@10", "cold_target.ndcg@10": "cold targets"}
    cold = [markdown("cold", columns, data) for data in DATA]
    return "\n\n".join([*edges, *cold])


def next_products() -> str:
    """Models of the next product, on every data set that asks for it."""
    recall = {"hit@10": "Recall@10", "ndcg@10": "nDCG@10", "hit@5": "Recall@5", "ndcg@5": "nDCG@5"}
    given = {"hit@20": "P@20", "mrr@20": "MRR@20", "hit@10": "P@10", "mrr@10": "MRR@10"}
    locales = {
        f"{metric}@20.{locale}": f"{name} {locale}"
        for metric, name in (("hit", "P@20"), ("mrr", "MRR@20"))
        for locale in ("ES", "FR", "IT")
    }
    asked = [
        ("leave_one_out", "amazon-beauty-sequences", recall),
        ("given", "diginetica", given),
        ("sessions", "m2-public", {"hit@20": "P@20", "mrr@20": "MRR@20"} | locales),
    ]
    return "\n\n".join(markdown(protocol, columns, data) for protocol, data, columns in asked)


def costs() -> str:
    """Seconds and MiB of a fit on held-out pairs, the slowest first; all that take a second."""
    by_data = [{r["model"]: r for r in results("edges", data) if r["metrics"]} for data in DATA]
    slow = [model for model, r in by_data[0].items() if r["fit_seconds"] >= 1]
    models = sorted(slow, key=lambda model: -by_data[0][model]["fit_seconds"])
    lines = [f"| fit | {' | '.join(DATA)} |", "|---|" + "---:|" * len(DATA)]
    for model in models:
        each = (found.get(model) for found in by_data)
        cells = [
            f"{r['fit_seconds']:,.0f} s, {r['peak_memory_mb']:,.0f} MiB" if r else "–" for r in each
        ]
        lines.append(f"| {model} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print({"costs": costs, "next_products": next_products}.get("".join(sys.argv[1:]), tables)())
