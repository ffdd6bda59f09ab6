"""Pairs of products counted in memory: what the engine's self-join counts, in a tenth of the time.

A self-join makes a row of every pair of every context before it adds them up. Here a product's row
of counts is added up at once: the contexts that hold it are read, of each the products bought more
often than it, so that every unordered pair is met once. Few products are in most pairs, and these
few counts stay in the processor's cache. Memory is that of the occurrences, of one row of counts a
thread, and of the pairs that are kept; nothing grows with the pairs that are met.

Needs numba, which compiles the loop.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.core.compiled import compiled
from goeswith.relations.expressions import Table

_Bools: TypeAlias = npt.NDArray[np.bool_]
_MOST_THREADS: Final = 4
_PARTS_A_THREAD: Final = 8
_ROOM: Final = 1 << 18
"""Pairs that a part of the rows has room for at first."""


@dataclass(frozen=True)
class Pairs:
    """Unordered pairs (source < target) that were met often enough.

    Attributes:
        source: (m,) rows, and
        target: (m,) rows.
        count: (m,) contexts that hold both.
        source_first: (m,) contexts in which the source's moment is strictly the earlier; None where
            the order was not counted. Likewise
        target_first: (m,).
        weight: (m,) what those contexts weigh; None where each weighs 1.
        met: pairs that any context holds.
    """

    source: Rows
    target: Rows
    count: npt.NDArray[Any]
    source_first: npt.NDArray[Any] | None
    target_first: npt.NDArray[Any] | None
    weight: npt.NDArray[Any] | None
    met: int


def pairs_of(table: Table, least: int) -> Pairs:
    """The pairs that an engine has counted; see `expressions.together`."""
    met = int(table.count().to_pyarrow().as_py())
    frequent = table.filter(table["count"] >= least).to_pyarrow()
    arrays = {name: frequent[name].to_numpy() for name in frequent.column_names}
    return Pairs(
        source=arrays["source"],
        target=arrays["target"],
        count=arrays["count"],
        source_first=arrays.get("source_first"),
        target_first=arrays.get("target_first"),
        weight=arrays.get("weight"),
        met=met,
    )


def memory_needed(occurrences: int, n: int) -> int:
    """Bytes that `count_pairs` takes, without the pairs that it keeps."""
    return 64 * occurrences + 20 * n * (_threads() + 1)


def count_pairs(
    context: Rows,
    product: Rows,
    n: int,
    least: int,
    *,
    moment: npt.NDArray[np.float64] | None = None,
    apart: _Bools | None = None,
) -> Pairs:
    """Count in how many contexts two products are together.

    Args:
        context: (m,) of each occurrence, from 0 on; no context holds a product twice.
        product: (m,) row of each occurrence.
        n: products.
        least: pairs of fewer contexts are left out.
        moment: (m,) what orders the occurrences of a context, NaN where unknown; exact below 2 **
            53. The order is not counted without.
        apart: (m,) occurrences of which no two of one context are a pair.
    """
    held = np.bincount(product, minlength=n)
    by_count = np.argsort(-held, kind="stable").astype(np.int32)
    label = np.empty(n, dtype=np.int32)
    label[by_count] = np.arange(n, dtype=np.int32)
    parts = _counted(_Log.of(context, product, label, held[by_count], moment, apart), least)

    def column(place: int) -> Rows:
        return np.concatenate([np.zeros(0, dtype=np.int32), *(part[place] for part, _ in parts)])

    one, other = by_count[column(0)], by_count[column(1)]
    swap = one > other
    first, second = (column(3), column(4)) if moment is not None else (None, None)
    return Pairs(
        source=np.minimum(one, other),
        target=np.maximum(one, other),
        count=column(2),
        source_first=_picked(swap, second, first),
        target_first=_picked(swap, first, second),
        weight=None,
        met=sum(met for _, met in parts),
    )


def _counted(log: _Log, least: int) -> list[tuple[list[Rows], int]]:
    """What `_Log.count` finds in parts of equal numbers of occurrences, in order."""
    threads = _threads()
    cuts = np.linspace(0, len(log.labels), threads * _PARTS_A_THREAD + 1)
    bounds = np.unique(np.searchsorted(log.rows, cuts)).tolist()
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda part: log.count(part[0], part[1], least), pairwise(bounds)))


def _picked(swap: _Bools, where: Rows | None, other: Rows | None) -> Rows | None:
    return None if where is None or other is None else np.where(swap, where, other)


def _threads() -> int:
    return min(os.cpu_count() or 1, _MOST_THREADS)


@dataclass(frozen=True)
class _Log:
    """Occurrences sorted by context, and by label within each; and where each label occurs.

    Attributes:
        labels: (m,) sorted occurrences; 0 is the product that occurs most.
        moment: (m,) aligned; empty where no order is known, as is
        apart: (m,).
        rows: (n + 1,) where the occurrences of each label start in
        at: (m,) places among the sorted occurrences, and
        opens: (m,) where the context of each starts there.
    """

    labels: Rows
    moment: npt.NDArray[np.float64]
    apart: _Bools
    rows: npt.NDArray[np.int64]
    at: npt.NDArray[Any]
    opens: npt.NDArray[Any]

    @classmethod
    def of(  # noqa: PLR0917
        cls,
        context: Rows,
        product: Rows,
        label: Rows,
        held: npt.NDArray[np.int64],
        moment: npt.NDArray[np.float64] | None,
        apart: _Bools | None,
    ) -> _Log:
        m = len(product)
        place = np.int32 if m < 2**31 else np.int64
        log = cls(
            labels=np.empty(m, dtype=np.int32),
            moment=np.empty(0 if moment is None else m),
            apart=np.empty(0 if apart is None else m, dtype=np.bool_),
            rows=_starts(held),
            at=np.empty(m, dtype=place),
            opens=np.empty(m, dtype=place),
        )
        opens = _starts(np.bincount(context))
        compiled(_sort)(
            context, product, label, log.moment if moment is None else moment,
            log.apart if apart is None else apart, log.rows[:-1].copy(), opens, opens[:-1].copy(),
            log.labels, log.moment, log.apart, log.at, log.opens,
        )  # fmt: skip
        return log

    def count(self, start: int, stop: int, least: int) -> tuple[list[Rows], int]:
        """Labels of both, count, and how often either is first, of some rows' pairs; pairs met."""
        loop = compiled(_count_rows)
        n = len(self.rows) - 1
        sums = np.zeros((n, 4 if len(self.moment) else 1), dtype=np.int32)
        touched = np.empty(n, dtype=np.int32)
        room, met = _ROOM, 0
        kept: list[Rows] = []
        while start < stop:
            out = np.empty((5, room), dtype=np.int32)
            reached, filled, found = loop(
                start, stop, self.rows, self.at, self.opens, self.labels, self.moment, self.apart,
                least, sums, touched, out,
            )  # fmt: skip
            if reached == start:
                room *= 2
                continue
            start, met = reached, met + found
            kept.append(out[: len(out) if len(self.moment) else 3, :filled].copy())
        return list(np.concatenate(kept, axis=1)), met


