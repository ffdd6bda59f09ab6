"""Feedback files of the service (`serve/feedback_log.py`) as an event table."""

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

FEEDBACK_PATTERN: Final = "feedback-*.jsonl"
_EVENTS: Final = {"click": "view", "purchase": "purchase"}
"""Feedback event -> event of an event table. Impressions are no actions of a shopper."""


@dataclass(frozen=True)
class FeedbackEvents:
    """The new events in a folder of feedback.

    Attributes:
        events: product_id, event, session_id, timestamp, and `_row`.
        files: of each file with new lines: `file`, `bytes` read so far, and `sha256` of these.
        skip_counts: reason -> number of skipped lines.
    """

    events: pl.DataFrame
    files: list[dict[str, Any]]
    skip_counts: dict[str, int]


def read_feedback_events(
    folder: Path,
    counted_files: Sequence[Mapping[str, Any]],
    catalog: Catalog,
    *,
    recount: bool = False,
) -> FeedbackEvents:
    """Read the events of a folder that are not counted yet.

    The service may still write to a file: complete lines are read, from the previous position on.
    Lines without information on pairs are skipped and counted: impressions, events without a
    session, of unknown products, and repeats of an `event_id`.

    Args:
        folder: of `serve.feedback`.
        counted_files: entries as `FeedbackEvents.files` of earlier calls.
        catalog: which products there are.
        recount: read all files from the start.

    Raises:
        DataError: there are no such files, nothing is new, or a file has changed before its
            previous position.
    """
    paths = sorted(folder.glob(FEEDBACK_PATTERN))
    if not paths:
        raise DataError(
            f"{folder} holds no feedback ({FEEDBACK_PATTERN}); name the folder serve.feedback"
        )
    before = (
        {} if recount else {entry["file"]: entry for entry in counted_files if "bytes" in entry}
    )
    records: list[dict[str, Any]] = []
    files, skip_counts = [], dict.fromkeys(_SKIP_REASONS, 0)
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
            reason = _skip_reason(record)
            if reason is None:
                records.append(record)
            else:
                skip_counts[reason] += 1
    if not files:
        raise DataError(f"{folder}: every line of it is in the counts already")
    frame = _records_frame(records)
    in_catalog = frame.filter(pl.Series(catalog.rows(frame["product_id"]) >= 0, dtype=pl.Boolean))
    skip_counts[_SKIP_UNKNOWN_PRODUCT] = frame.height - in_catalog.height
    events = in_catalog.filter(
        pl.col("event_id").is_null() | pl.struct("session_id", "event_id").is_first_distinct()
    )
    skip_counts[_SKIP_DUPLICATE] = in_catalog.height - events.height
    events = events.drop("event_id").with_row_index(ROW, offset=1)
    return FeedbackEvents(
        events.with_columns(pl.col(ROW).cast(pl.Int64)),
        files,
        {reason: count for reason, count in skip_counts.items() if count},
    )


_SKIP_IMPRESSION: Final = "impressions"
_SKIP_NO_SESSION: Final = "without a session_id"
_SKIP_MALFORMED: Final = "malformed"
_SKIP_UNKNOWN_PRODUCT: Final = "of products that are not in the catalogue"
_SKIP_DUPLICATE: Final = "sent twice"
_SKIP_REASONS: Final = (
    _SKIP_IMPRESSION,
    _SKIP_NO_SESSION,
    _SKIP_UNKNOWN_PRODUCT,
    _SKIP_DUPLICATE,
    _SKIP_MALFORMED,
)


def _skip_reason(record: Mapping[str, Any]) -> str | None:
    texts = [record.get(name) for name in ("event", "product_id", "timestamp")]
    if not all(isinstance(text, str) for text in texts):
        return _SKIP_MALFORMED
    if record["event"] == "impression":
        return _SKIP_IMPRESSION
    if record["event"] not in _EVENTS:
        return _SKIP_MALFORMED
    return None if isinstance(record.get("session_id"), str) else _SKIP_NO_SESSION


def _records_frame(records: list[dict[str, Any]]) -> pl.DataFrame:
    names = ("product_id", "event", "session_id", "timestamp", "event_id")
    columns = {name: [_string_or_none(record.get(name)) for record in records] for name in names}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))
    return frame.with_columns(pl.col("event").replace(_EVENTS))


def _string_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _start(path: Path, content: bytes, before: Mapping[str, Any] | None) -> int:
    if before is None:
        return 0
    size = int(before["bytes"])
    if len(content) < size or hashlib.sha256(content[:size]).hexdigest() != before["sha256"]:
        raise DataError(
            f"{path} has changed since it was counted; move it away, or give --again to count "
            "everything in the folder once more"
        )
    return size
