"""A build is opened, loaded and queried in a child process before the service takes it up.

What kills a process, such as a fault in a library that reads a damaged file, then kills the child.
The child has limits of memory and time, and ends after its result. An end without a result may have
other causes than the build, such as a lack of memory.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goeswith.core.errors import BundleError, GoesWithError
from goeswith.store.build_files import live_bytes
from goeswith.store.manifest import LIVE_FOLDER

if TYPE_CHECKING:
    from goeswith.store.manifest import Manifest

_BASE_BYTES: Final = 2_000_000_000
_BYTES_PER_BYTE: Final = 6
"""Memory of the child: the first, and this many bytes for each byte of the build."""
_BASE_SECONDS: Final = 120.0
_SECONDS_PER_GB: Final = 120.0
_SPARE_SECONDS: Final = 5
"""Seconds after which a child ends itself, beyond its time: its parent may be gone."""
_MAX_REASON: Final = 2000
_USER_ERROR: Final = 2
_OTHER_BUILD: Final = 3


@dataclass(frozen=True)
class TrialFault:
    """What a trial found.

    Attributes:
        reason: why the build must not be served.
        is_certain: whether the build is the cause; else the trial came to no result.
    """

    reason: str
    is_certain: bool


class TrialLoad:
    """Loads builds in a child process."""

    def __init__(self, path: Path | str, *, live: bool) -> None:
        """Args: path: of the bundle; live: whether models are loaded as well."""
        self.path, self.live = Path(path), live
        self._child: subprocess.Popen[bytes] | None = None
        self._is_ending = False

    def end(self) -> None:
        """End the child: the service shuts down, and must not wait for it."""
        self._is_ending = True
        if self._child is not None:
            self._child.kill()

    def __call__(self, manifest: Manifest) -> TrialFault | None:
        """Try a build; why it must not be served, or None.

        Args:
            manifest: of the build, the current one of the bundle.

        Raises:
            BundleError: the service ends, or another build has replaced this one.
        """
        size = sum(entry["bytes"] for entry in manifest.files.values())
        size += live_bytes(self.path / LIVE_FOLDER)
        seconds = _BASE_SECONDS + _SECONDS_PER_GB * size / 1e9
        given = {
            "path": str(self.path),
            "id": manifest.content["id"],
            "live": self.live,
            "max_bytes": _BASE_BYTES + _BYTES_PER_BYTE * size,
            "seconds": math.ceil(seconds) + _SPARE_SECONDS,
        }
        # not forked: this process has threads
        command = [sys.executable, "-m", "goeswith.serve.process.trial_load", json.dumps(given)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
        environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        try:
            code, stderr = self._run(command, environment, seconds)
        except subprocess.TimeoutExpired:
            return self._no_result(f"loading it took more than {seconds:.0f} s")
        except OSError as error:
            return self._no_result(f"no process could be started to try it ({error})")
        if self._is_ending:
            raise BundleError("the service is shutting down")
        if code == 0:
            return None
        if code == _OTHER_BUILD:
            raise BundleError(f"{self.path}: another build has replaced this one")
        text = stderr.decode("utf-8", "replace").strip()[-_MAX_REASON:]
        if code == _USER_ERROR:
            return TrialFault(text, is_certain=True)
        last = text.rpartition("\n")[2]
        return self._no_result(f"loading it {_describe_end(code)}{f' ({last})' if last else ''}")

    def _no_result(self, reason: str) -> TrialFault:
        return TrialFault(f"{self.path}: {reason}", is_certain=False)

    def _run(
        self, command: list[str], environment: dict[str, str], seconds: float
    ) -> tuple[int, bytes]:
        """Exit code and stderr of the child; nothing is started once the service ends."""
        if self._is_ending:
            return 0, b""
        child = self._child = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
        )
        with child:
            try:
                stderr = child.communicate(timeout=seconds)[1]
            except subprocess.TimeoutExpired:
                child.kill()
                raise
            finally:
                self._child = None
        return child.returncode, stderr


def _describe_end(code: int) -> str:
    if code >= 0:
        return f"failed with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def limit_memory(max_bytes: int) -> None:
    """Bound the memory of this process, mapped files apart; no core is dumped when it ends."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    limit = max_bytes if hard == resource.RLIM_INFINITY else min(max_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _try_build(path: str, build_id: str, *, live: bool) -> int:
    from goeswith.query.bundle import Bundle
    from goeswith.serve.process.trial_queries import try_queries

    bundle = Bundle.open(path)
    if bundle.id != build_id:  # a newer one came; it is tried on its own
        return _OTHER_BUILD
    try:
        bundle.check()
        try_queries(bundle, live=live)
    except MemoryError as error:
        raise BundleError(f"{path}: loading it takes more memory than its size allows") from error
    return 0


def main() -> None:
    """The child: ends with 0, or with 2 and the reason on stderr."""
    given = json.loads(sys.argv[1])
    limit_memory(given["max_bytes"])
    if hasattr(signal, "alarm"):
        signal.alarm(given["seconds"])
    try:
        code = _try_build(given["path"], given["id"], live=given["live"])
    except GoesWithError as error:
        sys.stderr.write(str(error))
        sys.stderr.flush()
        os._exit(_USER_ERROR)
    os._exit(code)


if __name__ == "__main__":
    main()
