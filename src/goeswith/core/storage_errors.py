"""Full disks and folders that cannot be written to, as errors with a remedy."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from goeswith.core.errors import GoesWithError, StorageError

_ANOTHER: Final = "name a folder that you may write to"
_TEMPORARY: Final = "free space in the temporary folder, or set TMPDIR to another one"
_REMEDIES: Final = {
    errno.ENOSPC: "free space there, or name a folder on another disk",
    errno.EDQUOT: "free space within the quota, or name a folder on another disk",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f), or name a folder on another disk",
    errno.EROFS: _ANOTHER,
    errno.EACCES: _ANOTHER,
    errno.EPERM: _ANOTHER,
    errno.EIO: "check the disk, or name a folder on another one",
}


@contextmanager
def explain_storage_errors(path: Path, unchanged: str = "") -> Iterator[None]:
    """Raise a `StorageError` where a block fails because of the disk of `path`.

    Libraries report a full disk as errors of their own; these are recognised by their text.

    Args:
        path: what the block writes.
        unchanged: what is as before, for the message.
    """
    try:
        yield
    except GoesWithError:
        raise
    except Exception as error:
        message = storage_message(error, path, unchanged)
        if message is None:
            raise
        raise StorageError(message) from error


def storage_message(error: BaseException, path: Path, unchanged: str = "") -> str | None:
    """What is wrong with a disk or its permissions, and what to do; None for another error.

    Args:
        error: of a file operation or of a library.
        path: what was written, where the error names no file.
        unchanged: what is as before.
    """
    state = f"; {unchanged}" if unchanged else ""
    if "No usable temporary directory" in str(error):
        return f"no temporary folder can be written to{state}. To mend this, {_TEMPORARY}"
    code = _errno(error)
    if code is None:
        return None
    remedy = _REMEDIES[code]
    if isinstance(error, OSError) and isinstance(error.filename, str):
        named = Path(error.filename)
        if not named.absolute().is_relative_to(path.absolute().parent):
            path = named
            if named.is_relative_to(tempfile.gettempdir()):
                remedy = _TEMPORARY
    return f"{path} cannot be written: {_reason(code, path)}{state}. To mend this, {remedy}"


def _errno(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno in _REMEDIES:
        return error.errno
    text = str(error)
    for code in _REMEDIES:
        if f"(os error {code})" in text or os.strerror(code) in text:
            return code
    return None


def _reason(code: int, path: Path) -> str:
    if code not in {errno.ENOSPC, errno.EDQUOT}:
        return os.strerror(code)
    there = next((p for p in (path, *path.absolute().parents) if p.exists()), Path("/"))
    free = shutil.disk_usage(there).free / 2**20
    return f"{os.strerror(code)} ({free:,.0f} MiB are free)"
