"""A service takes up a new bundle without stopping: checked, mapped, and swapped in one step.

A request keeps the bundle that it took at its start, so that no answer mixes two; the old one is
let go of when its last request ends. What cannot be answered from is refused, and the old bundle
answers on.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

from goeswith.core.errors import BundleError, GoesWithError
from goeswith.query.bundle import Bundle
from goeswith.store.manifest import MANIFEST, Manifest, read_manifest

Tell: TypeAlias = Callable[[Literal["swapped", "refused"], str, str | None], None]
"""Called with the outcome, the id of the build that answers from then on, and why one was refused.
"""


class Checked:
    """Reads every byte of a build once for all processes that are forked after this was made.

    The first that asks computes the SHA-256 of the files; the others wait and are told what it
    found. The lock is the system's: a process that dies lets go of it.
    """

    def __init__(self) -> None:
        # unbuffered: another process may have written since; open for as long as this is
        self._notes = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115

    def __del__(self) -> None:
        self._notes.close()

    def __call__(self, manifest: Manifest) -> None:
        """Check a build.

        Raises:
            FileNotFoundError: a file is missing.
            BundleError: a file is not as the manifest says.
        """
        asked = [manifest.content["sha256"], *(_stamp(file) for file in manifest.paths())]
        with self._alone():
            self._notes.seek(0)
            found: dict[str, Any] = json.loads(self._notes.read() or b"{}")
            if found.get("asked") != asked:
                found = {"asked": asked, "error": _damage(manifest)}
                self._notes.seek(0)
                self._notes.truncate()
                self._notes.write(json.dumps(found).encode())
        if found["error"] is not None:
            raise BundleError(found["error"])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if sys.platform == "win32":  # there is one process only
            yield
            return
        import fcntl

        # of the process, not of the open file, which forked processes share
        fcntl.lockf(self._notes, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._notes, fcntl.LOCK_UN)


class Reloader:
    """Looks whether another bundle stands at a path, and has it answer once it is whole."""

    def __init__(
        self,
        path: Path | str,
        answering: Callable[[], Bundle],
        swap: Callable[[Bundle], None],
        checked: Checked | None = None,
        tell: Tell | None = None,
    ) -> None:
        """Nothing is looked at yet.

        Args:
            path: as given to `goeswith fit --out`.
            answering: gives the bundle that answers now.
            swap: makes another one ready and has it answer; what it raises refuses the bundle.
            checked: shared by the processes of a service.
            tell: told of each bundle that is taken or refused.
        """
        self.path = Path(path)
        self._answering, self._swap = answering, swap
        self._checked, self._tell = checked or Checked(), tell
        self._refused: list[Any] | None = None
        self._wake, self._ended = threading.Event(), False
        self._thread: threading.Thread | None = None

    def look(self, *, force: bool = False) -> bool:
        """Take up the bundle that stands at the path, if it is another one; whether it was.

        A bundle that was refused is tried again when a file of it has changed.

        Args:
            force: try it again in any case.
        """
        seen = _seen(self.path)
        before = self._answering().id
        if seen[0] == before:
            self._refused = None
            return False
        if seen == self._refused and not force:
            return False
        try:
            bundle = Bundle.open(self.path, verify=self._checked)
            if bundle.id == before:
                return False
            self._swap(bundle)
        except Exception as error:
            self._refused = seen
            why = str(error) if isinstance(error, GoesWithError) else type(error).__name__
            self._told("refused", before, why)
            return False
        self._refused = None
        self._told("swapped", bundle.id, None)
        return True

    def _told(self, outcome: Literal["swapped", "refused"], bundle: str, why: str | None) -> None:
        if self._tell is not None:
            self._tell(outcome, bundle, why)

    def start(self, every: float) -> None:
        """Look in a thread of its own, every so many seconds, and when woken; 0: only then."""
        self._thread = threading.Thread(
            target=self._run, args=(every,), name="goeswith-reload", daemon=True
        )
        self._thread.start()

    def wake(self) -> None:
        """Look now, also at a bundle that was refused."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread; waits for a look that is under way."""
        self._ended = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, every: float) -> None:
        while True:
            woken = self._wake.wait(every or None)
            self._wake.clear()
            if self._ended:
                return
            self.look(force=woken)


def _seen(path: Path) -> list[Any]:
    """What stands at a path: the id of its build, and what tells its files from others."""
    try:
        manifest = read_manifest(path)
    except (OSError, BundleError) as error:
        return [None, str(error), _stamp(path / MANIFEST)]
    stamps = [_stamp(file) for file in (path / MANIFEST, *manifest.paths())]
    return [manifest.content["id"], *stamps]


def _stamp(file: Path) -> list[int] | None:
    """Changes when a file does; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _damage(manifest: Manifest) -> str | None:
    try:
        manifest.check_sums()
    except BundleError as error:
        return str(error)
    return None
