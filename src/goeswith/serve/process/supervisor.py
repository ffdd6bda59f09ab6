"""Several processes that answer on one socket and share the maps of a bundle.

They are forked from a parent that has loaded the libraries and checked the bundle: they start in a
moment and share that memory too. The parent answers nothing. It hands signals on, and starts a
worker again that has died. It must not run a thread before it forks, and keeps away from polars,
which starts some.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

from goeswith.core.errors import GoesWithError
from goeswith.query.bundle import Bundle
from goeswith.serve.process.reload import Checked, Reloader
from goeswith.serve.process.worker import listening, work

if TYPE_CHECKING:
    from goeswith.settings.sections import ServeSettings

MENDABLE: Final = 2
"""Exit code of a worker that a person has to help: starting it again would not."""

_TICK: Final = 0.1
"""Seconds between two looks at the workers."""
_AGAIN: Final = 1.0
"""Seconds between two starts of one worker at least."""
_BEYOND_PATIENCE: Final = 5.0
"""Seconds after which a worker that does not end in order is killed."""
_SIGNALS: Final = ("SIGTERM", "SIGINT", "SIGHUP")


class Supervisor:
    """Starts workers and ends with them."""

    def __init__(self, path: Path, settings: ServeSettings, listens: Callable[[], None]) -> None:
        self.path, self.settings, self.listens = path, settings, listens
        self._started: dict[int, float] = {}
        """Process id of a worker -> when it was started."""
        self._due: list[float] = []
        """When workers are to be started in place of those that died."""
        self._ending: float | None = None
        self._code = 0

    def run(self) -> int:
        """Serve until a signal ends it; the exit code.

        Raises:
            BundleError: the bundle cannot be answered from.
            ConfigError: the address cannot be listened on.
        """
        given = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        folder = given or tempfile.mkdtemp(prefix="goeswith-metrics-")
        # read when prometheus_client is first imported
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        try:
            return self._run()
        finally:
            if given is None:
                shutil.rmtree(folder, ignore_errors=True)

    def _run(self) -> int:

        import goeswith.serve.app
        import goeswith.serve.process.server  # noqa: F401  what every worker needs is loaded once

        self._checked = Checked()
        self._bundle = Bundle.open(self.path, verify=self._checked)
        self._reloader = Reloader(self.path, lambda: self._bundle, self._swap, self._checked)
        self._alive = os.pipe()
        with listening(self.settings) as self._listener:
            for name in _SIGNALS:
                signal.signal(getattr(signal, name), self._hand_on)
            gc.collect()
            gc.freeze()  # else every worker would copy the memory that a collection touches
            for _ in range(self.settings.workers):
                self._start()
            self.listens()
            self._watch()
        return self._code

    def _swap(self, bundle: Bundle) -> None:
        self._bundle = bundle  # what a worker begins with that is started from now on

    def _start(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        # until the worker has handlers of its own it would hand signals on like its parent
        kept = signal.pthread_sigmask(signal.SIG_BLOCK, {getattr(signal, n) for n in _SIGNALS})
        process = os.fork()
        if not process:
            self._worker(kept)
        self._started[process] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)

    def _worker(self, mask: set[int | signal.Signals]) -> NoReturn:
        code = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent hands it on
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.close(self._alive[1])
            threading.Thread(target=self._follow_parent, daemon=True).start()
            work(self.path, self._bundle, self.settings, self._checked, self._listener)
            code = 0
        except GoesWithError as error:
            print(f"error: {error}", file=sys.stderr)  # noqa: T201
            code = MENDABLE
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _follow_parent(self) -> None:
        """End in order once the parent is gone, however it went."""
        os.read(self._alive[0], 1)  # the other end is open in the parent only
        os.kill(os.getpid(), signal.SIGTERM)

    def _hand_on(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._tell_workers(number)
            return
        if self._ending is None:
            self._ending = time.monotonic()
        self._tell_workers(signal.SIGTERM)

    def _tell_workers(self, number: int) -> None:
        for process in list(self._started):
            try:
                os.kill(process, number)
            except ProcessLookupError:
                continue

    def _watch(self) -> None:
        """Until a signal came and every worker has ended."""
        patience = self.settings.drain + self.settings.patience + _BEYOND_PATIENCE
        looked = time.monotonic()
        while self._started or self._ending is None:
            time.sleep(_TICK)
            now = time.monotonic()
            self._reap(now)
            if self._ending is not None:
                if now > self._ending + patience:
                    self._tell_workers(signal.SIGKILL)
                continue
            for due in [due for due in self._due if due <= now]:
                self._due.remove(due)
                self._start()
            if self.settings.reload_seconds and now > looked + self.settings.reload_seconds:
                looked = now
                self._reloader.look()

    def _reap(self, now: float) -> None:
        """Note which workers have ended, and when to start others in their place."""
        for process in list(self._started):
            ended, status = os.waitpid(process, os.WNOHANG)
            if not ended:
                continue
            started = self._started.pop(process)
            if self._ending is not None:
                continue
            code = os.waitstatus_to_exitcode(status)
            if code == MENDABLE:
                self._code = MENDABLE
                self._hand_on(signal.SIGTERM, None)
                continue
            print(  # noqa: T201
                f"worker {process} ended with {code}; another takes its place", file=sys.stderr
            )
            self._due.append(max(now, started + _AGAIN))
