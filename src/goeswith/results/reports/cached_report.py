"""A report for a service: computed once for a state of the log, and at most once a minute."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from goeswith.core.errors import DataError
from goeswith.data.feedback import FEEDBACK_PATTERN
from goeswith.results.experiments.experiment_report import ExperimentReport
from goeswith.results.experiments.stop_rule import report_folder
from goeswith.results.reports.results_report import ResultsReport, report_results

if TYPE_CHECKING:
    from goeswith.results.experiments.experiment_file import Experiment

MIN_SECONDS: Final = 60.0
"""Between two reports, as a service adds to its log all the time."""


class CachedReport:
    """The report of a folder of feedback, and that of an experiment; safe to call from threads."""

    def __init__(self, folder: Path, experiment: Experiment | None = None) -> None:
        self._folder, self._experiment = folder, experiment
        self._lock = Lock()
        self._state: tuple[tuple[str, int], ...] | None = None
        self._computed_at = 0.0
        self._reports: tuple[ResultsReport, ExperimentReport | None] | None = None

    def __call__(self) -> tuple[ResultsReport, ExperimentReport | None]:
        """Both reports; the second is None without an experiment or answers of it.

        Raises:
            DataError: the folder holds no answers.
        """
        with self._lock:
            state = tuple(
                (path.name, path.stat().st_size)
                for path in sorted(self._folder.glob(FEEDBACK_PATTERN))
            )
            is_recent = time.monotonic() < self._computed_at + MIN_SECONDS
            if self._reports is None or (state != self._state and not is_recent):
                self._reports = report_results(self._folder), self._of_experiment()
                self._state, self._computed_at = state, time.monotonic()
            return self._reports

    def _of_experiment(self) -> ExperimentReport | None:
        if self._experiment is None:
            return None
        try:
            return report_folder(self._folder, self._experiment)
        except DataError:  # no shopper has a variant yet
            return None