def _count_rows(  # noqa: PLR0917
    start: int, stop: int, rows: Any, at: Any, opens: Any, labels: Any, moment: Any, apart: Any,
    least: int, sums: Any, touched: Any, out: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Count the pairs of the labels from `start` on; numba compiles this.

    Returns:
        the label reached (the row that `out` had no room for, or `stop`), pairs written to `out`,
        and pairs met.
    """
    filled, met = 0, 0
    ordered, some_apart = len(moment) > 0, len(apart) > 0
    for row in range(start, stop):
        found, frequent = 0, 0
        for entry in range(rows[row], rows[row + 1]):
            here = at[entry]
            for there in range(opens[entry], here):
                if some_apart and apart[here] and apart[there]:
                    continue
                other = labels[there]
                if sums[other, 0] == 0:
                    touched[found] = other
                    found += 1
                sums[other, 0] += 1
                frequent += sums[other, 0] == least
                if ordered:
                    sums[other, 1] += moment[here] < moment[there]
                    sums[other, 2] += moment[here] > moment[there]
        fits = filled + frequent <= out.shape[1]
        for i in range(found):
            other = touched[i]
            if fits and sums[other, 0] >= least:
                out[0, filled], out[1, filled], out[2, filled] = row, other, sums[other, 0]
                if ordered:
                    out[3, filled], out[4, filled] = sums[other, 1], sums[other, 2]
                filled += 1
            sums[other, 0] = 0
            if ordered:
                sums[other, 1], sums[other, 2] = 0, 0
        if not fits:
            return row, filled, met
        met += found
    return stop, filled, met


def _sort(  # noqa: PLR0917
    context: Any, product: Any, label: Any, moment: Any, apart: Any, free: Any, starts: Any,
    next_place: Any, labels: Any, moments: Any, aparts: Any, at: Any, opens: Any,
) -> None:  # fmt: skip
    """Two counting sorts, by label and then by context, into the arrays of a `_Log`."""
    for i in range(len(product)):
        row = label[product[i]]
        at[free[row]] = i
        free[row] += 1
    for entry in range(len(product)):
        i = at[entry]
        here = next_place[context[i]]
        next_place[context[i]] += 1
        labels[here], at[entry], opens[entry] = label[product[i]], here, starts[context[i]]
        if len(moments):
            moments[here] = moment[i]
        if len(aparts):
            aparts[here] = apart[i]


def _starts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where those of each code start in an array sorted by code, and where the last end."""
    starts = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts
