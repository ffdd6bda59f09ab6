"""`goeswith benchmark`: models side by side on held-out data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from goeswith.cli.former_options import FormerFileOptions
from goeswith.cli.options import Config, Data, Json

COMMAND_CLASS: Final = FormerFileOptions
_KINDS: Final = {".json": "figures", ".html": "a report with plots"}


def command(
    data: Data,
    models: Annotated[
        str,
        typer.Option(
            metavar="MODELS",
            help="Models, separated by commas, with settings after a colon: "
            "`ease,copurchase:measure=lift,katz:hops=3,damping=0.5`. Without it, the closed-form "
            "models and the one that fit deploys. `goeswith models --json` prints their settings.",
        ),
    ] = "",
    protocol: Annotated[
        str,
        typer.Option(
            metavar="PROTOCOLS",
            help="basket, edges, cold, direction, time or gold; leave_one_out, given or sessions; "
            "next_basket; several are separated by commas. Without it, basket for events with "
            "purchases, and else edges.",
        ),
    ] = "",
    seeds: Annotated[
        str, typer.Option(metavar="N,N,...", help="Seeds of the splits, separated by commas.")
    ] = "0,1,2",
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write every figure (.json) or a report with plots (.html) here; repeatable.",
        ),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Compare models on held-out data: accuracy, direction, substitutes, types, cost.

        goeswith benchmark shop --models popularity,ease -o figures.json -o report.html

    Protocols: **basket** gives one product of a later basket and looks for the rest; **edges**
    holds out product pairs; **direction** predicts their direction; **cold**
    removes all edges of some products; **time** trains on events before a time and tests on later
    ones; **gold** compares with bundles made by people. Next product in a session:
    **leave_one_out** tests the last product of every sequence, **given** a table `test` of prefixes
    and targets, **sessions** the last product of held-out sessions. **next_basket** tests the last
    basket of every shopper, products bought before and new ones apart.
    """
    from goeswith.cli.arguments import check_outputs, split_models, split_names, split_seeds
    from goeswith.cli.build.benchmark_table import full_table, main_table, protocols_of
    from goeswith.cli.output import Output, progress_bar
    from goeswith.core.atomic_files import write_json
    from goeswith.data.folder import load_data
    from goeswith.evaluation.comparison import benchmark
    from goeswith.evaluation.deployed_model import verdict
    from goeswith.evaluation.html_report import write_report
    from goeswith.evaluation.protocols import default_protocol
    from goeswith.settings.project_file import load_settings

    settings = load_settings(config)
    files = out or []
    check_outputs(files, _KINDS)
    selected, numbers = split_models(models), split_seeds(seeds)
    with progress_bar() as progress:
        progress(0, 1, f"reading {data}")
        dataset = load_data(data, settings=settings.data)
        names = split_names(protocol) if protocol else [default_protocol(dataset)]
        result = benchmark(dataset, selected, names, numbers, settings, progress)
    for file in files:
        if file.suffix == ".json":
            write_json(result, file)
        else:
            write_report(result, file)
    output = Output(json)
    output.load(dataset)
    tables = protocols_of(result)
    output.result(full_table(result), result, [main_table(table) for table in tables])
    for table in tables:
        for line in table["results"]:
            if "refused" in line:
                output.say(f"{line['model']}: {line['refused']}")
            if "same_as" in line:
                output.say(f"{line['model']}: the same rankings as {line['same_as']}")
        if (words := verdict(table)) is not None:
            output.say(words)
    for file in files:
        output.say(f"{file}: {_KINDS[file.suffix]}")
