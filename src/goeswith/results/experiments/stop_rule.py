"""The end of an experiment by its rule, and where the service stores it.

The file lies beside the feedback, so that all processes of a service, its next start and
`goeswith experiment results` know of it. Without it, the next start runs the experiment again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from goeswith.core.atomic_files import write_json
from goeswith.core.errors import DataError
from goeswith.results.experiments.experiment_file import Experiment
from goeswith.results.experiments.experiment_report import (
    ExperimentReport,
    VariantResult,
    report_experiment,
)
from goeswith.results.experiments.experiment_sums import experiment_sums


@dataclass(frozen=True)
class Stopped:
    """When and why an experiment was stopped.

    Attributes:
        at: time, UTC, ISO 8601.
        reason: a sentence.
        shows: the variant that all shoppers see since.
    """

    at: str
    reason: str
    shows: str


def stop_now(
    experiment: Experiment, report: ExperimentReport | None, now: datetime
) -> Stopped | None:
    """Whether the rule ends an experiment now.

    Args:
        experiment: with or without a rule.
        report: of what was seen so far; None for nothing.
        now: in UTC.
    """
    rule = experiment.stop
    if rule is None:
        return None
    at = now.isoformat(timespec="seconds")
    if report is not None and report.state != "running":
        return Stopped(at, report.verdict, _shown(experiment, report))
    if rule.ends is not None and now.date() > rule.ends:
        shows = experiment.baseline if report is None else _shown(experiment, report)
        return Stopped(at, f"It ended on {rule.ends}, undecided.", shows)
    return None


def _shown(experiment: Experiment, report: ExperimentReport) -> str:
    """The control, or the best of the variants that are better and do no harm."""
    if experiment.stop is None or experiment.stop.then == "control" or report.state == "fault":
        return experiment.baseline
    harmful = {one.name for one in report.variants if one.state in ("harm", "worse")}
    for draft in report.drafts:
        if draft.state in ("better", "worse"):
            winner = draft.rankings[draft.state == "worse"]
            if winner not in harmful:
                return winner
    better = [one for one in report.variants if one.state == "better"]

    def gain(one: VariantResult) -> float:
        return one.contrasts[report.metric].difference

    return max(better, key=gain).name if better else experiment.baseline


def stop_file(folder: Path, experiment: Experiment) -> Path:
    """Where the end of an experiment is stored."""
    name = hashlib.sha256(experiment.name.encode()).hexdigest()[:12]
    return folder / f"experiment-{name}.json"


def read_stopped(folder: Path, experiment: Experiment) -> Stopped | None:
    """The end of an experiment; None while it runs.

    Raises:
        DataError: the file is damaged, or names a variant that the experiment does not have.
    """
    path = stop_file(folder, experiment)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = Stopped(*(str(content[name]) for name in ("at", "reason", "shows")))
        datetime.fromisoformat(found.at)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path} is damaged ({error}); delete it to run the experiment {experiment.name!r} "
            "again"
        ) from error
    if found.shows not in experiment.variants:
        raise DataError(
            f"{path}: the experiment {experiment.name!r} was stopped for the variant "
            f"{found.shows!r}, which its file does not have any more; delete it, or give another "
            "experiment another name"
        )
    return found


def store_stopped(folder: Path, experiment: Experiment, stopped: Stopped) -> None:
    """Store the end of an experiment."""
    write_json({"experiment": experiment.name, **asdict(stopped)}, stop_file(folder, experiment))


def reported(folder: Path, experiment: Experiment) -> ExperimentReport:
    """The report of an experiment, until its end if it was stopped.

    Raises:
        DataError: the folder has no answers of the experiment.
    """
    stopped = read_stopped(folder, experiment)
    sums = experiment_sums(folder, experiment, None if stopped is None else _utc(stopped))
    report = report_experiment(experiment, sums)
    return report if stopped is None else replace(report, stopped=asdict(stopped))


def _utc(stopped: Stopped) -> datetime:
    """The time of the end, without a zone, as times of the log."""
    return datetime.fromisoformat(stopped.at).astimezone(UTC).replace(tzinfo=None)
