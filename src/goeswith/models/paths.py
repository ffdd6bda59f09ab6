"""Paths in the relation graph: edge weights, degrees and walks."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import (
    Floats,
    Sparse,
    entry_rows,
    inverse_power,
    scale_columns,
    scale_rows,
)
from goeswith.relations.measures import Measure
from goeswith.relations.relation import Relation

Weight: TypeAlias = Literal["auto", "binary"] | Measure
"""Weight of an edge: 1 (binary), or an association measure; auto is llr for counted pairs and
binary for lists: degrees alone are no evidence of strength."""


_MAX_PATHS = 1 << 25
"""Maximum paths of a sparse product: a quarter of a gigabyte if all targets differ."""
_HALF_PLACE = 5
"""Place in a list at which a target has half the weight of the start."""
_PATH_COST = 8
"""Measured cost of a path in a sparse product, relative to an edge in a dense one."""


def edge_weights(edges: Relation, weight: Weight) -> Sparse:
    """The edges as an n x n CSR matrix, without those whose measure is not positive."""
    if weight == "auto":
        weight = "llr" if np.any(edges.times_seen > 1) else "binary"
    return edges.weighted(np.ones(len(edges)) if weight == "binary" else edges.measure(weight))


def place_weights(edges: Relation) -> Sparse:
    """The edges with a weight that falls with the place of the target in the list of its source.

    1 / (1 + p / 5) with p the place among the targets of the source that are left, from 1; equal
    ranks share the mean of their places. Scaled so that the mean square is 1, as it is of ones.
    Ones if the lists have no order.
    """
    place = edges.list_order
    if place is None or not len(edges):
        return edge_weights(edges, "binary")
    weights = 1 / (1 + place / _HALF_PLACE)
    return edges.weighted(weights / np.sqrt(np.mean(weights**2)))


def in_degree(matrix: Sparse) -> npt.NDArray[np.float64]:
    """(n,) sum of the weights that lead into each product."""
    return np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()


def out_degree(matrix: Sparse) -> npt.NDArray[np.float64]:
    """(n,) sum of the weights that lead out of each product."""
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()


def normalize_by_degrees(matrix: Sparse) -> Sparse:
    """Entries over the square roots of their row's and column's sums."""
    half = scale_rows(matrix, inverse_power(out_degree(matrix), 0.5))
    return scale_columns(half, inverse_power(in_degree(matrix), 0.5))


def walk(block: Sparse, step: Sparse) -> Floats:
    """(b, n) dense product of a block of sparse rows and a sparse (n, n) matrix.

    By the cheaper method: sparse times sparse pays for every path, and much for each; dense
    columns pay for every edge, b times, and little.
    """
    if is_sparse_cheaper(block, step):
        return np.asarray((block @ step).toarray())
    return np.asarray((step.T @ np.ascontiguousarray(block.toarray().T)).T)


def is_sparse_cheaper(block: Sparse, step: Sparse) -> bool:
    """Whether a sparse product is cheaper in `walk`."""
    paths = int(np.diff(step.indptr)[block.indices].sum())
    is_cheaper = paths * _PATH_COST < step.nnz * block.shape[0]
    return bool(is_cheaper and paths <= _MAX_PATHS)


def path_scores(paths: Sparse) -> Floats:
    """(b, n) dense float32 of a sparse product, -inf where no path leads."""
    scores = np.full(paths.shape, -np.inf, dtype=np.float32)
    scores[entry_rows(paths), paths.indices] = paths.data
    return scores
