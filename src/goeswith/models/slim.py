"""SLIM on the graph: a linear model of a product's complements with few weights a target."""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import Recommender
from goeswith.models.input_edges import (
    ListConfig,
    drop_alternatives_sparse,
    excluded_alternatives,
    list_weights,
    stored_alternatives,
)
from goeswith.models.paths import path_scores
from goeswith.relations.graph import RelationGraph

_SHRINKAGE: Final = 0.25
"""Share of l2 that lowers the cosines of rare targets, by which neighbours are selected."""

_BATCH: Final = 1000
"""Neighbours of the targets that are solved at once; the counts between them are one matrix."""


class SLIM(Recommender):
    """SLIM (Ning and Karypis, ICDM 2011) with the support of each target selected first.

        S = A B,   b_j = (G_NN + lambda I)^-1 G_Nj,   G = A'A

    with N the m targets most often listed together with j, by cosine, and 0 elsewhere. The rows of
    A take the place of the paper's users. The selection is that of its fsSLIM; a ridge penalty
    in closed form replaces its elastic net, so that weights may be negative. With all targets as
    N it is close to EASE, whose matrix of all targets it does not need: time and memory grow with
    the number of edges.
    """

    class Config(ListConfig):
        l2: float = Field(60, gt=0, description="lambda: L2 penalty of the weights, in edges.")
        neighbours: int = Field(200, ge=1, description="m: maximum number of weights per target.")

    name: ClassVar[str] = "slim"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.edges = list_weights(graph, self.config)
        self.excluded = excluded_alternatives(graph, self.config)
        self.weights = sparse_weights(self.edges, self.config.l2, self.config.neighbours)
        return self

    def score(self, sources: Rows) -> Floats:
        return path_scores(self.score_sparse(sources))

    def score_sparse(self, sources: Rows) -> Sparse:
        scores = (self.edges[sources] @ self.weights).tocsr()
        return drop_alternatives_sparse(scores, sources, self.excluded)

    def arrays(self) -> Arrays:
        return {"edges": self.edges, "weights": self.weights, "excluded": self.excluded}

    def restore(self, arrays: Arrays) -> None:
        self.edges, self.weights = arrays["edges"], arrays["weights"]
        self.excluded = stored_alternatives(arrays, self.n)

    @property
    def n(self) -> int:
        return int(self.edges.shape[0])


def sparse_weights(lists: Sparse, l2: float, neighbours: int) -> Sparse:
    """(n, n) CSR: column j holds the weights of the targets that predict target j.

    Args:
        lists: (u, n) CSR of ones, a list of targets a row.
        l2: lambda.
        neighbours: m, the largest number of weights of a column.
    """
    gram = (lists.T.tocsr() @ lists).tocsr()
    gram.sort_indices()
    scale = 1 / np.sqrt(gram.diagonal() + _SHRINKAGE * l2)
    support = _support(gram, scale, neighbours)
    sizes = np.diff(support.indptr)
    # the rows of this matrix are the columns of the weights
    transposed = support.astype(np.float32)
    # as many targets at once as have `_BATCH` neighbours, of similar numbers of them
    order = np.argsort(sizes, kind="stable")
    end = len(order)
    while end and sizes[order[end - 1]]:
        start = max(0, end - max(1, _BATCH // int(sizes[order[end - 1]])))
        batch = order[start:end]
        weights = _solve(gram, support[batch], l2)
        entries = np.concatenate(
            [np.arange(*support.indptr[target : target + 2]) for target in batch]
        )
        transposed.data[entries] = weights
        end = start
    return transposed.T.tocsr()


def _support(gram: Sparse, scale: npt.NDArray[np.float64], count: int) -> Sparse:
    """(n, n) CSR: of each target those most often listed with it, and in how many lists."""
    target = np.repeat(np.arange(gram.shape[0]), np.diff(gram.indptr))
    is_kept = gram.indices != target
    for long in np.flatnonzero(np.diff(gram.indptr) > count):
        row = np.arange(gram.indptr[long], gram.indptr[long + 1])
        row = row[is_kept[row]]
        # stable, so that ties go to the lower target
        cosines = gram.data[row].astype(np.float64) * scale[gram.indices[row]]
        is_kept[row[np.argsort(-cosines, kind="stable")[count:]]] = False
    starts = np.concatenate([[0], np.cumsum(is_kept)])[gram.indptr]
    return sparse.csr_matrix((gram.data[is_kept], gram.indices[is_kept], starts), gram.shape)


def _solve(gram: Sparse, support: Sparse, l2: float) -> Floats:
    """(nnz,) the weights of a batch of targets, in the order of their neighbours."""
    sizes = np.diff(support.indptr)
    target = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(support.nnz) - support.indptr[target]
    union, member = np.unique(support.indices, return_inverse=True)
    u, m = len(union), int(sizes.max())
    among = np.zeros((u + 1, u + 1))
    among[:u, :u] = gram[union][:, union].toarray()
    # a target with fewer neighbours than others has a last one, u, of which the weight is zero
    members = np.full((len(sizes), m), u)
    members[target, place] = member
    blocks = among[members[:, :, None], members[:, None, :]]
    blocks[:, np.arange(m), np.arange(m)] += l2
    products = np.zeros((len(sizes), m, 1))
    products[target, place, 0] = support.data
    weights = np.linalg.solve(blocks, products)[target, place, 0]
    return np.asarray(weights, dtype=np.float32)
