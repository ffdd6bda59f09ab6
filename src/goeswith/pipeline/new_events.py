"""The events of an update: a table, or the feedback folder of the service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from goeswith.core.arrays_file import load_arrays
from goeswith.core.errors import BundleError, DataError
from goeswith.data.clean import clean_events
from goeswith.data.event_ids import Hashes, drop_repeats, events_digest, no_hashes
from goeswith.data.feedback import read_feedback_events
from goeswith.data.tables import read_table
from goeswith.pipeline.update_counts import file_info
from goeswith.store.manifest import EVENT_IDS, file_sha256

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.data.quarantine import Quarantine
    from goeswith.query.bundle import Bundle
    from goeswith.settings.sections import Settings

_CONTEXT_COLUMNS: Final = {"baskets": "basket_id", "users": "user_id"}
"""Context of purchases in a bundle -> the column with its id."""


@dataclass(frozen=True)
class NewEvents:
    """Events to count.

    Attributes:
        path: where they came from.
        frame: as `clean_events` leaves them.
        files: entries of the manifest for the files.
        notes: limits of the counts, for the user.
        event_ids: hashes of those with an `event_id`, sorted.
    """

    path: Path
    frame: pl.DataFrame
    files: list[dict[str, Any]]
    notes: list[str]
    event_ids: Hashes


def read_events(
    old: Bundle,
    settings: Settings,
    catalog: Catalog,
    path: Path,
    quarantine: Quarantine,
    *,
    again: bool,
) -> NewEvents:
    """Events for a bundle.

    Args:
        old: the bundle.
        settings: that it was fitted with.
        catalog: its products, and the new ones.
        path: a table as `events` of a data folder, or a folder of feedback.
        quarantine: takes rows that cannot be used.
        again: count what was counted before once more.

    Raises:
        BundleError: events cannot be added to its counts, or these were before.
        DataError: they cannot be used.
    """
    _check_countable(old, path, settings, again=again)
    if path.is_dir():
        return _read_feedback_folder(old, catalog, path, quarantine, again=again)
    table = read_table(path, quarantine)
    counted = no_hashes() if again else counted_event_ids(old)
    new, event_ids = drop_repeats(table, counted)
    repeated = table.height - new.height
    if repeated and not new.height:
        raise DataError(f"{path}: every event of it is in the counts already, by its event_id")
    quarantine.count_expected(path.name, repeated, "sent twice (by event_id)", "")
    frame = clean_events(new, path.name, quarantine, catalog)
    quarantine.check()
    digest = events_digest(frame)
    if not again and frame.height:
        _check_not_counted(old, path, "events", digest)
    notes = [f"{repeated:,} rows skipped: sent twice (by event_id)"] if repeated else []
    info = {**file_info("events", path), "events": digest}
    return NewEvents(path, frame, [info], notes, event_ids)


def counted_event_ids(bundle: Bundle) -> Hashes:
    """Hashes of the events with an id that earlier updates counted, sorted."""
    if EVENT_IDS not in bundle.manifest["files"]:
        return no_hashes()
    hashes: Hashes = load_arrays(bundle.folder / EVENT_IDS)["hashes"]
    return hashes


def _read_feedback_folder(
    old: Bundle, catalog: Catalog, folder: Path, quarantine: Quarantine, *, again: bool
) -> NewEvents:
    """Feedback as events; a visit is a basket or a user if purchases are counted in those."""
    applied = old.manifest["data"].get("applied", [])
    feedback = read_feedback_events(
        folder, applied, catalog, counted_ids=counted_event_ids(old), recount=again
    )
    notes = [f"{count:,} lines skipped: {reason}" for reason, count in feedback.skip_counts.items()]
    kinds = {entry["relation"]: entry["contexts_are"] for entry in old.manifest["mined"]}
    column = _CONTEXT_COLUMNS.get(kinds.get("co_purchase", ""))
    frame = feedback.events
    if column is not None:
        frame = frame.with_columns(pl.col("session_id").alias(column))
    quarantine.count_read(folder.name, frame.height)
    frame = clean_events(frame, folder.name, quarantine, catalog)
    files = [{**file, "table": "feedback"} for file in feedback.files]
    return NewEvents(folder, frame, files, notes, feedback.event_ids)


def _check_countable(old: Bundle, events: Path, settings: Settings, *, again: bool) -> None:
    data = old.manifest["data"]
    if data["rows"].get("events") is None or data["rows"].get("relations") is not None:
        raise BundleError(
            f"{old.path} was made from lists of relations, which have no counts that events could "
            "be added to; fit it anew from data with events"
        )
    if settings.relations.half_life_days is not None:
        raise BundleError(
            f"{old.path} was fitted with half_life_days, by which its counts would have aged "
            "since; fit it anew from all events"
        )
    if events.is_dir():
        return
    if not events.is_file():
        raise DataError(f"there is no file {events}")
    if not again:
        _check_not_counted(old, events, "sha256", file_sha256(events))


def _check_not_counted(old: Bundle, events: Path, field: str, digest: str) -> None:
    """Refuse a table that was counted: its file, or the same events in another one.

    Raises:
        BundleError: the message states the file that was counted.
    """
    applied = [
        entry for entry in old.manifest["data"].get("applied", []) if entry.get(field) == digest
    ]
    if applied:
        when = applied[-1].get("applied")
        raise BundleError(
            f"{events} is in the counts of {old.path} already, as {applied[-1]['file']}"
            f"{f', since {when}' if when else ', since it was fitted'}; give --again to count it "
            "once more"
        )
