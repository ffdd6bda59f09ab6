"""Counted pairs out of the engine and into matrices."""

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
from goeswith.relations.pair_counts import Pairs, count_pairs, memory_needed, pairs_of


def per_product(holders: Table, n: int) -> npt.NDArray[np.float64]:
    """(n,) the contexts of each product, from `expressions.holders`."""
    found = holders.to_pyarrow()
    out = np.zeros(n)
    out[found["product"].to_numpy()] = found["contexts"].to_numpy()
    return out


def total_weight(total: Table) -> float:
    """All contexts, from `expressions.total_weight`."""
    (found,) = total.to_pyarrow()["weight"].to_pylist()
    return float(found or 0)


@dataclass(frozen=True)
class Edges:
    """The pairs of one relation that are edges; see `Relation` for the arrays."""

    count: Sparse
    source_first: Floats | None
    seen: Floats | None
    pairs: int
    below_support: int


def count_together(
    occurrences: Table, n: int, least: int, engine: Engine, *, ordered: bool
) -> Pairs:
    """Pairs of one context: counted in this process where that has the memory, else by the engine.

    Args:
        occurrences: of `expressions.purchases`, or of `expressions.visits`, of which pairs are
            counted as alternatives; with a `weight` where old contexts count less.
        n: products.
        least: pairs of fewer contexts are left out.
        engine: where `occurrences` is.
        ordered: whether the order is counted.
    """
    views = "viewed" in occurrences.columns
    if views:
        occurrences = occurrences.filter(occurrences.viewed)
    if "weight" not in occurrences.columns and engine.pair_memory:
        rows = int(occurrences.count().to_pyarrow().as_py())
        if memory_needed(rows, n) <= engine.pair_memory:
            columns = ["moment"] * ordered + ["bought"] * views
            found = occurrences.select("context", "product", *columns).to_pyarrow()
            return count_pairs(
                _from_nought(found["context"].to_numpy()),
                found["product"].to_numpy().astype(np.int32, copy=False),
                n,
                least,
                # a null becomes NaN
                moment=found["moment"].to_numpy().astype(np.float64) if ordered else None,
                apart=found["bought"].to_numpy() if views else None,
            )
    counted = expressions.alternatives if views else expressions.together
    return pairs_of(engine.keep(counted(occurrences, ordered=ordered)), least)


def _from_nought(codes: npt.NDArray[Any]) -> Rows:
    """Codes that do not reach far beyond how many there are."""
    if len(codes) and codes.max() > 4 * len(codes):
        codes = np.unique(codes, return_inverse=True)[1]
    return codes.astype(np.int32, copy=False)


def make_edges(pairs: Pairs, n: int, *, symmetric: bool) -> Edges:
    """Pairs as a matrix; a symmetric pair is an edge in both directions."""
    source, target, counts = pairs.source, pairs.target, pairs.count
    first, weight = pairs.source_first, pairs.weight
    if symmetric:
        source, target = np.concatenate([source, target]), np.concatenate([target, source])
        counts = np.concatenate([counts, counts])
        weight = None if weight is None else np.concatenate([weight, weight])
        if first is not None:
            first = np.concatenate([first, pairs.target_first])
    # the matrix carries the place of each edge, so that both counts are sorted alike
    places = np.arange(len(source), dtype=np.int32)
    matrix = sparse.csr_matrix((places, (source, target)), shape=(n, n))
    matrix.sort_indices()
    place = matrix.data
    matrix.data = (counts if weight is None else weight)[place].astype(np.float32)
    return Edges(
        count=matrix,
        source_first=None if first is None else first[place].astype(np.float32),
        seen=None if weight is None else counts[place].astype(np.float32),
        pairs=pairs.met,
        below_support=pairs.met - len(pairs.source),
    )
