"""Models side by side under an honest protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    data: Annotated[Path, typer.Argument(help="A folder of tables.", metavar="DATA")],
    models: Annotated[
        str,
        typer.Option(
            help="Models, by commas, with settings after a colon: "
            "`ease,copurchase:measure=lift,katz:hops=3,damping=0.5`. Every one if left out."
        ),
    ] = "",
    protocol: Annotated[
        str,
        typer.Option(
            help="edges, cold, direction, time or gold; leave_one_out, given or sessions; several "
            "by commas."
        ),
    ] = "edges",
    seeds: Annotated[str, typer.Option(help="One split each, by commas.")] = "0,1,2",
    json: Annotated[
        Path | None, typer.Option(help="Write every figure here.", metavar="FILE")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a report with plots here.", metavar="FILE")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Project file; goeswith.toml here if there is one.", metavar="FILE"),
    ] = None,
) -> None:
    """Compare models on held-out data: accuracy, direction, substitutes, types, cost.

    Protocols: **edges** holds out product pairs; **direction** predicts their direction; **cold**
    removes all edges of some products; **time** trains on events before a time and tests on later
    ones; **gold** compares with bundles made by people. Next product in a session:
    **leave_one_out** tests the last product of every sequence, **given** a table `test` of prefixes
    and targets, **sessions** the last product of held-out sessions.
    """
    from goeswith.cli.arguments import (
        check_writable,
        split_models,
        split_names,
        split_seeds,
    )
    from goeswith.cli.output import console, progress_bar, records_table
    from goeswith.core.atomic_files import write_json
    from goeswith.data.folder import load_data
    from goeswith.evaluation.comparison import benchmark
    from goeswith.evaluation.html_report import write_report
    from goeswith.evaluation.result_table import terminal_table
    from goeswith.settings.project_file import load_settings

    settings = load_settings(config)
    check_writable(json)
    check_writable(html)
    selection = split_models(models), split_names(protocol), split_seeds(seeds)
    with progress_bar() as progress:
        progress(0, 1, f"reading {data}")
        dataset = load_data(data, settings.data.max_bad_share)
        result = benchmark(dataset, *selection, settings, progress)
    screen = console()
    if aside := dataset.quarantine.counts().to_dicts():
        screen.print(records_table("Rows set aside", aside))
    for table in result.get("protocols", [result]):
        screen.print(terminal_table(table))
        for line in table["results"]:
            if "refused" in line:
                screen.print(f"{line['model']}: {line['refused']}", markup=False, soft_wrap=True)
    if json is not None:
        write_json(result, json)
        screen.print(f"figures: {json}", markup=False, soft_wrap=True)
    if html is not None:
        write_report(result, html)
        screen.print(f"report: {html}", markup=False, soft_wrap=True)
