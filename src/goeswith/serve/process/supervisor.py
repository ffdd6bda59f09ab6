"""Several processes that answer on one socket and share the maps of a bundle.

Workers are forked from a parent that has loaded the libraries and checked the bundle: they start
quickly and share that memory. The parent handles no requests. It forwards signals, and restarts a
worker that has died. It must not start a thread before it forks, and therefore does not use polars,
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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

from goeswith.core.errors import GoesWithError
from goeswith.serve.limits.listener_filter import take_new_connections
from goeswith.serve.process.served_bundle import ServedBundle
from goeswith.serve.process.worker import open_socket, run_worker

if TYPE_CHECKING:
    from goeswith.settings.serve_settings import ServeSettings

EXIT_USER_ERROR: Final = 2
"""Exit code of a worker that a person has to help. It ends the service if one of the first workers
has it: one that takes their place may find a full disk, and is started until there is room.
"""

_WATCH_SECONDS: Final = 0.1
"""Seconds between two looks at the workers."""
_RESTART_SECONDS: Final = 1.0
"""Seconds between two starts of one worker at least."""
_KILL_MARGIN: Final = 5.0
"""Seconds after which a worker that does not end in order is killed."""
_SIGNALS: Final = ("SIGTERM", "SIGINT", "SIGHUP")


class Supervisor:
    """Starts workers and ends with them."""

    def __init__(
        self,
        shops: Mapping[str | None, tuple[Path, ServeSettings]],
        settings: ServeSettings,
        on_listening: Callable[[], None],
    ) -> None:
        """Args: as of `run_service.run`."""
        self.shops, self.settings, self.on_listening = shops, settings, on_listening
        self._started_at: dict[int, float] = {}
        """Process id of a worker -> when it was started."""
        self._served: list[ServedBundle] = []
        self._first: set[int] = set()
        """Process ids of the workers that the service started with."""
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
        configured = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        folder = configured or tempfile.mkdtemp(prefix="goeswith-metrics-")
        # read when prometheus_client is first imported
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        try:
            return self._run()
        finally:
            if configured is None:
                shutil.rmtree(folder, ignore_errors=True)

    def _run(self) -> int:

        import goeswith.serve.app
        import goeswith.serve.process.server  # noqa: F401  what every worker needs is loaded once

        self._served = [
            ServedBundle.open(name, path, own) for name, (path, own) in self.shops.items()
        ]
        followers = [one.follower() for one in self._served]
        self._alive = os.pipe()
        with open_socket(self.settings) as self._listener:
            for name in _SIGNALS:
                signal.signal(getattr(signal, name), self._forward_signal)
            gc.collect()
            gc.freeze()  # else every worker would copy the memory that a collection touches
            for _ in range(self.settings.workers):
                self._start()
            self._first = set(self._started_at)
            self.on_listening()
            self._watch(followers)
        return self._code

    def _start(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        take_new_connections(self._listener)  # a worker that ended alone has stopped that for all
        # until the worker has handlers of its own it would hand signals on like its parent
        old_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {getattr(signal, n) for n in _SIGNALS})
        process = os.fork()
        if not process:
            self._worker(old_mask)
        self._started_at[process] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_SETMASK, old_mask)

    def _worker(self, mask: set[int | signal.Signals]) -> NoReturn:
        code = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent hands it on
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.close(self._alive[1])
            threading.Thread(target=self._end_with_parent, daemon=True).start()
            run_worker(self._served, self.settings, self._listener)
            code = 0
        except GoesWithError as error:
            print(f"error: {error}", file=sys.stderr)  # noqa: T201
            code = EXIT_USER_ERROR
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _end_with_parent(self) -> None:
        """End in order once the parent is gone, however it went."""
        os.read(self._alive[0], 1)  # the other end is open in the parent only
        os.kill(os.getpid(), signal.SIGTERM)

    def _forward_signal(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._signal_workers(number)
            return
        if self._ending is None:
            self._ending = time.monotonic()
        for one in self._served:
            one.verifier.end()
        # else connections would wait here that no worker accepts any more
        self._listener.close()
        self._signal_workers(signal.SIGTERM)

    def _signal_workers(self, number: int) -> None:
        for process in list(self._started_at):
            try:
                os.kill(process, number)
            except ProcessLookupError:
                continue

    def _watch(self, followers: Sequence[Callable[[], bool]]) -> None:
        """Until a signal came and every worker has ended; `followers` look for new builds."""
        timeout = self.settings.drain + self.settings.shutdown_timeout + _KILL_MARGIN
        checked_at = time.monotonic()
        while self._started_at or self._ending is None:
            time.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            self._reap(now)
            if self._ending is not None:
                if now > self._ending + timeout:
                    self._signal_workers(signal.SIGKILL)
                continue
            for due in [due for due in self._due if due <= now]:
                self._due.remove(due)
                self._start()
            if self.settings.reload_seconds and now > checked_at + self.settings.reload_seconds:
                checked_at = now
                for check in followers:
                    check()

    def _reap(self, now: float) -> None:
        """Note which workers have ended, and when to start others in their place."""
        for process in list(self._started_at):
            ended, status = os.waitpid(process, os.WNOHANG)
            if not ended:
                continue
            started = self._started_at.pop(process)
            if self._ending is not None:
                continue
            code = os.waitstatus_to_exitcode(status)
            if code == EXIT_USER_ERROR and process in self._first:
                self._code = EXIT_USER_ERROR
                self._forward_signal(signal.SIGTERM, None)
                continue
            print(  # noqa: T201
                f"worker {process} ended with {code}; another takes its place", file=sys.stderr
            )
            self._due.append(max(now, started + _RESTART_SECONDS))
