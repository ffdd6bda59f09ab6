"""SLIM on the graph: a linear model of a product's complements with few weights a target."""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import linalg, sparse

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import Recommender
from goeswith.models.input_edges import (
    InputConfig,
    drop_alternatives_sparse,
    excluded_alternatives,
    input_edges,
    stored_alternatives,
)
from goeswith.models.paths import edge_weights, path_scores
from goeswith.relations.graph import RelationGraph

_SHRINKAGE: Final = 0.25
"""Share of l2 that lowers the cosines of rare targets, by which neighbours are selected."""


class SLIM(Recommender):
    """SLIM (Ning and Karypis, ICDM 2011) with the support of each target selected first.

        S = A B,   b_j = (G_NN + lambda I)^-1 G_Nj,   G = A'A

    with N the m targets most often listed together with j, by cosine, and 0 elsewhere. The rows of
    A take the place of the paper's users. The selection is that of its fsSLIM; a ridge penalty
    in closed form replaces its elastic net, so that weights may be negative. With all targets as
    N it is close to EASE, whose matrix of all targets it does not need: time and memory grow with
    the number of edges.
    """

    class Config(InputConfig):
        l2: float = Field(
            60, gt=0, description="lambda: how strongly weights are pulled to 0, in edges."
        )
        neighbours: int = Field(200, ge=1, description="m: targets that predict a target.")

    name: ClassVar[str] = "slim"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.edges = edge_weights(input_edges(graph, self.config), "binary")
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
    n = lists.shape[1]
    gram = (lists.T.tocsr() @ lists).tocsr()
    gram.sort_indices()
    scale = 1 / np.sqrt(gram.diagonal() + _SHRINKAGE * l2)
    position = np.full(n, -1, dtype=np.int64)
    columns: list[Rows] = []
    values: list[Floats] = []
    for target in range(n):
        support, products = _neighbours(gram, target, scale, neighbours)
        block = _block(gram, support, position)
        block[np.diag_indices_from(block)] += l2
        weights = linalg.solve(block, products, assume_a="pos", overwrite_a=True)
        columns.append(support)
        values.append(weights.astype(np.float32))
    starts = np.concatenate([[0], np.cumsum([len(part) for part in columns])])
    shape = (n, n)
    # the rows of this matrix are the columns of the weights
    transposed = sparse.csr_matrix(
        (np.concatenate(values), np.concatenate(columns), starts), shape=shape
    )
    return transposed.T.tocsr()


def _neighbours(
    gram: Sparse, target: int, scale: npt.NDArray[np.float64], count: int
) -> tuple[Rows, npt.NDArray[np.float64]]:
    """The targets most often listed together with one, ascending, and in how many lists."""
    entries = slice(int(gram.indptr[target]), int(gram.indptr[target + 1]))
    others, products = gram.indices[entries], gram.data[entries].astype(np.float64)
    is_other = others != target
    others, products = others[is_other], products[is_other]
    if len(others) > count:
        # stable, so that ties go to the lower target
        order = np.sort(np.argsort(-products * scale[others], kind="stable")[:count])
        others, products = others[order], products[order]
    return others, products


def _block(gram: Sparse, rows: Rows, position: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(m, m) the entries of m rows and columns; `position` (n,) is -1 everywhere, and stays so."""
    starts, lengths = gram.indptr[rows], np.diff(gram.indptr)[rows]
    offsets = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    entries = offsets + np.arange(len(offsets))
    position[rows] = np.arange(len(rows))
    column = position[gram.indices[entries]]
    position[rows] = -1
    is_inside = column >= 0
    block = np.zeros((len(rows), len(rows)))
    row = np.repeat(np.arange(len(rows)), lengths)[is_inside]
    block[row, column[is_inside]] = gram.data[entries][is_inside]
    return block
