"""EASE: a linear model of a product's complements from its other complements, in closed form."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy.linalg import get_lapack_funcs

from goeswith.core.arrays import Floats, Rows, Sparse, block_size
from goeswith.core.arrays_file import Arrays
from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.models.base import Recommender
from goeswith.models.input_edges import (
    ListConfig,
    drop_alternatives,
    excluded_alternatives,
    list_weights,
    stored_alternatives,
)
from goeswith.relations.graph import RelationGraph


class EASE(Recommender):
    """EASE (Steck, WWW 2019, equation 8) with the rows of the complement graph as users.

        P = (A'A + lambda I)^-1,  B = I - P diag(P)^-1,  S = A B

    Only the t products that are a complement have a column; the rest have no score. Memory is
    4 t^2 bytes, at fit as in use: the Gram matrix A'A turns in place into its Cholesky factor,
    its inverse and B. Time is about t^3 multiplications at fit.
    """

    class Config(ListConfig):
        l2: float = Field(50, gt=0, description="lambda: L2 penalty of the weights, in edges.")
        max_products: int = Field(
            20_000, ge=1, description="Maximum number of targets; memory grows with its square."
        )

    name: ClassVar[str] = "ease"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        edges = list_weights(graph, self.config)
        self.excluded = excluded_alternatives(graph, self.config)
        self.targets = np.unique(edges.indices).astype(np.int32)
        t = len(self.targets)
        if t > self.config.max_products:
            raise ConfigError(
                f"ease needs a dense matrix of {t:,} x {t:,} targets, {4 * t * t / 2**30:.1f} GiB; "
                f"its max_products is {self.config.max_products:,}. Use slim, cocitation or katz, "
                "which stay sparse, or set max_products under [models.ease] if the memory is there"
            )
        self.edges = edges[:, self.targets]
        self.weights = _item_weights(self.edges, self.config.l2)
        return self

    def score(self, sources: Rows) -> Floats:
        lists = self.edges[sources]
        scores = np.full((len(sources), self.n), -np.inf, dtype=np.float32)
        with_edges = np.flatnonzero(np.diff(lists.indptr))
        scores[np.ix_(with_edges, self.targets)] = lists[with_edges] @ self.weights
        return drop_alternatives(scores, sources, self.excluded)

    def arrays(self) -> Arrays:
        return {
            "edges": self.edges,
            "targets": self.targets,
            "weights": self.weights,
            "excluded": self.excluded,
        }

    def restore(self, arrays: Arrays) -> None:
        self.edges, self.targets = arrays["edges"], arrays["targets"]
        self.weights = arrays["weights"]
        self.excluded = stored_alternatives(arrays, self.n)

    @property
    def n(self) -> int:
        return int(self.edges.shape[0])


def _item_weights(edges: Sparse, l2: float) -> Floats:
    """(t, t) B of a (n, t) matrix, in the memory of one such matrix, C-contiguous."""
    return item_weights(_gram(edges), l2)


def _gram(edges: Sparse) -> Floats:
    """(t, t) A'A in Fortran order."""
    t = edges.shape[1]
    gram = np.empty((t, t), dtype=np.float32, order="F")  # symmetric: LAPACK's order is as good
    backward = edges.T.tocsr()
    size = block_size(t)
    for start in range(0, t, size):
        gram[:, start : start + size] = (backward[start : start + size] @ edges).toarray().T
    return gram


def item_weights(gram: Floats, l2: float) -> Floats:
    """(t, t) B of a Gram matrix (t, t) in Fortran order, which is overwritten."""
    t, size = len(gram), block_size(len(gram))
    gram[np.diag_indices(t)] += l2
    if not t:
        return gram
    factorise, invert = get_lapack_funcs(("potrf", "potri"), (gram,))
    factor, failure = factorise(gram, lower=True, clean=False, overwrite_a=True)
    if not failure:
        inverse, failure = invert(factor, lower=True, overwrite_c=True)
    if failure:
        raise ConfigError(f"ease: l2 = {l2} is too small to invert this graph's Gram matrix")
    weights: Floats = inverse.T  # the same symmetric matrix, row by row, its upper triangle filled
    for start in range(0, t, size):
        block = slice(start, start + size)
        corner = np.triu(weights[block, block])
        weights[block, block] = corner + np.triu(corner, 1).T
        weights[start + size :, block] = weights[block, start + size :].T
    weights /= -np.diag(weights)
    np.fill_diagonal(weights, 0)
    return weights
