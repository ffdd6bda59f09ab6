"""Writing live facts: changes of products, checked, in the order in which they are given."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import DataError
from goeswith.facts.fact_fold import compact_log, is_due, settle
from goeswith.facts.fact_log import Record, append
from goeswith.facts.fact_values import catalog_values, live_kinds, read_values

if TYPE_CHECKING:
    from goeswith.facts.live_facts import LiveFacts
    from goeswith.store.reader import StoredBundle

_CHUNK: Final = 1000
"""Records written at once: what a process that follows has to read before its next answer."""


@dataclass(frozen=True)
class FactChange:
    """A change of one product.

    Attributes:
        product_id: as in the catalogue.
        attributes: new values by name; None returns to the catalogue's value.
        deleted: whether it is deleted, or restored; None leaves that as it is.
        row: number in a file, for messages.
    """

    product_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    deleted: bool | None = None
    row: int | None = None


@dataclass(frozen=True)
class FactReport:
    """What was written.

    Attributes:
        changed: products with a new value.
        unchanged: products that had all of these values.
        skipped: product id, reason, and row of a file if there is one.
    """

    changed: int
    unchanged: int
    skipped: list[dict[str, Any]]


class FactWriter:
    """Writes live facts of a bundle.

    Args:
        bundle: an open bundle.
        live: its facts.
        in_background: compact the log in a process of its own, for a service.
    """

    def __init__(
        self, bundle: StoredBundle, live: LiveFacts, *, in_background: bool = False
    ) -> None:
        self._bundle, self._live, self._in_background = bundle, live, in_background
        self._kinds = live_kinds(bundle.table.frame)

    def write(
        self, changes: Sequence[FactChange], *, who: str | None = None, skip_invalid: bool = False
    ) -> FactReport:
        """Check changes and write them; returns when they are on the disk.

        Products that the bundle does not have are skipped and reported.

        Args:
            changes: of any number of products.
            who: stored with each change.
            skip_invalid: report values that cannot be read too, instead of refusing all changes.

        Raises:
            DataError: an attribute cannot change, or a value cannot be read; nothing is written.
            OSError: the disk refuses; some of the changes may be stored.
        """
        live = self._live
        live.refresh()
        if live.settled != self._bundle.id:
            settle(self._bundle)
            live.refresh()
        skipped: list[dict[str, Any]] = []
        rows: list[tuple[FactChange, int, dict[str, Any]]] = []
        for change in changes:
            row = self._bundle.products.find(change.product_id)
            place = {} if change.row is None else {"row": change.row}
            if row is None:
                reason = "the bundle has no such product; `goeswith add` adds new products"
                skipped.append({"product_id": change.product_id, "reason": reason, **place})
                continue
            try:
                subject = f"product {change.product_id!r}"
                values = read_values(change.attributes, self._kinds, subject)
            except DataError as error:
                if not skip_invalid:
                    raise
                skipped.append({"product_id": change.product_id, "reason": str(error), **place})
                continue
            rows.append((change, row, values))
        records = list(self._records(rows, who))
        for start in range(0, len(records), _CHUNK):
            append(live.path, records[start : start + _CHUNK])
        self._compact_if_due()
        return FactReport(len(records), len(rows) - len(records), skipped)

    def _records(
        self, rows: list[tuple[FactChange, int, dict[str, Any]]], who: str | None
    ) -> Iterator[Record]:
        """Records of the changes that change something."""
        names = {name for _, _, values in rows for name in values}
        order = [row for _, row, _ in rows]
        stored = {name: catalog_values(self._bundle.table.frame, order, name) for name in names}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        pending: dict[int, dict[str, Any]] = {}
        for i, (change, row, values) in enumerate(rows):
            facts = pending.setdefault(row, self._live.facts_of(row))
            was = {name: stored[name][i] for name in values}
            # a value that is the catalogue's is no fact
            new = {name: None if v == was[name] else v for name, v in values.items()}
            new = {name: v for name, v in new.items() if facts.get(name) != v}
            record: Record = {"id": change.product_id, "build": self._bundle.id, "row": row}
            if new:
                record |= {"set": new, "was": {name: was[name] for name in new}}
            if change.deleted is not None and change.deleted != bool(facts.get("deleted")):
                record["deleted"] = change.deleted
            if len(record) > 3:
                facts |= new
                if "deleted" in record:
                    facts["deleted"] = record["deleted"]
                yield {**record, "at": now, **({"who": who} if who else {})}

    def _compact_if_due(self) -> None:
        if not is_due(self._live.path):
            return
        if not self._in_background:
            compact_log(self._live.path)
            return
        subprocess.Popen(  # noqa: S603  its own program
            [sys.executable, "-m", "goeswith.facts.fact_fold", str(self._live.path)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
