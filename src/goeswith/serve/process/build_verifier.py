"""The check of a new build, once for all processes of a service, with one verdict for them."""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import BundleError
from goeswith.serve.process.trial_load import TrialFault
from goeswith.store.early_checksums import checksum
from goeswith.store.manifest import LIVE_FOLDER

if TYPE_CHECKING:
    from goeswith.store.manifest import Manifest

_RETRY_SECONDS: Final = (10.0, 60.0, 300.0)
"""Seconds from the end of a trial that came to no result to the next one."""
MAX_TRIALS: Final = len(_RETRY_SECONDS) + 1
"""Trials of a build that come to no result; then it is refused."""
_NEXT_STEPS: Final = (
    "",
    *(
        f"; tried again in {seconds:.0f} s (trial {number} of {MAX_TRIALS})"
        for number, seconds in enumerate(_RETRY_SECONDS, start=1)
    ),
    f" in the last of {MAX_TRIALS} trials, so that the build is refused. Fit it again; if the "
    "machine lacked memory or time, send SIGHUP to try it once more",
)
"""What follows after a number of trials without a result."""


class PostponedError(BundleError):
    """A build that is to be checked again.

    Attributes:
        retry_at: when, in seconds of the monotonic clock.
    """

    def __init__(self, message: str, retry_at: float) -> None:
        super().__init__(message)
        self.retry_at = retry_at


@dataclass
class _Verdict:
    """Of a build.

    Attributes:
        key: of its content and files.
        live: of its live facts and rules.
        error: why it must not be served; None if it may.
        trials: that came to no result; 0 where `error` is certain.
        at: monotonic seconds of the last trial.
    """

    key: list[Any]
    live: list[int] | None
    error: str | None
    trials: int
    at: float

    @property
    def retry_at(self) -> float:
        """When to try it again; never if it is certain, or was tried often enough."""
        return self.at + (math.inf, *_RETRY_SECONDS, math.inf)[self.trials]


class BuildVerifier:
    """Reads every byte of a build once for all processes that are forked after this was made.

    The first process computes the SHA-256 of the files and tries the build; the others wait for its
    verdict. The lock belongs to the operating system, which releases it when a process dies.

    Attributes:
        trusted_keys: public keys, one of which must have signed the build; any if empty.
        end: ends a trial that is under way, as the service shuts down.
        trial: loads a build in another process and returns what is wrong; None, as for the build
            that a service starts with, loads it nowhere else.
    """

    def __init__(self, trusted_keys: Collection[str] = ()) -> None:
        self.trusted_keys = trusted_keys
        self.trial: Callable[[Manifest], TrialFault | None] | None = None
        self.end: Callable[[], None] = _do_nothing
        # unbuffered: another process may have written since; open for as long as this is
        self._verdict_file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115

    def __del__(self) -> None:
        self._verdict_file.close()

    def __call__(self, manifest: Manifest, *, after: float = -math.inf) -> None:
        """Check a build.

        Args:
            manifest: of the build.
            after: monotonic seconds; a build whose trials came to no result before that is tried
                again in any case.

        Raises:
            FileNotFoundError: a file is missing.
            BundleError: a file differs from the manifest, or it is not signed.
            PostponedError: its trial came to no result; it is tried again later.
        """
        if self.trusted_keys:
            manifest.check_signature(self.trusted_keys)
        key, live = _build_key(manifest), file_stamp(manifest.folder.parent / LIVE_FOLDER)
        with self._locked():
            verdict = self._read()
            # a refused build is tried again when its live facts or rules are other ones
            if (
                verdict is None
                or verdict.key != key
                or (verdict.error is not None and verdict.live != live)
            ):
                verdict = self._examine(manifest, _Verdict(key, live, None, 0, 0.0))
            elif verdict.trials and (verdict.at < after or time.monotonic() >= verdict.retry_at):
                verdict.trials %= MAX_TRIALS
                verdict = self._examine(manifest, verdict)
        if verdict.error is not None:
            if verdict.retry_at < math.inf:
                raise PostponedError(verdict.error, verdict.retry_at)
            raise BundleError(verdict.error)

    def follow(self, manifest: Manifest) -> None:
        """Accept a build that another process has accepted; never waits, and never tries it.

        Raises:
            BundleError: it is not signed.
            PostponedError: no process has accepted it yet.
        """
        if self.trusted_keys:
            manifest.check_signature(self.trusted_keys)
        verdict = None
        with suppress(BlockingIOError), self._locked(wait=False):
            verdict = self._read()
        if verdict is None or verdict.error is not None or verdict.key != _build_key(manifest):
            raise PostponedError(f"{manifest.folder}: no worker has accepted it yet", 0.0)

    def _examine(self, manifest: Manifest, verdict: _Verdict) -> _Verdict:
        """Check a build, and write the verdict."""
        fault: TrialFault | None = None
        try:
            manifest.verify_checksums(checksum)
        except BundleError as error:
            fault = TrialFault(str(error), is_certain=True)
        else:
            fault = self.trial(manifest) if self.trial is not None else None
        is_certain = fault is None or fault.is_certain
        verdict.trials = 0 if is_certain else verdict.trials + 1
        verdict.error = None if fault is None else fault.reason + _NEXT_STEPS[verdict.trials]
        verdict.at = time.monotonic()
        self._verdict_file.seek(0)
        self._verdict_file.truncate()
        self._verdict_file.write(json.dumps(asdict(verdict)).encode())
        return verdict

    def _read(self) -> _Verdict | None:
        self._verdict_file.seek(0)
        content = self._verdict_file.read()
        return _Verdict(**json.loads(content)) if content else None

    @contextmanager
    def _locked(self, *, wait: bool = True) -> Iterator[None]:
        if sys.platform == "win32":  # there is one process only
            yield
            return
        import fcntl

        # of the process, not of the open file, which forked processes share
        fcntl.lockf(self._verdict_file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        try:
            yield
        finally:
            fcntl.lockf(self._verdict_file, fcntl.LOCK_UN)


def file_stamp(file: Path) -> list[int] | None:
    """Inode, size and time of a file; None if it is missing."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return [stat.st_ino, stat.st_size, stat.st_mtime_ns]


def _build_key(manifest: Manifest) -> list[Any]:
    return [manifest.content["sha256"], *(file_stamp(file) for file in manifest.paths())]


def _do_nothing() -> None:
    """There is no trial to end."""
