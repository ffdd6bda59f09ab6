"""What changed about the products of a bundle since its fit, as a process knows it.

Every query calls `refresh`, which costs less than a microsecond while nothing is new.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.facts.availability import DELETED, HIDDEN, SOLD_OUT, is_false
from goeswith.facts.fact_log import (
    ChangeCounter,
    LogFollower,
    locked,
    signal_change,
)
from goeswith.facts.fact_record import Record
from goeswith.facts.fact_values import LIVE_COLUMNS, catalog_values, column_kind, has_kind
from goeswith.facts.sparse_column import SparseColumn
from goeswith.store.manifest import LIVE_FOLDER

if TYPE_CHECKING:
    import polars as pl

    from goeswith.core.arrays import Rows
    from goeswith.store.reader import StoredBundle

LOG: Final = "facts.log"
_MAX_MASKS: Final = 64
_MAX_COLUMNS: Final = 10_000
_DTYPES: Final[dict[type, type]] = {float: np.float64, bool: np.bool_}

Mask = npt.NDArray[np.bool_]


class LiveFacts:
    """Live facts of one opened bundle.

    Attributes:
        version: grows with every change that was read.
        settled: the build whose catalogue the facts were last compared with.
        rules_version: grows when a writer announces new rules.
    """

    def __init__(self, bundle: StoredBundle) -> None:
        self._bundle_id, self._products, self._table = bundle.id, bundle.products, bundle.table
        self._base: npt.NDArray[np.uint8] | None = bundle.availability
        self._log = LogFollower(bundle.path / LIVE_FOLDER / LOG)
        self._counter, self._count = ChangeCounter(bundle.path / LIVE_FOLDER), b""
        self._lock = threading.Lock()
        self._n = len(bundle)
        self.version = self.rules_version = 0
        self._start()

    def _start(self) -> None:
        """Forget every fact."""
        self.flags = self._base
        self._unavailable = 0 if self._base is None else int(np.count_nonzero(self._base))
        self.columns: dict[str, SparseColumn] = {}
        self._changed: npt.NDArray[np.int32] | None = None
        self.settled = ""
        self._masks: dict[Any, tuple[Mask, int]] = {}

    def prepare(self) -> None:
        """Make what lets `refresh` be fast; without the right to write, it works all the same."""
        with suppress(OSError), locked(self._log.path.parent):
            signal_change(self._log.path.parent)

    def refresh(self, *, thorough: bool = False) -> None:
        """Take over what was written since the last call, by whatever process.

        Args:
            thorough: look at the log itself, as on file systems where memory is not shared, or
                after someone has replaced the folder.
        """
        if thorough:
            self._counter, self._count = ChangeCounter(self._log.path.parent), b""
        count = self._counter.read()
        if count == self._count and (count or not self._counter.is_due()):
            return
        self._counter.open()
        # before the log is read: what comes meanwhile is read by the next call
        self._count = self._counter.read()
        if self._log.has_changed():
            with self._lock:
                self._read()

    def _read(self) -> None:
        foreign: list[tuple[int, str, Any]] = []
        is_void = False
        for record in self._log.read():
            if record is None:
                is_void = True
                self._start()
                foreign.clear()
                self.rules_version += 1  # an announcement may be among what was not read
            elif "settled" in record:
                self.settled = record["settled"]
                if self.settled == self._bundle_id:
                    foreign.clear()
            elif "rules" in record:
                self.rules_version += 1
            else:
                self._apply(record, foreign)
        if foreign:
            self._drop_superseded(foreign)
        if is_void:
            self.version += 1
            if self._changed is not None:
                self._changed[:] = self.version

    def _apply(self, record: Record, foreign: list[tuple[int, str, Any]]) -> None:
        is_own = record.get("build") == self._bundle_id
        row = record.get("row") if is_own else self._products.find(record["id"])
        if row is None:
            return  # of a product that this build does not have
        if row >= self._n:
            self._log.unreadable += 1
            return
        for name, value in record.get("set", {}).items():
            self._set(row, name, value)
            if not is_own and value is not None:
                foreign.append((row, name, record.get("was", {}).get(name)))
        if "deleted" in record:
            self._set(row, "deleted", record["deleted"] or None)
        self._mark(row)

    def _set(self, row: int, name: str, value: Any) -> None:
        column = self.columns.get(name)
        if column is None:
            if value is None or len(self.columns) >= _MAX_COLUMNS:
                return
            column = self.columns[name] = SparseColumn(_DTYPES.get(type(value), np.object_))
        if value is None:
            column.pop(row)
        else:
            column.set(row, value)

    def _mark(self, row: int) -> None:
        """Note that a product has changed, and whether it is available."""
        if self._changed is None:
            self._changed = np.zeros(self._n, dtype=np.int32)
            base = self._base
            self.flags = np.zeros(self._n, dtype=np.uint8) if base is None else np.array(base)
        assert self.flags is not None
        flags = int(self._base[row]) if self._base is not None else 0
        in_stock, visible = self._fact(row, "in_stock"), self._fact(row, "visible")
        if in_stock is not None:
            flags = flags & ~SOLD_OUT | (SOLD_OUT if is_false(in_stock) else 0)
        if visible is not None:
            flags = flags & ~HIDDEN | (HIDDEN if is_false(visible) else 0)
        if self._fact(row, "deleted"):
            flags |= DELETED
        self._unavailable += bool(flags) - bool(self.flags[row])
        self.flags[row] = flags
        self.version += 1
        self._changed[row] = self.version

    def _fact(self, row: int, name: str) -> Any:
        column = self.columns.get(name)
        return None if column is None else column.get(row)

    def _drop_superseded(self, foreign: list[tuple[int, str, Any]]) -> None:
        """Drop facts about values of another build's catalogue that this one states anew."""
        frame = self._table.frame
        by_column: dict[str, list[tuple[int, Any]]] = {}
        for row, name, was in foreign:
            by_column.setdefault(name, []).append((row, was))
        for name, entries in by_column.items():
            values = catalog_values(frame, [row for row, _ in entries], name)
            for (row, was), value in zip(entries, values, strict=True):
                if value != was:
                    self._set(row, name, None)
                    self._mark(row)

    @property
    def has_unavailable(self) -> bool:
        """Whether any product is sold out, hidden or deleted."""
        return self._unavailable > 0

    def facts_of(self, row: int) -> dict[str, Any]:
        """The attributes of a product that are not the catalogue's, by name."""
        found = {name: column.get(row) for name, column in self.columns.items()}
        return {name: value for name, value in found.items() if value is not None}

    def is_deleted(self, row: int) -> bool:
        """Whether a product was deleted."""
        return self.flags is not None and bool(self.flags[row] & DELETED)

    def is_sold_out(self, row: int) -> bool:
        """Whether a product is sold out."""
        return self.flags is not None and bool(self.flags[row] & SOLD_OUT)

    def available(self, rows: Rows, included: int = 0) -> Mask | None:
        """Which of some rows may be shown; None for all.

        Args:
            rows: products.
            included: flags that may be shown all the same.
        """
        if not self.has_unavailable or self.flags is None:
            return None
        return np.asarray((self.flags[rows] & (~included & 0xFF)) == 0)

    def exclude_unavailable(self, allowed: Mask, included: int = 0) -> None:
        """Take the products that may not be shown out of (n,) `allowed`, in place."""
        if self.has_unavailable and self.flags is not None:
            allowed &= (self.flags & (~included & 0xFF)) == 0

    def changed_since(self, version: int) -> Rows:
        """Rows of which a fact has changed after a version."""
        if self._changed is None or version >= self.version:
            return np.zeros(0, dtype=np.int32)
        return np.flatnonzero(self._changed > version).astype(np.int32)

    def is_unchanged(self, rows: Rows, version: int) -> bool:
        """Whether no fact of some rows has changed after a version."""
        return self._changed is None or not bool((self._changed[rows] > version).any())

    def mask(self, key: Any, columns: Iterable[str], test: Callable[[pl.DataFrame], Mask]) -> Mask:
        """(n,) a test of all products by the values that hold now; not to be changed.

        Args:
            key: of the test, which is computed once and then for changed products only.
            columns: that the test reads.
            test: of the rows of a table.
        """
        version = self.version
        cached = self._masks.get(key)
        if cached is None:
            if len(self._masks) >= _MAX_MASKS:
                self._masks.clear()
            cached = np.array(test(self._with_live_columns(columns))), 0
        mask, since = cached
        rows = self.changed_since(since)
        if len(rows):
            mask[rows] = test(self.rows_frame(rows, columns))
        self._masks[key] = mask, version
        return mask

    def _with_live_columns(self, columns: Iterable[str]) -> pl.DataFrame:
        """The catalogue, with empty columns for live attributes that it does not have."""
        import polars as pl

        frame = self._table.frame
        missing = [name for name in columns if name in LIVE_COLUMNS and name not in frame.columns]
        return frame.with_columns(
            pl.lit(None, dtype=_polars_types()[LIVE_COLUMNS[name]]).alias(name)
            for name in dict.fromkeys(missing)
        )

    def rows_frame(self, rows: Rows, columns: Iterable[str]) -> pl.DataFrame:
        """Some columns of some products, with the values that hold now."""
        import polars as pl

        frame = self._with_live_columns(columns)
        frame = frame.select(name for name in dict.fromkeys(columns) if name in frame.columns)
        if not frame.width:
            return frame
        frame = frame[rows]
        for name in frame.columns:
            column = self.columns.get(name)
            if column is None:
                continue
            stored, dtype = frame[name].to_list(), frame.schema[name]
            kind = column_kind(dtype)
            values = [
                value if (value := column.get(row, old)) is old or has_kind(value, kind) else old
                for row, old in zip(rows.tolist(), stored, strict=True)
            ]
            if dtype.is_numeric():
                frame = frame.with_columns(pl.Series(name, values, dtype=pl.Float64))
            elif dtype.is_temporal():
                texts = [None if v is None else str(v).replace(" ", "T") for v in values]
                times = pl.Series(name, texts, dtype=pl.String).str.to_datetime(strict=False)
                frame = frame.with_columns(times.cast(pl.Datetime("us")))
            else:
                frame = frame.with_columns(pl.Series(name, values, dtype=dtype))
        return frame

    def column_names(self) -> list[str]:
        """Columns of the catalogue."""
        return self._table.frame.columns

    def attributes(self, row: int) -> dict[str, Any]:
        """Every attribute that a product has now."""
        live = {name: value for name, value in self.facts_of(row).items() if name != "deleted"}
        return {**self._table.attributes(row), **live}

    def state(self) -> dict[str, Any]:
        """Figures: changed attributes by name, unavailable products, unreadable lines."""
        counts = {name: len(column.rows()) for name, column in self.columns.items()}
        return {
            "changed": {name: count for name, count in sorted(counts.items()) if count},
            "unavailable": self._unavailable,
            "unreadable_lines": self._log.unreadable,
            "version": self.version,
        }

    @property
    def path(self) -> Path:
        """The log."""
        return self._log.path


def _polars_types() -> dict[str, Any]:
    import polars as pl

    return {"number": pl.Float64, "boolean": pl.Boolean, "list": pl.List(pl.String)}
