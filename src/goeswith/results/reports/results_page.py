"""The results as a page of HTML, without scripts and without anything from other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from goeswith.core.atomic_files import write_text

if TYPE_CHECKING:
    from goeswith.results.reports.results_report import ResultsReport

HEADINGS: Final = {
    "all": "All",
    "day": "By day",
    "model": "By model",
    "fallback": "By first or fallback model",
    "type_pair": "By product types",
    "rank": "By rank in the list",
    "market": "By market",
    "variant": "By variant of the experiment",
    "rule": "By rule",
}


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
    shown = {
        heading: report.rows[name]
        for name, heading in HEADINGS.items()
        if len(report.rows[name]) > 1 or name in ("all", "day", "rule")
    }
    return template.render(report=report, tables={h: rows for h, rows in shown.items() if rows})


def write_page(report: ResultsReport, path: Path) -> None:
    """Write the page to a file."""
    write_text(results_html(report), path)
