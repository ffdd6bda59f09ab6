"""What the service kept of shoppers (`serve/feedback_log.py`) -> events as any others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.jsonlines import parse_object
from goeswith.data.quarantine import ROW

PATTERN: Final = "feedback-*.jsonl"
_EVENTS: Final = {"click": "view", "purchase": "purchase"}
"""An impression is what the service did, not what the shopper did."""


@dataclass(frozen=True)
class Feedback:
    """What is new in a folder of feedback.

    Attributes:
        events: product_id, event, session_id, timestamp, and `_row`.
        files: of each file with new lines: `file`, `bytes` read so far, and `sha256` of these.
        passed: why lines are no events -> how many.
    """

    events: pl.DataFrame
    files: list[dict[str, Any]]
    passed: dict[str, int]


def read_feedback(
    folder: Path, counted: Sequence[Mapping[str, Any]], catalog: Catalog, *, again: bool = False
) -> Feedback:
    """The events of a folder that are not counted yet.

    A file may still be written to: of each, whole lines are read, from where they were read before.
    Lines that say nothing of pairs are passed over and counted: impressions, events without a
    session, of unknown products, and repeats of an `event_id`.

    Args:
        folder: of `serve.feedback`.
        counted: entries as `Feedback.files` of earlier calls.
        catalog: which products there are.
        again: read everything from the start.

    Raises:
        DataError: there are no such files, nothing is new, or a file that was read before has
            changed where it was read.
    """
    paths = sorted(folder.glob(PATTERN))
    if not paths:
        raise DataError(f"{folder} holds no feedback ({PATTERN}); name the folder serve.feedback")
    before = {} if again else {entry["file"]: entry for entry in counted if "bytes" in entry}
    records: list[dict[str, Any]] = []
    files, passed = [], dict.fromkeys(_PASSED, 0)
    for path in paths:
        content = path.read_bytes()
        content = content[: content.rfind(b"\n") + 1]
        start = _start(path, content, before.get(path.name))
        if start == len(content):
            continue
        files.append(
            {
                "file": path.name,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
        for line in content[start:].decode("utf-8", "replace").split("\n")[:-1]:
            record = parse_object(line) or {}
            reason = _passed_over(record)
            if reason is None:
                records.append(record)
            else:
                passed[reason] += 1
    if not files:
        raise DataError(f"{folder}: every line of it is in the counts already")
    frame = _frame(records)
    known = frame.filter(pl.Series(catalog.rows(frame["product_id"]) >= 0, dtype=pl.Boolean))
    passed[_UNKNOWN] = frame.height - known.height
    events = known.filter(
        pl.col("event_id").is_null() | pl.struct("session_id", "event_id").is_first_distinct()
    )
    passed[_REPEATED] = known.height - events.height
    events = events.drop("event_id").with_row_index(ROW, offset=1)
    return Feedback(
        events.with_columns(pl.col(ROW).cast(pl.Int64)),
        files,
        {reason: count for reason, count in passed.items() if count},
    )


_IMPRESSION: Final = "impressions, which say nothing of pairs"
_NOBODY: Final = "without a session_id"
_UNREAD: Final = "not written as the service writes them"
_UNKNOWN: Final = "of products that are not in the catalogue"
_REPEATED: Final = "sent twice"
_PASSED: Final = (_IMPRESSION, _NOBODY, _UNKNOWN, _REPEATED, _UNREAD)


def _passed_over(record: Mapping[str, Any]) -> str | None:
    texts = [record.get(name) for name in ("event", "product_id", "timestamp")]
    if not all(isinstance(text, str) for text in texts):
        return _UNREAD
    if record["event"] == "impression":
        return _IMPRESSION
    if record["event"] not in _EVENTS:
        return _UNREAD
    return None if isinstance(record.get("session_id"), str) else _NOBODY


def _frame(records: list[dict[str, Any]]) -> pl.DataFrame:
    names = ("product_id", "event", "session_id", "timestamp", "event_id")
    columns = {name: [_text(record.get(name)) for record in records] for name in names}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))
    return frame.with_columns(pl.col("event").replace(_EVENTS))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _start(path: Path, content: bytes, before: Mapping[str, Any] | None) -> int:
    if before is None:
        return 0
    read = int(before["bytes"])
    if len(content) < read or hashlib.sha256(content[:read]).hexdigest() != before["sha256"]:
        raise DataError(
            f"{path} is not as it was when it was counted; move it away, or give --again to count "
            "everything in the folder once more"
        )
    return read
