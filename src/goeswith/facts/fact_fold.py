"""The log of live facts in as few lines as possible, and what another build's catalogue ends.

`python -m goeswith.facts.fact_fold LOG` compacts a log, in a process whose memory goes with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goeswith.facts.fact_log import LogFollower, Record, append, compact, encode_line
from goeswith.facts.fact_values import catalog_values
from goeswith.facts.live_facts import LOG
from goeswith.store.manifest import LIVE_FOLDER, read_manifest

if TYPE_CHECKING:
    from goeswith.store.reader import StoredBundle

_MIN_BYTES: Final = 4_000_000
_GROWTH: Final = 3
"""A log is compacted when it is this many times as large as after the last time."""


class FactFold:
    """What holds after the records of a log: by product and build, the values set."""

    def __init__(self) -> None:
        self.products: dict[str, dict[str, Record]] = {}
        self.settled = ""
        """The build whose catalogue was last compared with the facts."""

    def add(self, records: Iterable[Record | None]) -> FactFold:
        """Take records over, in order."""
        for record in records:
            if record is None:
                self.products, self.settled = {}, ""
            elif "settled" in record:
                self.settled = record["settled"]
                for entries in self.products.values():
                    for entry in entries.values():
                        entry["is_settled"] = True
            elif "id" in record:
                self._add(record)
        return self

    def _add(self, record: Record) -> None:
        entries = self.products.setdefault(record["id"], {})
        for entry in entries.values():
            for name in record.get("set", {}):
                entry["set"].pop(name, None)
                entry["was"].pop(name, None)
            if "deleted" in record:
                entry.pop("deleted", None)
        build = record.get("build", "")
        entry = entries.setdefault(build, {"id": record["id"], "build": build, "set": {}})
        entry["row"], entry["is_settled"] = record.get("row"), False
        values = {name: v for name, v in record.get("set", {}).items() if v is not None}
        was = record.get("was", {})
        entry["set"].update(values)
        entry.setdefault("was", {}).update({name: was.get(name) for name in values})
        if record.get("deleted"):
            entry["deleted"] = True
        for key in [key for key, e in entries.items() if not e["set"] and "deleted" not in e]:
            del entries[key]
        if not entries:
            del self.products[record["id"]]

    def entries(self) -> Iterator[Record]:
        """What holds, a record for each product and build."""
        for by_build in self.products.values():
            yield from by_build.values()

    def lines(self) -> list[bytes]:
        """Lines of a log from which the same is read."""

        def encoded(is_settled: bool) -> list[bytes]:
            return [
                encode_line({name: v for name, v in entry.items() if name != "is_settled"})
                for entry in self.entries()
                if entry["is_settled"] is is_settled
            ]

        marker = [encode_line({"settled": self.settled})] if self.settled else []
        return [*encoded(is_settled=True), *marker, *encoded(is_settled=False)]


def compact_log(path: Path) -> bool:
    """Compact a log; False where another process was faster."""
    follower = LogFollower(path)
    fold = FactFold().add(follower.read())
    return compact(path, fold.lines(), follower)


def is_due(path: Path) -> bool:
    """Whether a log has grown enough to be compacted."""
    try:
        size = path.stat().st_size
    except OSError:
        return False
    if size < _MIN_BYTES:
        return False
    follower = LogFollower(path)
    return bool(size > _GROWTH * follower.read_header().get("base", 0))


def settle(bundle: StoredBundle) -> int:
    """End the facts about values that the catalogue of a new build states anew; their number.

    A fact holds the value that the catalogue had when it was written. As long as a new catalogue
    has that same value, the fact stays; another value is newer than the fact.
    """
    path = bundle.path / LIVE_FOLDER / LOG
    if read_manifest(bundle.path).content["id"] != bundle.id:
        return 0
    fold = FactFold().add(LogFollower(path).read())
    if fold.settled == bundle.id:
        return 0
    products = bundle.products
    by_column: dict[str, list[tuple[str, int, Any]]] = {}
    ended: dict[str, Record] = {}
    for entry in fold.entries():
        if entry["build"] == bundle.id:
            continue
        row = products.find(entry["id"])
        if row is None:
            if entry.get("deleted"):
                ended[entry["id"]] = {"id": entry["id"], "build": bundle.id, "deleted": False}
            continue
        for name in entry["set"]:
            by_column.setdefault(name, []).append((entry["id"], row, entry["was"].get(name)))
    for name, facts in by_column.items():
        values = catalog_values(bundle.table.frame, [row for _, row, _ in facts], name)
        for (product_id, row, was), value in zip(facts, values, strict=True):
            if value != was:
                record = {"id": product_id, "build": bundle.id, "row": row, "set": {}}
                ended.setdefault(product_id, record)["set"][name] = None
    append(path, [*ended.values(), {"settled": bundle.id}])
    return len(ended)


def settle_path(path: Path) -> int:
    """`settle` for the bundle at a path, once a new build is published."""
    if not (path / LIVE_FOLDER / LOG).exists():
        return 0
    from goeswith.store.reader import StoredBundle

    return settle(StoredBundle.open(path))


if __name__ == "__main__":
    compact_log(Path(sys.argv[1]))
