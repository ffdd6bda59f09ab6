"""Reloading of a bundle without a restart: checked, mapped, and swapped in one step.

A request uses the bundle that was current at its start, so that no response mixes two builds; the
old bundle is released when its last request ends. An invalid bundle is refused, and the old one
stays.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from goeswith.core.errors import BundleError, GoesWithError
from goeswith.query.bundle import Bundle
from goeswith.serve.process.build_verifier import BuildVerifier, PostponedError, file_stamp
from goeswith.store.manifest import LIVE_FOLDER, MANIFEST, read_manifest

_STOP_SECONDS: Final = 5.0
"""Seconds that the end of a service waits for a look at a build, such as the sums of its files."""

Outcome: TypeAlias = Literal["swapped", "refused", "postponed"]
OnReload: TypeAlias = Callable[[Outcome, str, str | None], None]
"""Called with the outcome, the id of the build that answers from then on, and why one was refused
or is to be tried again.
"""


class Reloader:
    """Checks a path for another bundle, and swaps it in once it is complete."""

    def __init__(
        self,
        path: Path | str,
        current_bundle: Callable[[], Bundle],
        swap: Callable[[Bundle], None],
        verifier: BuildVerifier | None = None,
        on_reload: OnReload | None = None,
        *,
        follows: bool = False,
    ) -> None:
        """Nothing is looked at yet.

        Args:
            path: as given to `goeswith fit --out`.
            current_bundle: gives the bundle that answers now.
            swap: makes another one ready and has it answer; what it raises refuses the bundle.
            verifier: shared by the processes of a service.
            on_reload: called for each bundle that is swapped in, refused or to be tried again.
            follows: leave it to other processes to check a build, and take up what they accept.
        """
        self.path = Path(path)
        self._current_bundle, self._swap = current_bundle, swap
        self._verifier, self._on_reload = verifier or BuildVerifier(), on_reload
        self._follows = follows
        self._refused_state: list[Any] | None = None
        self._retry_at = math.inf
        """When the refused state is looked at again, in monotonic seconds."""
        self._wake, self._ended = threading.Event(), False
        self._thread: threading.Thread | None = None

    def check(self, *, force: bool = False) -> bool:
        """Swap in the bundle at the path if it is another one; returns whether it was.

        A bundle that was refused is tried again when a file of it has changed.

        Args:
            force: try it again in any case.
        """
        began = time.monotonic()
        state = _path_state(self.path)
        before = self._current_bundle().id
        if state[0] == before:
            self._refused_state = None
            return False
        if state == self._refused_state and not force and began < self._retry_at:
            return False
        verify = (
            self._verifier.follow
            if self._follows
            else partial(self._verifier, after=began if force else -math.inf)
        )
        try:
            bundle = Bundle.open(self.path, verify=verify)
            if bundle.id == before:
                return False
            self._swap(bundle)
        except PostponedError as error:
            self._refused_state, self._retry_at = state, error.retry_at
            self._report("postponed", before, str(error))
            return False
        except Exception as error:
            self._refused_state, self._retry_at = state, math.inf
            reason = str(error) if isinstance(error, GoesWithError) else type(error).__name__
            self._report("refused", before, reason)
            return False
        self._refused_state = None
        self._report("swapped", bundle.id, None)
        return True

    def _report(self, outcome: Outcome, bundle: str, reason: str | None) -> None:
        if self._on_reload is not None:
            self._on_reload(outcome, bundle, reason)

    def start(self, every: float) -> None:
        """Check in a thread every so many seconds, and when woken; 0: only when woken."""
        self._thread = threading.Thread(
            target=self._run, args=(every,), name="goeswith-reload", daemon=True
        )
        self._thread.start()

    def wake(self) -> None:
        """Look now, also at a bundle that was refused."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread; waits a little for a look that is under way."""
        self._ended = True
        self._wake.set()
        self._verifier.end()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def _run(self, every: float) -> None:
        while True:
            woken = self._wake.wait(every or None)
            self._wake.clear()
            if self._ended:
                return
            self.check(force=woken)


def _path_state(path: Path) -> list[Any]:
    """State of a path: the id of its build, and the stamps of its files."""
    try:
        manifest = read_manifest(path)
    except (OSError, BundleError) as error:
        return [None, str(error), file_stamp(path / MANIFEST)]
    # of the folder, which a new file of rules changes, and a line more in the log does not
    files = (path / MANIFEST, path / LIVE_FOLDER, *manifest.paths())
    stamps = [file_stamp(file) for file in files]
    return [manifest.content["id"], *stamps]
