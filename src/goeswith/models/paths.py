"""What models over paths of the complement graph share."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Sparse, entry_rows
from goeswith.relations.measures import Measure
from goeswith.relations.relation import Relation

Weight: TypeAlias = Literal["auto", "binary"] | Measure
"""What an edge counts for: 1 (binary), or an association measure; auto is llr where pairs were
counted and binary where lists only name them: degrees alone are no evidence of strength."""


_MOST_PATHS = 1 << 25
"""Paths that are followed at a time: a quarter of a gigabyte, if none lead to the same product."""
_COST_OF_A_PATH = 8
"""How much a path costs in a sparse product, against an edge in a dense one: measured, about."""


def edge_weights(edges: Relation, weight: Weight) -> Sparse:
    """The edges as an n x n CSR matrix; those whose measure is not positive are left out."""
    if weight == "auto":
        weight = "llr" if np.any(edges.times_seen > 1) else "binary"
    return edges.weighted(np.ones(len(edges)) if weight == "binary" else edges.measure(weight))


def in_degree(matrix: Sparse) -> npt.NDArray[np.float64]:
    """(n,) sum of the weights that lead into each product."""
    return np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()


def out_degree(matrix: Sparse) -> npt.NDArray[np.float64]:
    """(n,) sum of the weights that lead out of each product."""
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()


def walk(block: Sparse, step: Sparse) -> Floats:
    """(b, n) dense product of a block of sparse rows and a sparse (n, n) matrix.

    By whichever is cheaper: sparse times sparse pays for every path, and much for each; dense
    columns pay for every edge, b times, and little.
    """
    if few_paths(block, step):
        return np.asarray((block @ step).toarray())
    return np.asarray((step.T @ np.ascontiguousarray(block.toarray().T)).T)


def few_paths(block: Sparse, step: Sparse) -> bool:
    """Whether `walk` is cheaper path by path."""
    paths = int(np.diff(step.indptr)[block.indices].sum())
    cheaper = paths * _COST_OF_A_PATH < step.nnz * block.shape[0]
    return bool(cheaper and paths <= _MOST_PATHS)


def path_scores(paths: Sparse) -> Floats:
    """(b, n) dense float32 of a sparse product, -inf where no path leads."""
    scores = np.full(paths.shape, -np.inf, dtype=np.float32)
    scores[entry_rows(paths), paths.indices] = paths.data
    return scores
