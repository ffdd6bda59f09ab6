"""The result table of a benchmark, for the terminal and for the report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.table import Table

MAIN_METRICS: Final = (
    "ndcg@10",
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
LOWER_IS_BETTER: Final = frozenset({"substitutes@10", "cold_target.substitutes@10", *COSTS})
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


def is_best(table: dict[str, Any], result: dict[str, Any], column: str) -> bool:
    """Whether no model of the table has a better figure in this column."""
    values = [figure(other, column) for other in table["results"]]
    present = [value for value in values if value is not None]
    value = figure(result, column)
    return value is not None and value == (min if column in LOWER_IS_BETTER else max)(present)


def terminal_table(table: dict[str, Any]) -> Table:
    """The main metrics as a rich table, the best figure of each column bold."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    columns = [name for name in metric_columns(table) if name in MAIN_METRICS] + list(COSTS)
    seeds = ", ".join(map(str, table["seeds"]))
    rich_table = Table(
        title=f"{table['data']}: {table['protocol']}, {table['products']:,} products, "
        f"mean over seeds {seeds}",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    rich_table.add_column("model", no_wrap=True)
    for column in columns:
        rich_table.add_column(_two_line_heading(column), justify="right", no_wrap=True)
    for result in table["results"]:
        cells = [
            # a terminal is narrow: only the first metric has all digits
            Text(
                cell(result, column) if place == 0 else _short_cell(result, column),
                style="bold" if is_best(table, result, column) else "",
            )
            for place, column in enumerate(columns)
        ]
        rich_table.add_row(Text(result["model"]), *cells)
    return rich_table


def _two_line_heading(column: str) -> str:
    """A narrow heading: split at the prefix's dot, else at the first underscore or @."""
    two_lines = re.sub(r"\.|_(?!.*\.)|(?=@)", "\n", column, count=1)
    return COSTS.get(column, two_lines)


def _short_cell(result: dict[str, Any], column: str) -> str:
    value = figure(result, column)
    return cell(result, column) if value is None or column in COSTS else f"{value:.3f}"
