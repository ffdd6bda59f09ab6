"""Leases on builds: a build stays on disk while a process reads it.

A reader holds a shared lock on the folder of a build; a writer removes only builds whose folder it
can lock exclusively. The operating system releases a lock when its process ends. On systems without
folder locks (Windows, some network file systems) a replaced build is removed at once: mapped files
stay readable, and a file that is opened later raises a BundleError.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


class BuildLease:
    """Keeps a build on disk until this object is deleted.

    Raises:
        FileNotFoundError: the folder is not there, or a writer is removing it.
    """

    def __init__(self, folder: Path) -> None:
        self._handle: int | None = None
        if sys.platform == "win32":
            return
        import fcntl

        self._handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileNotFoundError(2, "is being removed", str(folder)) from error
        except OSError:
            self._release()  # locks are not for this file system

    def __del__(self) -> None:
        self._release()

    def _release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def is_leased(folder: Path) -> bool:
    """Whether any process holds a lease on a build."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
