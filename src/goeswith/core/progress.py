"""Progress of long work: the types of its callbacks, and lines for where there is no terminal."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread
from time import monotonic
from types import TracebackType
from typing import Final, Self, TypeAlias

MessageProgress: TypeAlias = Callable[[str], None]
"""Called with a message that names the current work."""

ShareProgress: TypeAlias = Callable[[str, float], None]
"""Called with the name of the current input and the share of it that is done, 0 to 1."""

StepProgress: TypeAlias = Callable[[int, int, str], None]
"""Called with the number of finished steps, the number of all steps, and the next step."""

LINE_SECONDS: Final = 5.0
"""Seconds between two lines of progress, at least."""


class StageLines:
    """Writes a line a stage: its name, steps done of all, seconds since the start.

    The first stage is written at once, then the current one at most every `seconds`. A thread
    writes a stage that makes no calls, so that a long one is seen. Stages that begin and end
    between two lines are left out.
    """

    def __init__(self, write: MessageProgress, seconds: float = LINE_SECONDS) -> None:
        self._write, self._seconds = write, seconds
        self._started, self._last = monotonic(), -float("inf")
        self._stage: tuple[int, int, str] | None = None
        self._is_written = True
        self._lock, self._stop = Lock(), Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        if error is None and self._stage is not None:
            self._write(f"finished, {monotonic() - self._started:.1f} s")

    def step(self, done: int, total: int, what: str) -> None:
        """Note the current stage; a `StepProgress`."""
        with self._lock:
            self._is_written = self._is_written and self._stage == (done, total, what)
            self._stage = done, total, what
        self._write_due()

    def _watch(self) -> None:
        while not self._stop.wait(self._seconds):
            self._write_due()

    def _write_due(self) -> None:
        with self._lock:
            now = monotonic()
            if self._stage is None or self._is_written or now - self._last < self._seconds:
                return
            done, total, what = self._stage
            steps = f", {done:,}/{total:,}" if total > 1 else ""
            self._write(f"{what}{steps}, {now - self._started:.1f} s")
            self._last, self._is_written = now, True
