"""Counting of product pairs in memory: the self-join of an engine, in a tenth of the time.

A self-join makes a row of every pair of every context before it adds them up. Here a product's row
of counts is added up at once: the contexts that hold it are read, of each the products bought more
often than it, so that every unordered pair is visited once. Few products are in most pairs, and
these few counts stay in the processor's cache. Memory is that of the occurrences, of one row of
counts a thread, and of the pairs in the result; nothing grows with the pairs that are visited.

Needs numba, which compiles the loop.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.core.jit import jit_compile
from goeswith.relations.engines import fetch
from goeswith.relations.expressions import Table

_Bools: TypeAlias = npt.NDArray[np.bool_]
_MAX_THREADS: Final = 4
_PARTS_A_THREAD: Final = 8
_INITIAL_CAPACITY: Final = 1 << 18
"""Initial number of pairs in the output of a part of the rows."""


@dataclass(frozen=True)
class PairCounts:
    """Unordered pairs (source < target) with the minimum count.

    Attributes:
        source: (m,) rows, and
        target: (m,) rows.
        count: (m,) contexts that hold both.
        source_first: (m,) contexts in which the source's moment is strictly the earlier; None if
            the order was not counted. Likewise
        target_first: (m,).
        weight: (m,) sum of the weights of those contexts; None if each weighs 1.
        customers: (m,) distinct customers of those contexts; None if nobody is known.
        n_seen: number of pairs in any context.
    """

    source: Rows
    target: Rows
    count: npt.NDArray[Any]
    source_first: npt.NDArray[Any] | None
    target_first: npt.NDArray[Any] | None
    weight: npt.NDArray[Any] | None
    n_seen: int
    customers: npt.NDArray[Any] | None = None

    def filter(self, mask: _Bools) -> PairCounts:
        """The pairs where `mask` (m,) is true; `n_seen` stays."""
        arrays = {
            item.name: values[mask]
            for item in fields(self)
            if item.name != "n_seen" and (values := getattr(self, item.name)) is not None
        }
        return replace(self, **arrays)


def read_pair_counts(table: Table, min_count: int) -> PairCounts:
    """The pairs that an engine has counted; see `expressions.co_occurrences`."""
    (counted,) = fetch(table.aggregate(n_seen=table.count())).to_dicts()
    n_seen = int(counted["n_seen"])
    frequent = fetch(table.filter(table["count"] >= min_count))
    arrays = {name: frequent[name].to_numpy() for name in frequent.columns}
    return PairCounts(
        source=arrays["source"],
        target=arrays["target"],
        count=arrays["count"],
        source_first=arrays.get("source_first"),
        target_first=arrays.get("target_first"),
        weight=arrays.get("weight"),
        n_seen=n_seen,
        customers=arrays.get("customers"),
    )


def memory_needed(occurrences: int, n: int) -> int:
    """Bytes that `count_pairs` takes, without its result."""
    return 80 * occurrences + 20 * n * (_threads() + 1)


def count_pairs(
    context: Rows,
    product: Rows,
    n: int,
    min_count: int,
    *,
    moment: npt.NDArray[np.float64] | None = None,
    apart: _Bools | None = None,
    customer: Rows | None = None,
) -> PairCounts:
    """Count the contexts that hold both products of each pair.

    Args:
        context: (m,) of each occurrence, from 0 on; no context holds a product twice.
        product: (m,) row of each occurrence.
        n: products.
        min_count: pairs of fewer contexts are excluded.
        moment: (m,) order of the occurrences of a context, NaN if unknown; exact below 2 **
            53. None skips the count of the order.
        apart: (m,) occurrences of which no two of one context are a pair.
        customer: (m,) whose context it is. None skips the count of customers.
    """
    if customer is not None:
        # the contexts of a customer are read one after the other: the next one is another customer
        order = np.argsort(customer, kind="stable")
        context, product, customer = context[order], product[order], customer[order]
        moment = None if moment is None else moment[order]
        apart = None if apart is None else apart[order]
    occurrence_counts = np.bincount(product, minlength=n)
    by_count = np.argsort(-occurrence_counts, kind="stable").astype(np.int32)
    label = np.empty(n, dtype=np.int32)
    label[by_count] = np.arange(n, dtype=np.int32)
    parts = _count_parts(
        _Occurrences.from_contexts(
            context, product, label, occurrence_counts[by_count], moment, apart, customer
        ),
        min_count,
    )

    def column(index: int) -> Rows:
        return np.concatenate([np.zeros(0, dtype=np.int32), *(part[index] for part, _ in parts)])

    first_row, second_row = by_count[column(0)], by_count[column(1)]
    swap = first_row > second_row
    first, second = (column(3), column(4)) if moment is not None else (None, None)
    return PairCounts(
        source=np.minimum(first_row, second_row),
        target=np.maximum(first_row, second_row),
        count=column(2),
        source_first=_choose(swap, second, first),
        target_first=_choose(swap, first, second),
        weight=None,
        n_seen=sum(n_seen for _, n_seen in parts),
        customers=None if customer is None else column(5),
    )


def _count_parts(log: _Occurrences, min_count: int) -> list[tuple[list[Rows], int]]:
    """Results of `_Occurrences.count` for parts of equal numbers of occurrences, in order."""
    threads = _threads()
    cuts = np.linspace(0, len(log.labels), threads * _PARTS_A_THREAD + 1)
    bounds = np.unique(np.searchsorted(log.rows, cuts)).tolist()
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda part: log.count(part[0], part[1], min_count), pairwise(bounds)))


def _choose(swap: _Bools, if_swapped: Rows | None, otherwise: Rows | None) -> Rows | None:
    return (
        None if if_swapped is None or otherwise is None else np.where(swap, if_swapped, otherwise)
    )


def _threads() -> int:
    return min(os.cpu_count() or 1, _MAX_THREADS)


@dataclass(frozen=True)
class _Occurrences:
    """Occurrences sorted by context and by label within each, and the positions of each label.

    Attributes:
        labels: (m,) sorted occurrences; 0 is the most frequent product.
        moment: (m,) aligned; empty where no order is known, as is
        apart: (m,), and
        customer: (m,), aligned with `positions`, -1 where nobody is known.
        rows: (n + 1,) where the occurrences of each label start in
        positions: (m,) places among the sorted occurrences, and
        context_starts: (m,) where the context of each starts there.
    """

    labels: Rows
    moment: npt.NDArray[np.float64]
    apart: _Bools
    customer: Rows
    rows: npt.NDArray[np.int64]
    positions: npt.NDArray[Any]
    context_starts: npt.NDArray[Any]

    @classmethod
    def from_contexts(  # noqa: PLR0917
        cls,
        context: Rows,
        product: Rows,
        label: Rows,
        occurrence_counts: npt.NDArray[np.int64],
        moment: npt.NDArray[np.float64] | None,
        apart: _Bools | None,
        customer: Rows | None,
    ) -> _Occurrences:
        m = len(product)
        index_type = np.int32 if m < 2**31 else np.int64
        log = cls(
            labels=np.empty(m, dtype=np.int32),
            moment=np.empty(0 if moment is None else m),
            apart=np.empty(0 if apart is None else m, dtype=np.bool_),
            customer=np.empty(0 if customer is None else m, dtype=np.int32),
            rows=_starts(occurrence_counts),
            positions=np.empty(m, dtype=index_type),
            context_starts=np.empty(m, dtype=index_type),
        )
        context_starts = _starts(np.bincount(context))
        jit_compile(_sort)(
            context, product, label, log.moment if moment is None else moment,
            log.apart if apart is None else apart,
            log.customer if customer is None else customer,
            log.rows[:-1].copy(), context_starts, context_starts[:-1].copy(),
            log.labels, log.moment, log.apart, log.customer, log.positions, log.context_starts,
        )  # fmt: skip
        return log

    def count(self, start: int, stop: int, min_count: int) -> tuple[list[Rows], int]:
        """(6, p) labels of both, count, counts of either first and customers, of the pairs of some
        rows; and the number of pairs.
        """
        loop = jit_compile(_count_rows)
        n = len(self.rows) - 1
        # count, counts of either first, customers and the last one: as few columns as are read
        columns = 5 if len(self.customer) else 4 if len(self.moment) else 1
        sums = np.zeros((n, columns), dtype=np.int32)
        touched = np.empty(n, dtype=np.int32)
        capacity, n_seen = _INITIAL_CAPACITY, 0
        blocks: list[Rows] = []
        while start < stop:
            out = np.empty((6, capacity), dtype=np.int32)
            reached, filled, n_found = loop(
                start, stop, self.rows, self.positions, self.context_starts, self.labels,
                self.moment, self.apart, self.customer, min_count, sums, touched, out,
            )  # fmt: skip
            if reached == start:
                capacity *= 2
                continue
            start, n_seen = reached, n_seen + n_found
            rows = 6 if len(self.customer) else 5 if len(self.moment) else 3
            blocks.append(out[:rows, :filled].copy())
        return list(np.concatenate(blocks, axis=1)), n_seen


def _count_rows(  # noqa: PLR0912, PLR0917
    start: int, stop: int, rows: Any, at: Any, opens: Any, labels: Any, moment: Any, apart: Any,
    customer: Any, min_count: int, sums: Any, touched: Any, out: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Count the pairs of the labels from `start` on; numba compiles this.

    Returns:
        the label reached (the row that `out` had no room for, or `stop`), pairs written to `out`,
        and pairs met.
    """
    n_written, n_seen = 0, 0
    ordered, some_apart, known = len(moment) > 0, len(apart) > 0, len(customer) > 0
    for row in range(start, stop):
        n_touched, frequent = 0, 0
        for entry in range(rows[row], rows[row + 1]):
            here = at[entry]
            for there in range(opens[entry], here):
                if some_apart and apart[here] and apart[there]:
                    continue
                other = labels[there]
                if sums[other, 0] == 0:
                    touched[n_touched] = other
                    n_touched += 1
                sums[other, 0] += 1
                frequent += sums[other, 0] == min_count
                if known and (sums[other, 3] == 0 or sums[other, 4] != customer[entry]):
                    sums[other, 3] += 1
                    sums[other, 4] = customer[entry]
                if ordered:
                    sums[other, 1] += moment[here] < moment[there]
                    sums[other, 2] += moment[here] > moment[there]
        fits = n_written + frequent <= out.shape[1]
        for i in range(n_touched):
            other = touched[i]
            if fits and sums[other, 0] >= min_count:
                out[0, n_written], out[1, n_written], out[2, n_written] = row, other, sums[other, 0]
                if ordered:
                    out[3, n_written], out[4, n_written] = sums[other, 1], sums[other, 2]
                if known:
                    out[5, n_written] = sums[other, 3]
                n_written += 1
            sums[other, 0] = 0
            if ordered:
                sums[other, 1], sums[other, 2] = 0, 0
            if known:
                sums[other, 3] = 0
        if not fits:
            return row, n_written, n_seen
        n_seen += n_touched
    return stop, n_written, n_seen


def _sort(  # noqa: PLR0917
    context: Any, product: Any, label: Any, moment: Any, apart: Any, customer: Any, free: Any,
    starts: Any, next_place: Any, labels: Any, moments: Any, aparts: Any, customers: Any, at: Any,
    opens: Any,
) -> None:  # fmt: skip
    """Two counting sorts, by label and then by context, into arrays of `_Occurrences`."""
    for i in range(len(product)):
        row = label[product[i]]
        at[free[row]] = i
        free[row] += 1
    for entry in range(len(product)):
        i = at[entry]
        here = next_place[context[i]]
        next_place[context[i]] += 1
        labels[here], at[entry], opens[entry] = label[product[i]], here, starts[context[i]]
        if len(customers):
            customers[entry] = customer[i]
        if len(moments):
            moments[here] = moment[i]
        if len(aparts):
            aparts[here] = apart[i]


def _starts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(c + 1,) start of each code in an array sorted by code, and the end."""
    starts = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts
