"""The benchmark report: one self-contained HTML file, in light or dark mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from goeswith.core.atomic_files import write_text
from goeswith.evaluation.plots import plots
from goeswith.evaluation.result_table import COSTS, cell, is_best, is_lower_better, metric_columns


def write_report(result: dict[str, Any], path: Path) -> None:
    """Write a result of `benchmark` as a self-contained HTML file, atomically.

    Names of data and models are escaped: they come from folders and from the command line.
    """
    write_text(render(result), path)


def render(result: dict[str, Any]) -> str:
    """The report as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    tables = result.get("protocols", [result])
    return environment.get_template("report.html.j2").render(
        sections=[
            {
                "table": table,
                "columns": [*metric_columns(table), *COSTS],
                "plots": plots(table),
            }
            for table in tables
        ],
        costs=COSTS,
        is_lower_better=is_lower_better,
        cell=cell,
        is_best=is_best,
    )
