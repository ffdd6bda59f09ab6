"""Peak memory of the process during a block."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@dataclass
class Peak:
    """The peak, set when the block ends.

    Attributes:
        mb: MiB of resident memory of the complete process, data and libraries included: what a
            machine must have. None on systems other than Linux.
    """

    mb: float | None = None


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the block's peak: the kernel's own high-water mark, reset before it (proc(5))."""
    peak = Peak()
    gc.collect()
    try:
        _RESET.write_text("5")
    except OSError:
        yield peak
        return
    yield peak
    status = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
    peak.mb = int(status["VmHWM"].split()[0]) / 1024
