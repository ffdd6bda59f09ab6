"""Stops the experiment of a service by its rule."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final

from goeswith.core.errors import DataError
from goeswith.results.experiments.stop_rule import (
    StopDecision,
    read_stop_decision,
    report_folder,
    stop_file,
    stop_now,
    store_stop_decision,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from goeswith.results.experiments.experiment_file import Experiment

CHECK_SECONDS: Final = 600.0
"""Between two looks at the results, by any of the processes."""
_LOOK_SECONDS: Final = 5.0
"""Between two looks at what another process has stored."""


class ExperimentWatch:
    """The experiment of a service, and its end."""

    def __init__(
        self, experiment: Experiment, folder: Path, on_stop: Callable[[StopDecision], None]
    ) -> None:
        """Args: folder: `serve.feedback`; on_stop: called once, by the process that stops it.

        Raises:
            DataError: the stored end is damaged.
        """
        self.experiment, self._folder, self._on_stop = experiment, folder, on_stop
        self._stopped = read_stop_decision(folder, experiment)
        self._error: str | None = None
        self._lock = Lock()
        self._look_at = time.monotonic()

    def has_started(self) -> bool:
        """Whether the first day has come."""
        starts = self.experiment.starts
        return starts is None or datetime.now(UTC).date() >= starts

    def stopped(self) -> StopDecision | None:
        """The end; looks at the results in a thread, if none of the processes has lately."""
        now = time.monotonic()
        if self._stopped is None and self.experiment.stop is not None and now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            if self._lock.acquire(blocking=False):
                try:
                    Thread(target=self._look, daemon=True).start()
                except RuntimeError:  # no thread is to be had: later
                    self._lock.release()
        return self._stopped

    def _look(self) -> None:
        try:
            self._stopped = read_stop_decision(self._folder, self.experiment)
            if self._stopped is None and self._claim():
                self.check(datetime.now(UTC))
                self._error = None
        except Exception as error:
            if str(error) != self._error:  # it comes again with every look
                self._error = str(error)
                print(f"the experiment goes on: {error}", file=sys.stderr, flush=True)  # noqa: T201
        finally:
            self._lock.release()

    def _claim(self) -> bool:
        """Whether this process is the one to look at the results in the current ten minutes."""
        stem = stop_file(self._folder, self.experiment).stem
        claim = self._folder / f"{stem}.checked-{time.time() // CHECK_SECONDS:.0f}"
        try:
            claim.touch(exist_ok=False)
        except FileExistsError:
            return False
        for old in self._folder.glob(f"{stem}.checked*"):
            if old != claim:
                old.unlink(missing_ok=True)
        return True

    def check(self, now: datetime) -> None:
        """Look at the results, and stop the experiment where its rule says so."""
        try:
            report = report_folder(self._folder, self.experiment)
        except DataError:  # no shopper has a variant yet
            report = None
        stopped = stop_now(self.experiment, report, now)
        if stopped is not None:
            store_stop_decision(self._folder, self.experiment, stopped)
            self._stopped = stopped
            self._on_stop(stopped)
