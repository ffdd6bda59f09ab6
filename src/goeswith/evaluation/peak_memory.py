"""The most memory that the process held at once, while one model was at work."""

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
    """Filled when the block ends.

    Attributes:
        mb: MiB of resident memory of the whole process, data and libraries included: what a
            machine must have. None where the kernel cannot tell (anything but Linux).
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
    fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
    peak.mb = int(fields["VmHWM"].split()[0]) / 1024
