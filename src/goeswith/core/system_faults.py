"""Faults of the machine, such as a full disk, as a message with a remedy."""

from __future__ import annotations

import errno
import re
from typing import Final

_REMEDIES: Final = {
    errno.ENOSPC: "free space on the disk, or name a folder on another one",
    errno.EDQUOT: "free space within the quota, or name a folder on another disk",
    errno.EFBIG: "name a folder on another disk: this one does not take files of that size",
    errno.EROFS: "name a folder on a disk that can be written",
    errno.EACCES: "grant this user access, or name another folder",
    errno.EPERM: "grant this user access, or name another folder",
    errno.EMFILE: "raise the limit of open files: ulimit -n 4096",
}
"""Number of the system's error -> what to do."""
_CODE: Final = re.compile(r"os error (\d+)|errno (\d+)", re.IGNORECASE)


def system_fault(error: BaseException) -> str | None:
    """What the system refused and what to do; None for an error of another kind.

    Libraries that are written in other languages raise errors of their own, whose text holds the
    number of the system's error.
    """
    if isinstance(error, MemoryError):
        return "the memory of this machine is not enough; use a smaller table, or a larger machine"
    number = error.errno if isinstance(error, OSError) else None
    match = _CODE.search(str(error))
    if number is None and match:
        number = int(match[1] or match[2])
    remedy = _REMEDIES.get(number or 0)
    if remedy is None:
        return None
    where = getattr(error, "filename", None)
    what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{f'{where}: ' if where else ''}{what}; {remedy}"
