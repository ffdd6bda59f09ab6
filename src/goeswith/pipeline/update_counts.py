"""What an update checks of the counts before it, and what it tells of them afterwards."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from goeswith.core.errors import DataError
from goeswith.store.manifest import RARE, file_sha256

if TYPE_CHECKING:
    from pathlib import Path

    from goeswith.query.bundle import Bundle
    from goeswith.relations.mining_report import MiningReport


def check_contexts(mined: list[dict[str, Any]], report: MiningReport, events: Path) -> None:
    """Counts of baskets and counts of users are not of one kind.

    Raises:
        DataError: names both.
    """
    before = {entry["relation"]: entry["contexts_are"] for entry in mined}
    for found in report.relations:
        kind = before.get(found.relation, found.contexts_are)
        if kind != found.contexts_are:
            raise DataError(
                f"{events}: {found.relation} would be counted in {found.contexts_are}, and the "
                f"bundle counts it in {kind}; give the events the same id columns as those that it "
                "was fitted from, or fit it anew from all events"
            )


def merged(mined: list[dict[str, Any]], report: MiningReport) -> list[dict[str, Any]]:
    """What is known of the counting of each relation; contexts and events left out add up."""
    both = {entry["relation"]: dict(entry) for entry in mined}
    for found in report.relations:
        told = asdict(found)
        if found.relation in both:
            entry = both[found.relation]
            for name in ("contexts", "giants", "unplaced"):
                entry[name] += told[name]
            entry["order_known"] = entry["order_known"] or told["order_known"]
        else:
            both[found.relation] = told
    return list(both.values())


def notes(report: MiningReport, old: Bundle) -> list[str]:
    """What a person should know of the counts."""
    told = list(report.notes)
    told += [
        f"{found.relation} is counted in users: one who stands in both files counts twice"
        for found in report.relations
        if found.contexts_are == "users"
    ]
    if any(found.capped for found in report.relations):
        told.append("the cap of one user's votes (per_user_cap) held among the new events alone")
    if not (old.folder / RARE).is_dir():
        told.append(
            "pairs that were below support when the bundle was fitted were not kept, and start "
            "from the new events; fit with fit.keep_rare = true to have them counted as well"
        )
    return told


def file_facts(table: str, file: Path) -> dict[str, Any]:
    """What the manifest tells of a file that was applied."""
    return {"file": file.name, "table": table, "sha256": file_sha256(file)}


def data_facts(
    old: Bundle, files: list[dict[str, Any]], aside: list[dict[str, Any]], n: int
) -> dict[str, Any]:
    """The manifest's `data`: what it was, the files applied and the rows set aside."""
    data = old.manifest["data"]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    applied = [{**file, "applied": now} for file in files]
    digest = sha256(data["fingerprint"].encode())
    for entry in applied:
        digest.update(entry["sha256"].encode())
    return {
        **data,
        "fingerprint": digest.hexdigest(),
        "rows": {**data["rows"], "products": n},
        "fitted": data.get("fitted", len(old)),
        "quarantine": [*data["quarantine"], *aside],
        "applied": [*data.get("applied", []), *applied],
    }
