"""The commands of `goeswith experiment`."""

from __future__ import annotations

from dataclasses import asdict
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from goeswith.cli.options import Json

if TYPE_CHECKING:
    from goeswith.cli.output import Output
    from goeswith.results.experiments.experiment_report import ExperimentReport


def results(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The experiment, serve.experiment.")],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder serve.feedback, with answers.")
    ],
    json: Json = False,
) -> None:
    """Compare the variants of an experiment, and say whether to stop.

        goeswith experiment results experiment.toml feedback

    The intervals are sequential: look on any day, as often as you like, and stop when the verdict
    says so.
    """
    from goeswith.cli.output import Output
    from goeswith.results.experiments.experiment_file import read_experiment
    from goeswith.results.experiments.stop_rule import report_folder

    _print(Output(json), report_folder(folder, read_experiment(file)))


def power(
    effect: Annotated[
        float,
        typer.Option(
            min=0.0001, max=10, metavar="SHARE", help="Relative change to detect: 0.05 is 5 %."
        ),
    ],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--feedback", metavar="FOLDER", help="Log from which value and deviation are computed."
        ),
    ] = None,
    metric: Annotated[
        str, typer.Option(metavar="NAME", help="click_rate, conversion or revenue.")
    ] = "revenue",
    unit: Annotated[
        str, typer.Option(metavar="NAME", help="With --feedback: user_id or session_id.")
    ] = "user_id",
    value: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Mean per shopper, without --feedback.")
    ] = None,
    deviation: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="Its standard deviation; not needed for a share."),
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.01, max=0.99, metavar="SHARE", help="Share of the new variant.")
    ] = 0.5,
    days: Annotated[
        int, typer.Option(min=1, max=1000, metavar="N", help="Number of days, one look per day.")
    ] = 28,
    alpha: Annotated[
        float,
        typer.Option(min=0.001, max=0.2, metavar="SHARE", help="Probability of a wrong decision."),
    ] = 0.05,
    probability: Annotated[
        float,
        typer.Option(
            "--power", min=0.5, max=0.99, metavar="SHARE", help="Probability of a decision."
        ),
    ] = 0.8,
    json: Json = False,
) -> None:
    """Compute how many shoppers an experiment needs, if you look at it every day.

        goeswith experiment power --effect 0.05 --feedback feedback

        goeswith experiment power --effect 0.1 --metric conversion --value 0.04

    The rate without the change is --value, or that of the feedback.
    """
    from goeswith.cli.output import Output
    from goeswith.core.errors import ConfigError
    from goeswith.results.experiments.experiment_file import Metric
    from goeswith.results.experiments.experiment_sums import baseline_sums
    from goeswith.results.experiments.power import shoppers_needed

    if metric not in ("click_rate", "conversion", "revenue"):
        raise ConfigError(f"--metric is {metric!r}; give click_rate, conversion or revenue")
    if unit not in ("user_id", "session_id"):
        raise ConfigError(f"--unit is {unit!r}; give user_id or session_id")
    if (folder is None) == (value is None):
        raise ConfigError("give --feedback FOLDER, or --value with --deviation")
    if folder is not None:
        sums = baseline_sums(folder, unit)
        value = sums.value(cast("Metric", metric))
        deviation = sums.error(cast("Metric", metric)) * sqrt(sums.n)
        if not (value > 0 and deviation > 0):
            raise ConfigError(f"{folder} has no {metric} above 0; give --value and --deviation")
    assert value is not None
    if metric == "conversion" and not 0 < value < 1:
        raise ConfigError(f"--value is {value:g}; a conversion is a share: 0.04 is 4 %")
    if deviation is None:
        if metric != "conversion":
            raise ConfigError(
                "give --deviation, the standard deviation over shoppers; only a share (--metric "
                "conversion) has a known one"
            )
        deviation = sqrt(value * (1 - value))
    found = shoppers_needed(
        value, deviation, effect, alpha=alpha, power=probability, looks=days, share=share
    )
    record = {"value": value, "deviation": deviation, "effect": effect, **asdict(found)}
    Output(json).summary(
        record,
        f"{found.shoppers:,} shoppers over {days} days: a change of {effect:.1%} of {value:,.4g} "
        f"(deviation {deviation:,.4g}) is then decided with probability {found.power:.0%}, and "
        f"half of such experiments after {found.half_after:,}. A test with one look at the end "
        f"needs {found.fixed:,}. Set planned = {found.shoppers} in the file.",
    )


def _print(output: Output, report: ExperimentReport) -> None:
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.results.experiments.experiment_report import finite, metric_name

    total = sum(variant.shoppers for variant in report.variants)
    records = []
    for variant in report.variants:
        contrast = variant.contrasts.get(report.metric)
        record: dict[str, Any] = {
            "variant": variant.name,
            "shoppers": variant.shoppers,
            **variant.values,
        }
        for name in ("difference", "low", "high"):
            record[name] = getattr(contrast, name) if contrast else None
        records.append({**record, "state": variant.state})

    def difference(record: Any) -> str:
        if record["difference"] is None:
            return "control"
        return "{difference:+.4g} ({low:+.4g} to {high:+.4g})".format(**record)

    money = f", {report.currency}" if report.currency else ""
    columns = [
        Column("variant"),
        Column("shoppers"),
        Column("click rate", lambda r: f"{r['click_rate']:.2%}", is_figure=True, drop=2),
        Column("buyers", lambda r: f"{r['conversion']:.2%}", is_figure=True, drop=1),
        Column(f"revenue per shopper{money}", lambda r: f"{r['revenue']:.4g}", is_figure=True),
        Column(f"{metric_name(report.metric)}, difference", difference, is_figure=True),
    ]
    table = Table(f"Experiment {report.name}, {total:,} shoppers", records, columns)
    output.result(table, finite(asdict(report)))
    for draft in report.drafts:
        first, second = draft.rankings
        output.say(
            f"Interleaved {first} and {second}: {draft.preference:.1%} of {draft.clicks:,} clicks "
            f"for {first} ({draft.low:.1%} to {draft.high:.1%})."
        )
    for name, extra in report.incremental.items():
        output.say(
            f"Incremental revenue of {name}: {extra.difference:,.2f}{money.replace(',', '')} a "
            f"shopper ({extra.low:,.2f} to {extra.high:,.2f}), against the holdout group."
        )
    for note in report.notes:
        output.say(note)
    output.say(f"Split as planned: p = {report.split_p:.3g}; below 0.001 is an alarm.")
    output.say(report.verdict)
    if report.stopped is not None:
        output.say(
            "The service stopped it at {at}; all shoppers see {shows} since. {reason}".format(
                **report.stopped
            )
        )
