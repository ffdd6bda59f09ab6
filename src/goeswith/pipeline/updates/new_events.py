"""The events of an update: a table, or the feedback folder of the service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from goeswith.core.arrays_file import load_arrays
from goeswith.core.errors import BundleError, DataError
from goeswith.data.clean import NOT_IN_CATALOGUE
from goeswith.data.clean_events import clean_events
from goeswith.data.event_ids import Hashes, drop_repeats, events_digest, no_hashes
from goeswith.data.feedback import read_feedback_events
from goeswith.data.mapping.conventions import Conventions
from goeswith.data.mapping.load_report import LoadReport
from goeswith.data.table_files import content_sha256
from goeswith.data.tables import read_table
from goeswith.pipeline.updates.add_products import as_in_fit
from goeswith.pipeline.updates.update_counts import file_info
from goeswith.store.counted_contexts import CountedContexts
from goeswith.store.manifest import COUNTED, EVENT_IDS, file_sha256

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.data.quarantine import Quarantine
    from goeswith.query.bundle import Bundle
    from goeswith.settings.sections import Settings

_CONTEXT_COLUMNS: Final = {"baskets": "basket_id", "users": "user_id"}
"""Context of purchases in a bundle -> the column with its id."""
_MIN_TWINS: Final = 3
"""Contexts that equal counted ones under other ids, fewer of which may be chance."""


@dataclass(frozen=True)
class NewEvents:
    """Events to count.

    Attributes:
        path: where they came from.
        frame: as `clean_events` leaves them.
        files: entries of the manifest for the files.
        notes: limits of the counts, for the user.
        event_ids: hashes of those with an `event_id`, sorted.
        counted: contexts in the counts after the update; None if the bundle does not store them.
        skipped: number of events that were already counted.
    """

    path: Path
    frame: pl.DataFrame
    files: list[dict[str, Any]]
    notes: list[str]
    event_ids: Hashes
    counted: CountedContexts | None = None
    skipped: int = 0


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
    table, event_ids, repeated = _without_repeats(old, path, table, quarantine, again=again)
    stored_report = old.manifest["data"].get("report", {})
    report = LoadReport()
    frame = clean_events(
        as_in_fit(table, "events", path.name, quarantine, settings.data, stored_report),
        path.name,
        quarantine,
        catalog,
        settings.data,
        report,
        earlier=Conventions.from_json(stored_report.get("conventions", {})),
        unknown_expected=True,
    )
    quarantine.check()
    digest = events_digest(frame)
    if not again and frame.height:
        _check_not_counted(old, path, "events", digest)
    notes = report.notes + _unknown_products(path.name, quarantine, frame.height)
    notes += [f"{repeated:,} rows skipped: sent twice (by event_id)"] if repeated else []
    files = [{**file_info("events", path), "events": digest}]
    stored = old.folder / COUNTED
    if not stored.is_file():
        notes.append(
            f"{old.path} does not store which events it counted (it was fitted by an earlier "
            "version), so events that are already counted are not recognised; fit it again"
        )
        return NewEvents(path, frame, files, notes, event_ids)
    counted = CountedContexts.load(stored)
    kept = frame
    if not again:
        kept, more = _without_counted(old, path, frame, counted)
        notes += more
    counted = counted.with_events(kept)
    return NewEvents(path, kept, files, notes, event_ids, counted, frame.height - kept.height)


def _without_repeats(
    old: Bundle, path: Path, table: pl.DataFrame, quarantine: Quarantine, *, again: bool
) -> tuple[pl.DataFrame, Hashes, int]:
    """The rows whose `event_id` is new, hashes of these, and the number of the others.

    Raises:
        DataError: none is new.
    """
    new, event_ids = drop_repeats(table, no_hashes() if again else counted_event_ids(old))
    repeated = table.height - new.height
    if repeated and not new.height:
        raise DataError(f"{path}: every event of it is already counted, by its event_id")
    quarantine.count_expected(path.name, repeated, "sent twice (by event_id)", "")
    return new, event_ids, repeated


def counted_event_ids(bundle: Bundle) -> Hashes:
    """Hashes of the events with an id that earlier updates counted, sorted."""
    if EVENT_IDS not in bundle.manifest["files"]:
        return no_hashes()
    hashes: Hashes = load_arrays(bundle.folder / EVENT_IDS)["hashes"]
    return hashes


def _unknown_products(file: str, quarantine: Quarantine, used: int) -> list[str]:
    """A note on events of products outside the catalogue.

    Raises:
        DataError: they are half of the file or more, or no event is left.
    """
    unknown = quarantine.rows.filter(
        (pl.col("file") == file) & pl.col("reason").str.ends_with(NOT_IN_CATALOGUE)
    )
    count = unknown.height
    products = unknown["value"].value_counts(sort=True)["value"].to_list()
    names = ", ".join(products[:5]) + (", ..." if len(products) > 5 else "")
    if not used or 2 * count >= quarantine.rows_read(file):
        share = f"{count:,} of {quarantine.rows_read(file):,} rows" if count else "no row"
        why = (
            f"{share} have products that are not in the bundle ({names}): is it the file of "
            "this shop, with the same ids? Pass new products with --products"
            if count
            else "no row can be used"
        )
        raise DataError(f"{file}: {why}")
    if not count:
        return []
    return [
        f"events not used: {count:,}, with products that are not in the catalogue: {names}; pass "
        "new products with --products"
    ]


def _without_counted(
    old: Bundle, path: Path, frame: pl.DataFrame, counted: CountedContexts
) -> tuple[pl.DataFrame, list[str]]:
    """The events that are not in the counts, and notes on the others.

    Raises:
        BundleError: all are in the counts, or it cannot be decided.
    """
    overlap = counted.compare(frame)
    count = int(overlap.is_counted.sum())
    if count == frame.height:
        raise BundleError(
            f"all {count:,} events of {path} are already counted in {old.path}, by the ids "
            "and times of their baskets, sessions or users; give --again to count them once more"
        )
    if overlap.undecided:
        raise BundleError(
            f"{path}: {overlap.undecided:,} of its users are already counted in {old.path}, "
            "and without timestamps in both it cannot be decided which of their events are new. "
            "Add timestamps or basket ids and fit again, or give --again to count all of the file"
        )
    if overlap.twins >= _MIN_TWINS and 2 * overlap.twins >= overlap.unmatched:
        raise BundleError(
            f"{path}: {overlap.twins:,} of {overlap.unmatched:,} baskets or sessions have the "
            f"products and the time of one in the counts of {old.path}, under another id: they "
            "seem to be the same. Export them with the ids of the earlier data, or give --again to "
            "count them once more"
        )
    if count:
        changed = (
            f"; {overlap.changed:,} of these have other products here than in the counts (the file "
            "has a part of them, or they have changed); the next fit counts all of them"
            if overlap.changed
            else ""
        )
        return frame.filter(~overlap.is_counted), [
            f"{count:,} of {frame.height:,} events were skipped, because their {overlap.contexts:,}"
            f" baskets, sessions or users are already counted{changed}"
        ]
    if overlap.within_times:
        return frame, [
            f"the times of {path.name} overlap those of counted events, and its ids do not: if "
            "they are the same events under other ids, they count twice"
        ]
    return frame, []


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
            f"{old.path} was fitted from lists of relations or a catalogue alone, so it has no "
            "counts to which events could be added; fit it again from data with events"
        )
    if settings.relations.half_life_days is not None:
        raise BundleError(
            f"{old.path} was fitted with half_life_days, and its counts cannot be aged now; fit "
            "it again from all events"
        )
    if events.is_dir():
        return
    if not events.is_file():
        raise DataError(f"there is no file {events}")
    if not again:
        for digest in (content_sha256(events), file_sha256(events)):  # that of earlier versions
            _check_not_counted(old, events, "sha256", digest)


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
            f"{events} is already counted in {old.path}, as {applied[-1]['file']}"
            f"{f', since {when}' if when else ', since it was fitted'}; give --again to count it "
            "once more"
        )
