"""What models over paths of the complement graph share."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.arrays import Floats, Sparse, entry_rows
from goeswith.relations.association import Measure
from goeswith.relations.graph import Relation

Weight: TypeAlias = Literal["auto", "binary"] | Measure
"""What an edge counts for: 1 (binary), or an association measure; auto is llr where pairs were
counted and binary where lists only name them: degrees alone are no evidence of strength."""


def edge_weights(edges: Relation, weight: Weight) -> Sparse:
    """The edges as an n x n CSR matrix; those whose measure is not positive are left out."""
    if weight == "auto":
        weight = "llr" if np.any(edges.count.data > 1) else "binary"
    return edges.weighted(np.ones(len(edges)) if weight == "binary" else edges.measure(weight))


def in_degree(matrix: Sparse) -> npt.NDArray[np.float64]:
    """(n,) sum of the weights that lead into each product."""
    return np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()


def out_degree(matrix: Sparse) -> npt.NDArray[np.float64]:
    """(n,) sum of the weights that lead out of each product."""
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()


def path_scores(paths: Sparse) -> Floats:
    """(b, n) dense float32 of a sparse product, -inf where no path leads."""
    scores = np.full(paths.shape, -np.inf, dtype=np.float32)
    scores[entry_rows(paths), paths.indices] = paths.data
    return scores
