"""Reloading of a bundle without a restart: checked, mapped, and swapped in one step.

A request uses the bundle that was current at its start, so that no response mixes two builds; the
old bundle is released when its last request ends. An invalid bundle is refused, and the old one
stays.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from goeswith.core.errors import BundleError, GoesWithError
from goeswith.query.bundle import Bundle
from goeswith.store.manifest import LIVE_FOLDER, MANIFEST, Manifest, read_manifest

_STOP_SECONDS: Final = 5.0
"""Seconds that the end of a service waits for a look at a build, such as the sums of its files."""

OnReload: TypeAlias = Callable[[Literal["swapped", "refused"], str, str | None], None]
"""Called with the outcome, the id of the build that answers from then on, and why one was refused.
"""


class BuildVerifier:
    """Reads every byte of a build once for all processes that are forked after this was made.

    The first process computes the SHA-256 of the files; the others wait for its result. The lock
    belongs to the operating system, which releases it when a process dies.

    Attributes:
        trusted_keys: public keys, one of which must have signed the build; any if empty.
        end: ends a trial that is under way, as the service shuts down.
        trial: loads a build in another process and returns why it must not be served; None, as for
            the build that a service starts with, loads it nowhere else.
    """

    def __init__(self, trusted_keys: Collection[str] = ()) -> None:
        self.trusted_keys = trusted_keys
        self.trial: Callable[[Manifest], str | None] | None = None
        self.end: Callable[[], None] = _do_nothing
        # unbuffered: another process may have written since; open for as long as this is
        self._result_file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115

    def __del__(self) -> None:
        self._result_file.close()

    def __call__(self, manifest: Manifest) -> None:
        """Check a build.

        Raises:
            FileNotFoundError: a file is missing.
            BundleError: a file differs from the manifest, or it is not signed.
        """
        if self.trusted_keys:
            manifest.check_signature(self.trusted_keys)
        key = [manifest.content["sha256"], *(_file_stamp(file) for file in manifest.paths())]
        with self._locked():
            self._result_file.seek(0)
            result: dict[str, Any] = json.loads(self._result_file.read() or b"{}")
            # a refused build is tried again when its live facts or rules are other ones
            live = _file_stamp(manifest.folder.parent / LIVE_FOLDER)
            is_refused = result.get("error") is not None
            if result.get("key") != key or (is_refused and result.get("live") != live):
                error = _find_damage(manifest)
                if error is None and self.trial is not None:
                    error = self.trial(manifest)
                result = {"key": key, "error": error, "live": live}
                self._result_file.seek(0)
                self._result_file.truncate()
                self._result_file.write(json.dumps(result).encode())
        if result["error"] is not None:
            raise BundleError(result["error"])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if sys.platform == "win32":  # there is one process only
            yield
            return
        import fcntl

        # of the process, not of the open file, which forked processes share
        fcntl.lockf(self._result_file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._result_file, fcntl.LOCK_UN)


class Reloader:
    """Checks a path for another bundle, and swaps it in once it is complete."""

    def __init__(
        self,
        path: Path | str,
        current_bundle: Callable[[], Bundle],
        swap: Callable[[Bundle], None],
        verifier: BuildVerifier | None = None,
        on_reload: OnReload | None = None,
    ) -> None:
        """Nothing is looked at yet.

        Args:
            path: as given to `goeswith fit --out`.
            current_bundle: gives the bundle that answers now.
            swap: makes another one ready and has it answer; what it raises refuses the bundle.
            verifier: shared by the processes of a service.
            on_reload: called for each bundle that is swapped in or refused.
        """
        self.path = Path(path)
        self._current_bundle, self._swap = current_bundle, swap
        self._verifier, self._on_reload = verifier or BuildVerifier(), on_reload
        self._refused_state: list[Any] | None = None
        self._wake, self._ended = threading.Event(), False
        self._thread: threading.Thread | None = None

    def check(self, *, force: bool = False) -> bool:
        """Swap in the bundle at the path if it is another one; returns whether it was.

        A bundle that was refused is tried again when a file of it has changed.

        Args:
            force: try it again in any case.
        """
        state = _path_state(self.path)
        before = self._current_bundle().id
        if state[0] == before:
            self._refused_state = None
            return False
        if state == self._refused_state and not force:
            return False
        try:
            bundle = Bundle.open(self.path, verify=self._verifier)
            if bundle.id == before:
                return False
            self._swap(bundle)
        except Exception as error:
            self._refused_state = state
            reason = str(error) if isinstance(error, GoesWithError) else type(error).__name__
            self._report("refused", before, reason)
            return False
        self._refused_state = None
        self._report("swapped", bundle.id, None)
        return True

    def _report(
        self, outcome: Literal["swapped", "refused"], bundle: str, reason: str | None
    ) -> None:
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


def _do_nothing() -> None:
    """There is no trial to end."""


def _path_state(path: Path) -> list[Any]:
    """State of a path: the id of its build, and the stamps of its files."""
    try:
        manifest = read_manifest(path)
    except (OSError, BundleError) as error:
        return [None, str(error), _file_stamp(path / MANIFEST)]
    # of the folder, which a new file of rules changes, and a line more in the log does not
    files = (path / MANIFEST, path / LIVE_FOLDER, *manifest.paths())
    stamps = [_file_stamp(file) for file in files]
    return [manifest.content["id"], *stamps]


def _file_stamp(file: Path) -> list[int] | None:
    """Inode, size and time of a file; None if it is missing."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return [stat.st_ino, stat.st_size, stat.st_mtime_ns]


def _find_damage(manifest: Manifest) -> str | None:
    try:
        manifest.verify_checksums()
    except BundleError as error:
        return str(error)
    return None
