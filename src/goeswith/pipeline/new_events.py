"""The events of an update: a table, or the feedback folder of the service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from goeswith.core.errors import BundleError, DataError
from goeswith.data.clean_events import clean_events
from goeswith.data.feedback import read_feedback_events
from goeswith.data.mapping.column_mapping import map_columns
from goeswith.data.tables import read_table
from goeswith.pipeline.update_counts import file_info
from goeswith.store.manifest import file_sha256

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
    """

    path: Path
    frame: pl.DataFrame
    files: list[dict[str, Any]]
    notes: list[str]


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
    table = read_table(path, quarantine, settings.data)
    table, mapping = map_columns(table, "events", path.name, settings.data)
    mapping.check()
    frame = clean_events(table, path.name, quarantine, catalog, settings.data)
    quarantine.check()
    return NewEvents(path, frame, [file_info("events", path)], [])


def _read_feedback_folder(
    old: Bundle, catalog: Catalog, folder: Path, quarantine: Quarantine, *, again: bool
) -> NewEvents:
    """Feedback as events; a visit is a basket or a user if purchases are counted in those."""
    applied = old.manifest["data"].get("applied", [])
    feedback = read_feedback_events(folder, applied, catalog, recount=again)
    notes = [f"{count:,} lines skipped: {reason}" for reason, count in feedback.skip_counts.items()]
    kinds = {entry["relation"]: entry["contexts_are"] for entry in old.manifest["mined"]}
    column = _CONTEXT_COLUMNS.get(kinds.get("co_purchase", ""))
    frame = feedback.events
    if column is not None:
        frame = frame.with_columns(pl.col("session_id").alias(column))
    quarantine.count_read(folder.name, frame.height)
    frame = clean_events(frame, folder.name, quarantine, catalog)
    files = [{**file, "table": "feedback"} for file in feedback.files]
    return NewEvents(folder, frame, files, notes)


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
    digest = file_sha256(events)
    applied = [entry for entry in data.get("applied", []) if entry["sha256"] == digest]
    if applied and not again:
        when = applied[-1].get("applied")
        raise BundleError(
            f"{events} is in the counts of {old.path} already, as {applied[-1]['file']}"
            f"{f', since {when}' if when else ', since it was fitted'}; give --again to count it "
            "once more"
        )
