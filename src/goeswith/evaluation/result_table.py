"""Columns and cells of a benchmark's figures, for the terminal and for the report."""

from __future__ import annotations

from typing import Any, Final

MAIN_METRICS: Final = (
    "complements@5",
    "look_alikes@5",
    "labelled@5",
    "complements.pool@5",
    "look_alikes.pool@5",
    "attach@10",
    "stratified@10",
    "tail@10",
    "last@10",
    "attach@10.new",
    "ndcg@10",
    "recall@10",
    "phr@10",
    "recall@10.again",
    "recall@10.new",
    "hit@10",
    "mrr@20",
    "hit@20",
    "hit@10.new",
    "type_hit@3",
    "substitutes@10",
    "types@10",
    "coverage@10",
    "direction_accuracy",
    "auc",
    "auc.unseen",
    "cold_target.ndcg@10",
    "cold_share@10",
)
"""Metrics that fit a terminal; the JSON file and the report hold all."""

COSTS: Final = {"fit_seconds": "fit s", "score_seconds": "score s", "peak_memory_mb": "peak MiB"}
_LOWER: Final = frozenset({"substitutes", "look_alikes", "ece"})
"""Metrics of which less is better, at any rank and of any part of the products."""
ABSENT: Final = "–"


def metric_columns(table: dict[str, Any]) -> list[str]:
    """Every metric that some model of a benchmark's table has, main ones first."""
    metrics = dict.fromkeys(name for result in table["results"] for name in result["metrics"])
    return [name for name in MAIN_METRICS if name in metrics] + [
        name for name in metrics if name not in MAIN_METRICS
    ]


def figure(result: dict[str, Any], column: str) -> float | None:
    """One figure of one model; None if it has none."""
    if column in COSTS:
        cost: float | None = result[column]
        return cost
    metric = result["metrics"].get(column)
    return None if metric is None else float(metric["mean"])


def cell(result: dict[str, Any], column: str) -> str:
    """A figure as text; metrics with their standard deviation if there are several seeds."""
    value = figure(result, column)
    if value is None:
        return ABSENT
    if column in COSTS:
        return f"{value:,.0f}" if column == "peak_memory_mb" else f"{value:,.1f}"
    metric = result["metrics"][column]
    spread = f" ±{metric['std']:.4f}" if len(metric["per_seed"]) > 1 else ""
    return f"{value:.4f}{spread}"


def is_lower_better(column: str) -> bool:
    """Whether the best figure of a column is its lowest: costs, substitutes, calibration errors.

    >>> is_lower_better("cold_target.substitutes@10"), is_lower_better("ndcg@10")
    (True, False)
    """
    return column in COSTS or not _LOWER.isdisjoint(column.partition("@")[0].split("."))


def is_best(table: dict[str, Any], result: dict[str, Any], column: str) -> bool:
    """Whether no model of the table has a better figure in this column."""
    values = [figure(other, column) for other in table["results"]]
    present = [value for value in values if value is not None]
    value = figure(result, column)
    return value is not None and value == (min if is_lower_better(column) else max)(present)
