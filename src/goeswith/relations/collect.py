"""Counted pairs out of the engine and into matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.arrays import Floats, Sparse
from goeswith.relations.expressions import Table


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


def make_edges(pairs: Table, n: int, least: int, *, symmetric: bool) -> Edges:
    """The pairs with enough support; a symmetric pair is an edge in both directions."""
    seen = int(pairs.count().to_pyarrow().as_py())
    frequent = pairs.filter(pairs["count"] >= least).to_pyarrow()
    arrays = {name: frequent[name].to_numpy() for name in frequent.column_names}
    source, target, counts = arrays["source"], arrays["target"], arrays["count"]
    first, weight = arrays.get("source_first"), arrays.get("weight")
    if symmetric:
        source, target = np.concatenate([source, target]), np.concatenate([target, source])
        counts = np.concatenate([counts, counts])
        weight = None if weight is None else np.concatenate([weight, weight])
        if first is not None:
            first = np.concatenate([first, arrays["target_first"]])
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
        pairs=seen,
        below_support=seen - frequent.num_rows,
    )
