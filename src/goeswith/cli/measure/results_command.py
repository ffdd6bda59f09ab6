"""`goeswith results`: what recommendations earned, from the feedback log."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from goeswith.cli.options import Json

if TYPE_CHECKING:
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Record
    from goeswith.results.reports.fact_queries import Touch
    from goeswith.results.reports.results_report import ResultsReport


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder serve.feedback, with answers.")
    ],
    by: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="One line per day, model, fallback, type_pair, rank, market, variant or rule.",
        ),
    ] = "all",
    window: Annotated[
        int,
        typer.Option(
            min=1, max=10_000, metavar="HOURS", help="Maximum time from touch to cart or purchase."
        ),
    ] = 24,
    touch: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Attribute a purchase to the last click, or the last view, before it.",
        ),
    ] = "click",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a page (.html) here.")
    ] = None,
    json: Json = False,
) -> None:
    """Report impressions, clicks, carts and revenue of recommendations.

        goeswith results feedback --by model

    Intervals are of 95 %. Parsed lines are stored in the folder, so that the next report is faster.
    """
    from goeswith.cli.output import Output
    from goeswith.core.errors import ConfigError
    from goeswith.results.reports.fact_queries import DIMENSIONS
    from goeswith.results.reports.results_page import write_page
    from goeswith.results.reports.results_report import report_results

    if by not in DIMENSIONS:
        raise ConfigError(f"--by is {by!r}; give {', '.join(DIMENSIONS)}")
    if touch not in ("click", "view"):
        raise ConfigError(f"--touch is {touch!r}; give click or view")
    if out is not None and out.suffix != ".html":
        raise ConfigError(f"--out is {str(out)!r}; the page needs a name that ends in .html")
    report = report_results(folder, window_hours=window, touch=cast("Touch", touch))
    output = Output(json)
    _print(output, report, by)
    if out is not None:
        write_page(report, out)
        output.say(f"page: {out}")


def _print(output: Output, report: ResultsReport, by: str) -> None:
    from goeswith.cli.terminal_table import Column, Table

    def share(name: str) -> Any:
        def text(record: Record) -> str:
            low, high = record[f"{name}_low"], record[f"{name}_high"]
            return f"{record[name]:.2%} ({low:.2%} to {high:.2%})"

        return text

    def amount(record: Record) -> str:
        low, high = record["revenue_per_1000_low"], record["revenue_per_1000_high"]
        return f"{record['revenue_per_1000']:.2f} ({low:.2f} to {high:.2f})"

    money = f", {report.currency}" if report.currency else ""
    columns = [
        Column(by, lambda record: record["value"] or ("everything" if by == "all" else "not set")),
        Column("impressions"),
        Column("click rate", share("click_rate"), is_figure=True),
        Column("add-to-cart rate", share("cart_rate"), is_figure=True, drop=2),
        Column("units per 1,000", lambda r: f"{r['units_per_1000']:.2f}", is_figure=True, drop=1),
        Column(f"revenue per 1,000{money}", amount, is_figure=True),
    ]
    table = Table(f"Results by {by}" if by != "all" else "Results", report.rows[by], columns)
    output.result(table, asdict(report))
    output.say(
        f"Impressions: recommendations that were {report.counted}. A purchase belongs to the last "
        f"{report.touch} of the product by the shopper, at most {report.window_hours} hours before."
    )
    attach = report.attach
    if attach["orders"]:
        output.say(
            f"Attach rate: {attach['rate']:.1%} ({attach['low']:.1%} to {attach['high']:.1%}). Of "
            f"{attach['orders']:,} orders with a product whose recommendations were shown, "
            f"{attach['attached']:,} also contain one of them."
        )
    found = report.incremental
    if found is None:
        output.say(
            "Shoppers would have made some of these purchases anyway. A holdout group measures "
            "the incremental revenue."
        )
    else:
        output.say(
            f"Incremental revenue: {found['incremental']:,.2f}{money.replace(',', '')} "
            f"({found['incremental_low']:,.2f} to {found['incremental_high']:,.2f}), compared "
            f"with {found['holdout_shoppers']:,} shoppers without recommendations (holdout group)."
        )
    for note in report.notes:
        output.say(note)
