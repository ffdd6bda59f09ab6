"""How a benchmark's figures are laid out, for the terminal and for the report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.table import Table

MAIN: Final = (
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
    found = dict.fromkeys(name for result in table["results"] for name in result["metrics"])
    return [name for name in MAIN if name in found] + [name for name in found if name not in MAIN]


def figure(result: dict[str, Any], column: str) -> float | None:
    """One figure of one model; None where it has none."""
    if column in COSTS:
        cost: float | None = result[column]
        return cost
    metric = result["metrics"].get(column)
    return None if metric is None else float(metric["mean"])


def cell(result: dict[str, Any], column: str) -> str:
    """A figure as it is printed; metrics with their spread where there are several seeds."""
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
    known = [value for value in values if value is not None]
    value = figure(result, column)
    return value is not None and value == (min if column in LOWER_IS_BETTER else max)(known)


def terminal_table(table: dict[str, Any]) -> Table:
    """The main metrics as a rich table, the best figure of each column bold."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    columns = [name for name in metric_columns(table) if name in MAIN] + list(COSTS)
    seeds = ", ".join(map(str, table["seeds"]))
    drawn = Table(
        title=f"{table['data']}: {table['protocol']}, {table['products']:,} products, "
        f"mean over seeds {seeds}",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    drawn.add_column("model", no_wrap=True)
    for column in columns:
        drawn.add_column(_in_two_lines(column), justify="right", no_wrap=True)
    for result in table["results"]:
        cells = [
            # a terminal is narrow: only the first metric in full
            Text(
                cell(result, column) if place == 0 else _short(result, column),
                style="bold" if is_best(table, result, column) else "",
            )
            for place, column in enumerate(columns)
        ]
        drawn.add_row(Text(result["model"]), *cells)
    return drawn


def _in_two_lines(column: str) -> str:
    """A narrow heading: broken at the prefix's dot, else at the first underscore or at."""
    broken = re.sub(r"\.|_(?!.*\.)|(?=@)", "\n", column, count=1)
    return COSTS.get(column, broken)


def _short(result: dict[str, Any], column: str) -> str:
    value = figure(result, column)
    return cell(result, column) if value is None or column in COSTS else f"{value:.3f}"
