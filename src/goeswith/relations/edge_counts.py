"""Counts of product pairs as matrices: counting in the process or by an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.relations import expressions
from goeswith.relations.engines import Engine, fetch
from goeswith.relations.expressions import Table
from goeswith.relations.pair_counts import PairCounts, count_pairs, memory_needed, read_pair_counts


def per_product(table: Table, n: int, *names: str) -> list[npt.NDArray[np.float64]]:
    """(n,) values of each product, for each of some columns; 0 for products that are not there.

    Args:
        table: product and the columns.
        n: products.
        names: columns.
    """
    rows = fetch(table)
    out = np.zeros((len(names), n))
    out[:, rows["product"].to_numpy()] = [rows[name].to_numpy() for name in names]
    return list(out)


@dataclass(frozen=True)
class Totals:
    """Of occurrences: contexts, by weight; rows; and rows of products that were viewed."""

    contexts: float
    rows: int
    seen: int

    @classmethod
    def of(cls, occurrences: Table) -> Totals:
        """Count them."""
        (row,) = fetch(expressions.totals(occurrences)).to_dicts()
        found = {name: value or 0 for name, value in row.items()}  # null without rows
        rows = int(found["rows"])
        return cls(float(found["contexts"]), rows, int(found.get("seen", rows)))


@dataclass(frozen=True)
class EdgeCounts:
    """The edges of one relation; see `Relation` for the arrays."""

    count: Sparse
    source_first: Floats | None
    seen: Floats | None
    customers: Floats | None
    pairs: int
    below_support: int


def count_pairs_in_context(
    occurrences: Table, rows: int, n: int, min_count: int, engine: Engine, *, ordered: bool
) -> PairCounts:
    """Count pairs within contexts: in this process if memory allows, else in the engine.

    Args:
        occurrences: of `expressions.purchases`, or of `expressions.visits`, of which pairs are
            counted as alternatives; with a `weight` if old contexts count less.
        rows: number of occurrences; with `viewed`, of those in which it is true.
        n: products.
        min_count: pairs of fewer contexts are left out.
        engine: where `occurrences` is.
        ordered: whether the order is counted.
    """
    views = "viewed" in occurrences.columns
    if views:
        occurrences = occurrences.filter(occurrences.viewed)
    if "weight" not in occurrences.columns and memory_needed(rows, n) <= engine.pair_memory:
        known = "customer" in occurrences.columns
        columns = ["moment"] * ordered + ["bought"] * views + ["customer"] * known
        table = fetch(occurrences.select("context", "product", *columns))
        return count_pairs(
            _compact_codes(table["context"].to_numpy()),
            table["product"].to_numpy().astype(np.int32, copy=False),
            n,
            min_count,
            # a null becomes NaN
            moment=table["moment"].to_numpy().astype(np.float64) if ordered else None,
            apart=table["bought"].to_numpy() if views else None,
            customer=_compact_codes(table["customer"].to_numpy()) if known else None,
        )
    pair_expression = expressions.co_view_pairs if views else expressions.co_occurrences
    return read_pair_counts(
        engine.materialize(pair_expression(occurrences, ordered=ordered)), min_count
    )


def _compact_codes(codes: npt.NDArray[Any]) -> Rows:
    """Codes from 0 on, whose maximum is at most a few times their number."""
    if len(codes) and (codes.min() < 0 or codes.max() > 4 * len(codes)):
        codes = np.unique(codes, return_inverse=True)[1]
    return codes.astype(np.int32, copy=False)


def edge_counts(
    pairs: PairCounts, n: int, *, symmetric: bool, min_customers: int = 1
) -> EdgeCounts:
    """Pairs as a matrix; a symmetric pair is an edge in both directions.

    Pairs of fewer customers than `min_customers` are below support, where customers are known.
    """
    if pairs.customers is not None and min_customers > 1:
        pairs = pairs.filter(pairs.customers >= min_customers)
    source, target, counts = pairs.source, pairs.target, pairs.count
    first, weight, customers = pairs.source_first, pairs.weight, pairs.customers
    if symmetric:
        source, target = np.concatenate([source, target]), np.concatenate([target, source])
        counts = np.concatenate([counts, counts])
        weight = None if weight is None else np.concatenate([weight, weight])
        customers = None if customers is None else np.concatenate([customers, customers])
        if first is not None:
            first = np.concatenate([first, pairs.target_first])
    # the matrix carries the position of each edge, so that all arrays get the same order
    positions = np.arange(len(source), dtype=np.int32)
    matrix = sparse.csr_matrix((positions, (source, target)), shape=(n, n))
    matrix.sort_indices()
    position = matrix.data
    matrix.data = (counts if weight is None else weight)[position].astype(np.float32)
    return EdgeCounts(
        count=matrix,
        source_first=None if first is None else first[position].astype(np.float32),
        seen=None if weight is None else counts[position].astype(np.float32),
        customers=None if customers is None else customers[position].astype(np.float32),
        pairs=pairs.n_seen,
        below_support=pairs.n_seen - len(pairs.source),
    )
