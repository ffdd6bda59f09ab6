"""Figures of a benchmark as tables: main ones on a terminal, all of them in a pipe."""

from __future__ import annotations

from typing import Any

from goeswith.cli.terminal_table import Column, Record, Table
from goeswith.evaluation.result_table import (
    COSTS,
    MAIN_METRICS,
    cell,
    figure,
    is_best,
    metric_columns,
)


def protocols_of(metrics: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The results of a benchmark by protocol, whether it ran one or several."""
    if metrics is None:
        return []
    tables: list[dict[str, Any]] = metrics.get("protocols", [metrics])
    return tables


def main_table(result: dict[str, Any]) -> Table:
    """The main metrics of a protocol, the best figure of each column bold; the last go first."""

    def column(place: int, name: str) -> Column:
        def text(record: Record) -> str:
            value = figure(dict(record), name)
            # only the first metric in full
            is_full = place == 0 or name in COSTS or value is None
            return cell(dict(record), name) if is_full else f"{value:.3f}"

        def style(record: Record) -> str:
            return "bold" if is_best(result, dict(record), name) else ""

        heading = COSTS.get(name, name)
        return Column(heading, text, drop=place, is_figure=True, style=style)

    names = [name for name in metric_columns(result) if name in MAIN_METRICS] + list(COSTS)
    seeds = ", ".join(map(str, result["seeds"]))
    return Table(
        f"{result['data']}: {result['protocol']}, {result['products']:,} products, "
        f"mean over seeds {seeds}",
        [line for line in result["results"] if "same_as" not in line],
        [Column("model", min_width=24), *(column(place, name) for place, name in enumerate(names))],
    )


def full_table(metrics: dict[str, Any]) -> Table:
    """A record for each protocol and model: the mean of every metric, and its spread over seeds."""
    records = []
    for table in protocols_of(metrics):
        for result in table["results"]:
            record = {"protocol": table["protocol"], "model": result["model"]}
            for name in metric_columns(table):
                value = result["metrics"].get(name)
                record[name] = value and value["mean"]
                if len(table["seeds"]) > 1:
                    record[f"{name}.std"] = value and value["std"]
            costs = {name: result[name] for name in COSTS}
            records.append({**record, **costs, "refused": result.get("refused")})
    return Table("", records)
