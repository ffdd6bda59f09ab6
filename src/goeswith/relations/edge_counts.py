"""Counts of product pairs as matrices: counting in the process or by an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.relations import expressions
from goeswith.relations.engines import Engine
from goeswith.relations.expressions import Table
from goeswith.relations.pair_counts import PairCounts, count_pairs, memory_needed, read_pair_counts


def contexts_per_product(holders: Table, n: int) -> npt.NDArray[np.float64]:
    """(n,) number of contexts of each product.

    Args:
        holders: of `expressions.contexts_per_product`.
        n: products.
    """
    table = holders.to_pyarrow()
    out = np.zeros(n)
    out[table["product"].to_numpy()] = table["contexts"].to_numpy()
    return out


def total_weight(total: Table) -> float:
    """Number of all contexts, from `expressions.total_weight`."""
    (value,) = total.to_pyarrow()["weight"].to_pylist()
    return float(value or 0)


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
    occurrences: Table, n: int, min_count: int, engine: Engine, *, ordered: bool
) -> PairCounts:
    """Count pairs within contexts: in this process if memory allows, else in the engine.

    Args:
        occurrences: of `expressions.purchases`, or of `expressions.visits`, of which pairs are
            counted as alternatives; with a `weight` if old contexts count less.
        n: products.
        min_count: pairs of fewer contexts are left out.
        engine: where `occurrences` is.
        ordered: whether the order is counted.
    """
    views = "viewed" in occurrences.columns
    if views:
        occurrences = occurrences.filter(occurrences.viewed)
    if "weight" not in occurrences.columns and engine.pair_memory:
        rows = int(occurrences.count().to_pyarrow().as_py())
        if memory_needed(rows, n) <= engine.pair_memory:
            known = "customer" in occurrences.columns
            columns = ["moment"] * ordered + ["bought"] * views + ["customer"] * known
            table = occurrences.select("context", "product", *columns).to_pyarrow()
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
