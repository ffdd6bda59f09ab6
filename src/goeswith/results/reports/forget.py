"""Removal of lines from the feedback log: those of a shopper, or those before a day."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from shutil import rmtree
from typing import IO, Any

from goeswith.core.atomic_files import atomic_path
from goeswith.core.errors import DataError
from goeswith.data.feedback import FEEDBACK_PATTERN
from goeswith.data.jsonlines import parse_object
from goeswith.results.reports.feedback_tables import CACHE


@dataclass
class Removal:
    """What was removed.

    Attributes:
        removed: number of lines.
        in_use: files of running services, which are unchanged.
        changed: files that were written again or deleted.
    """

    removed: int = 0
    in_use: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def forget(folder: Path, *, user: str | None = None, before: date | None = None) -> Removal:
    """Remove lines, and the parsed files of reports.

    Args:
        folder: of `serve.feedback`.
        user: remove the lines with this `user_id` or `session_id`.
        before: remove the lines that arrived before this day (UTC).

    Raises:
        DataError: the folder has no feedback.
    """
    paths = sorted(folder.glob(FEEDBACK_PATTERN))
    if not paths:
        raise DataError(
            f"{folder} has no feedback ({FEEDBACK_PATTERN}) and is not a bundle; name the folder "
            "serve.feedback, or a bundle with histories of shoppers"
        )
    result, day = Removal(), None if before is None else before.isoformat()
    for path in paths:
        with path.open("rb") as file:
            if not _is_free(file):
                result.in_use.append(path.name)
                continue
            removed, left = 0, 0
            with atomic_path(path) as partial, partial.open("wb") as out:
                for line in file:
                    record = parse_object(line.decode("utf-8", "replace")) or {}
                    if _matches(record, user, day):
                        removed += 1
                    else:
                        out.write(line)
                        left += 1
            if removed:
                result.removed += removed
                result.changed.append(path.name)
            if not left:
                path.unlink()
    if result.removed:
        rmtree(folder / CACHE, ignore_errors=True)
    return result


def _matches(record: dict[str, Any], user: str | None, day: str | None) -> bool:
    if user is not None and user in (record.get("user_id"), record.get("session_id")):
        return True
    stamp = record.get("timestamp")
    return day is not None and isinstance(stamp, str) and stamp[:10] < day


def _is_free(file: IO[bytes]) -> bool:
    """Whether no running service writes to a file; holds it until it is closed."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
