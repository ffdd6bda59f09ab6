"""Feedback files of the service (`serve/feedback_log.py`) as an event table."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.event_ids import Hashes, drop_repeats, no_hashes
from goeswith.data.jsonlines import parse_object
from goeswith.data.quarantine import ROW

FEEDBACK_PATTERN: Final = "feedback-*.jsonl"
_EVENTS: Final = {"click": "view", "purchase": "purchase"}
"""Feedback event -> event of an event table. Impressions are no actions of a shopper."""
_MAX_LINE: Final = 100_000
"""Bytes of a line; the service writes shorter ones."""


@dataclass(frozen=True)
class FeedbackEvents:
    """The new events in a folder of feedback.

    Attributes:
        events: product_id, event, session_id, user_id, timestamp, and `_row`. An event without a
            user is of its session, so that the cap of one user's votes holds for it.
        event_ids: hashes of the events with an `event_id`, sorted.
        files: of each file with new lines: `file`, `bytes` read so far, and `sha256` of these.
        skip_counts: reason -> number of skipped lines.
    """

    events: pl.DataFrame
    event_ids: Hashes
    files: list[dict[str, Any]]
    skip_counts: dict[str, int]


def read_feedback_events(
    folder: Path,
    counted_files: Sequence[Mapping[str, Any]],
    catalog: Catalog,
    *,
    counted_ids: Hashes | None = None,
    recount: bool = False,
) -> FeedbackEvents:
    """Read the events of a folder that are not counted yet.

    The service may still write to a file: complete lines are read, from the previous position on.
    A file that was renamed is recognised by its content. Lines without information on pairs are
    skipped and counted: impressions, events without a session, of unknown products, and repeats of
    an `event_id`, also of one in another file.

    Args:
        folder: of `serve.feedback`.
        counted_files: entries as `FeedbackEvents.files` of earlier calls.
        catalog: which products there are.
        counted_ids: `FeedbackEvents.event_ids` of all earlier calls.
        recount: read all files from the start.

    Raises:
        DataError: there are no such files, nothing is new, or a file has changed before its
            previous position.
    """
    paths = sorted(folder.glob(FEEDBACK_PATTERN))
    if not paths:
        raise DataError(
            f"{folder} has no feedback ({FEEDBACK_PATTERN}); use the folder of serve.feedback"
        )
    counted = [] if recount else [entry for entry in counted_files if "bytes" in entry]
    before = {entry["file"]: entry for entry in counted}
    records: list[dict[str, Any]] = []
    files, skip_counts = [], dict.fromkeys(_SKIP_REASONS, 0)
    for path in paths:
        new = _read_new_lines(path, counted, before.get(path.name))
        if not new.lines:
            continue
        files.append({"file": path.name, "bytes": new.size, "sha256": new.sha256})
        for line in new.lines:
            record = parse_object(line.decode("utf-8", "replace")) or {}
            reason = _skip_reason(record)
            if reason is None:
                records.append(record)
            else:
                skip_counts[reason] += 1
    if not files:
        raise DataError(f"{folder}: every line of it is already counted")
    frame = _records_frame(records)
    in_catalog = frame.filter(pl.Series(catalog.rows(frame["product_id"]) >= 0, dtype=pl.Boolean))
    skip_counts[_SKIP_UNKNOWN_PRODUCT] = frame.height - in_catalog.height
    seen = no_hashes() if recount or counted_ids is None else counted_ids
    events, event_ids = drop_repeats(in_catalog, seen)
    skip_counts[_SKIP_DUPLICATE] = in_catalog.height - events.height
    events = events.drop("event_id").with_row_index(ROW, offset=1)
    return FeedbackEvents(
        events.with_columns(pl.col(ROW).cast(pl.Int64)),
        event_ids,
        files,
        {reason: count for reason, count in skip_counts.items() if count},
    )


_SKIP_IMPRESSION: Final = "impressions"
_SKIP_ANSWER: Final = "answers"
_SKIP_CART: Final = "products put into a cart"
_SKIP_NO_SESSION: Final = "without a session_id"
_SKIP_MALFORMED: Final = "malformed"
_SKIP_UNKNOWN_PRODUCT: Final = "of products that are not in the catalogue"
_SKIP_DUPLICATE: Final = "sent twice"
_NO_ACTIONS: Final = {"impression": _SKIP_IMPRESSION, "answer": _SKIP_ANSWER, "cart": _SKIP_CART}
"""Lines that are no view or purchase; `goeswith results` reads them."""
_SKIP_REASONS: Final = (
    _SKIP_IMPRESSION,
    _SKIP_ANSWER,
    _SKIP_CART,
    _SKIP_NO_SESSION,
    _SKIP_UNKNOWN_PRODUCT,
    _SKIP_DUPLICATE,
    _SKIP_MALFORMED,
)


def _skip_reason(record: Mapping[str, Any]) -> str | None:
    if record.get("event") in _NO_ACTIONS and isinstance(record.get("timestamp"), str):
        return _NO_ACTIONS[record["event"]]
    texts = [record.get(name) for name in ("event", "product_id", "timestamp")]
    if not all(isinstance(text, str) for text in texts):
        return _SKIP_MALFORMED
    if record["event"] not in _EVENTS:
        return _SKIP_MALFORMED
    return None if isinstance(record.get("session_id"), str) else _SKIP_NO_SESSION


def _records_frame(records: list[dict[str, Any]]) -> pl.DataFrame:
    names = ("product_id", "event", "session_id", "user_id", "timestamp", "event_id")
    columns = {name: [_string_or_none(record.get(name)) for record in records] for name in names}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))
    user = pl.coalesce("user_id", "session_id").alias("user_id")
    return frame.with_columns(pl.col("event").replace(_EVENTS), user)


def _string_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


class _NewLines(NamedTuple):
    """What a file holds beyond what was counted: lines, and size and SHA-256 up to the last one."""

    lines: list[bytes]
    size: int
    sha256: str


def _read_new_lines(
    path: Path, counted: Sequence[Mapping[str, Any]], before: Mapping[str, Any] | None
) -> _NewLines:
    """The complete lines after the part that was counted, under this name or another one.

    A line that is too long is returned cut, which is no JSON.

    Raises:
        DataError: the part that was counted under this name has changed.
    """
    sums = {(int(entry["bytes"]), entry["sha256"]) for entry in counted}
    sizes = {size for size, _ in sums}
    own = None if before is None else (int(before["bytes"]), before["sha256"])
    digest, size, lines, has_own = hashlib.sha256(), 0, list[bytes](), own is None
    with path.open("rb") as file:
        end = last_line_end(file, file.seek(0, os.SEEK_END))
        file.seek(0)
        while size < end:
            part = file.readline(_MAX_LINE)
            lines.append(part)
            while True:
                digest.update(part)
                size += len(part)
                if part.endswith(b"\n"):
                    break
                part = file.readline(_MAX_LINE)
            if size in sizes and (size, digest.hexdigest()) in sums:
                has_own |= (size, digest.hexdigest()) == own
                lines.clear()
    if not has_own:
        raise DataError(
            f"{path} has changed since it was counted; move it away, or give --again to count "
            "everything in the folder once more"
        )
    return _NewLines(lines, size, digest.hexdigest())


def last_line_end(file: IO[bytes], size: int) -> int:
    """Position of the end of the last complete line of an open file of so many bytes."""
    end = size
    while end:
        start = max(end - 65_536, 0)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
