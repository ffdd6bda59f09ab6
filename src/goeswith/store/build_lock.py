"""A build stays on the disk while somebody answers from it.

Who opens a build holds a shared lock on its folder; a writer removes only builds whose folder it
can lock alone. The system lets go of a lock when the process ends, however it ends. Where folders
cannot be locked (Windows, some network file systems) a replaced build is removed at once: what was
mapped stays readable, what was not opened yet is told as replaced.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


class Lease:
    """Keeps a build until this object is gone.

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
            self._let_go()  # locks are not for this file system

    def __del__(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def leased(folder: Path) -> bool:
    """Whether somebody holds a build."""
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
