"""The results as a page of HTML, without scripts and without anything from other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from goeswith.core.atomic_files import write_text

if TYPE_CHECKING:
    from goeswith.results.reports.results_report import ResultsReport

HEADINGS: Final = {
    "variant": ("By variant of the experiment", "variant"),
    "rank": ("By rank in the list", "rank"),
    "model": ("By model", "model"),
    "fallback": ("By first or fallback model", "fallback model"),
    "market": ("By market", "market"),
    "rule": ("By rule", "rule"),
    "type_pair": ("By product types", "product types"),
    "day": ("By day", "day"),
}
"""Dimension -> heading of its table, and of the column; what is compared most comes first."""
_FIRST_ROWS: Final = 10
_MOST_ROWS: Final = 100


def results_html(report: ResultsReport) -> str:
    """The page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("goeswith.results", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("results.html.j2")
    tables = [
        (*headings, report.rows[name])
        for name, headings in HEADINGS.items()
        if len(report.rows[name]) > (name not in ("day", "rule"))
    ]
    return template.render(
        report=report, tables=tables, first_rows=_FIRST_ROWS, most_rows=_MOST_ROWS
    )


def write_page(report: ResultsReport, path: Path) -> None:
    """Write the page to a file."""
    write_text(results_html(report), path)
