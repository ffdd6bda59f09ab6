"""Checks of an update against the counts of the bundle, and the entries of its manifest."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from goeswith.core.errors import DataError
from goeswith.data.table_files import content_sha256
from goeswith.store.manifest import BELOW_SUPPORT, FORMER_BELOW_SUPPORT

if TYPE_CHECKING:
    from pathlib import Path

    from goeswith.query.bundle import Bundle
    from goeswith.relations.mining_report import MiningReport


def check_contexts(mined: list[dict[str, Any]], report: MiningReport, events: Path) -> None:
    """Counts of baskets and counts of users are not of one kind.

    Raises:
        DataError: the message states both.
    """
    before = {entry["relation"]: entry["contexts_are"] for entry in mined}
    for entry in report.relations:
        kind = before.get(entry.relation, entry.contexts_are)
        if kind != entry.contexts_are:
            raise DataError(
                f"{events}: {entry.relation} would be counted in {entry.contexts_are}, and the "
                f"bundle counts it in {kind}; give the events the same id columns as those that it "
                "was fitted from, or fit it again from all events"
            )


def merge_reports(mined: list[dict[str, Any]], report: MiningReport) -> list[dict[str, Any]]:
    """The mining entries of both; contexts and excluded events add up."""
    both = {entry["relation"]: dict(entry) for entry in mined}
    for new in report.relations:
        fields = asdict(new)
        if new.relation in both:
            entry = both[new.relation]
            for name in ("contexts", "oversized", "without_context"):
                entry[name] += fields[name]
            entry["order_known"] = entry["order_known"] or fields["order_known"]
        else:
            both[new.relation] = fields
    return list(both.values())


def count_notes(report: MiningReport, old: Bundle) -> list[str]:
    """Limits of the counts, for the user."""
    lines = list(report.notes)
    lines += [
        f"{entry.relation} is counted in users: a user in both files counts twice"
        for entry in report.relations
        if entry.contexts_are == "users"
    ]
    if any(entry.capped for entry in report.relations):
        lines.append("the cap of one user's votes (per_user_cap) held among the new events alone")
    folders = (BELOW_SUPPORT, FORMER_BELOW_SUPPORT)
    if not any((old.folder / name).is_dir() for name in folders):
        lines.append(
            "pairs below support at the fit were not stored, and are counted from the new events "
            "on; fit with fit.keep_below_support = true to count them as well"
        )
    return lines


def relation_notes(relations: list[str], models: list[str], old: Bundle) -> list[str]:
    """A note on relations that the bundle's models were fitted without.

    Args:
        relations: with edges after the update.
        models: specs of the bundle's models.
        old: the bundle before the update.
    """
    fitted = old.manifest["data"].get("fitted_relations")
    if fitted is None:
        fitted = [name for name, facts in old.manifest["relations"].items() if facts["edges"]]
    new = [name for name in relations if name not in fitted]
    if not new:
        return []
    return [
        f"{', '.join(new)}: new since the fit; counts, evidence and substitutes use it, and the "
        f"trees and vectors of {models[0]} do so from the next fit on"
    ]


def file_info(table: str, file: Path) -> dict[str, Any]:
    """Entry of the manifest for an applied file."""
    return {"file": file.name, "table": table, "sha256": content_sha256(file)}


def data_info(
    old: Bundle, files: list[dict[str, Any]], aside: list[dict[str, Any]], n: int
) -> dict[str, Any]:
    """The manifest's `data`: what it was, the files applied and the rows set aside."""
    data = old.manifest["data"]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    applied = [{**file, "applied": now} for file in files]
    digest = sha256(data["fingerprint"].encode())
    for entry in applied:
        digest.update(entry["sha256"].encode())
    fitted = [name for name, facts in old.manifest["relations"].items() if facts["edges"]]
    return {
        "fitted_relations": fitted,  # of a bundle of an earlier version
        **data,
        "fingerprint": digest.hexdigest(),
        "rows": {**data["rows"], "products": n},
        "fitted": data.get("fitted", len(old)),
        "quarantine": [*data["quarantine"], *aside],
        "applied": [*data.get("applied", []), *applied],
    }
