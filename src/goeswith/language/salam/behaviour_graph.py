"""What SALAM reads: texts as nodes, typed behaviour between them, and pairs of them with a class.

Queries and products are nodes alike, so that one model serves queries with products, and products
with products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse

Labels = npt.NDArray[np.int64]


@dataclass
class NodePairs:
    """m pairs of nodes.

    Attributes:
        left: (m,) nodes: the query, or the product in its place.
        right: (m,) nodes: the product.
        labels: (m,) class numbers; -1 for unlabelled pairs.
        regions: (m,) number of each pair's locale or market.
    """

    left: Rows
    right: Rows
    labels: Labels
    regions: Labels

    def __len__(self) -> int:
        return len(self.left)

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> Self:
        """Some of the pairs, by mask or by number."""
        return type(self)(
            self.left[which], self.right[which], self.labels[which], self.regions[which]
        )

    @classmethod
    def concatenate(cls, parts: Sequence[NodePairs]) -> Self:
        """All pairs of several."""
        return cls(
            np.concatenate([p.left for p in parts]),
            np.concatenate([p.right for p in parts]),
            np.concatenate([p.labels for p in parts]),
            np.concatenate([p.regions for p in parts]),
        )


@dataclass
class BehaviourGraph:
    """Typed, undirected behaviour between n nodes.

    Attributes:
        n: nodes.
        relations: name -> (n, n) symmetric CSR; an entry is an edge.
    """

    n: int
    relations: dict[str, Sparse] = field(default_factory=dict)

    @classmethod
    def from_edges(cls, n: int, edges: dict[str, tuple[Rows, Rows]]) -> Self:
        """From the ends of each relation's edges; what occurs twice counts once."""
        return cls(n, {name: _symmetric(n, one, other) for name, (one, other) in edges.items()})

    def without(self, pairs: NodePairs) -> Self:
        """The graph without any edge between the ends of the pairs, whatever its relation."""
        removed = _symmetric(self.n, pairs.left, pairs.right)
        relations = {}
        for name, matrix in self.relations.items():
            left = (matrix - matrix.multiply(removed)).tocsr()
            left.eliminate_zeros()
            relations[name] = left
        return type(self)(self.n, relations)

    def with_new_items(self, n: int) -> Self:
        """The same for more nodes, of which the last have no edge."""
        relations = {}
        for name, matrix in self.relations.items():
            relations[name] = matrix.copy()
            relations[name].resize(n, n)
        return type(self)(n, relations)

    def connects(self, pairs: NodePairs) -> npt.NDArray[np.bool_]:
        """(m,) whether an edge joins the two ends of a pair."""
        connected = np.zeros(len(pairs), dtype=bool)
        for matrix in self.relations.values() if len(pairs) else ():  # of none scipy gives a matrix
            connected |= np.asarray(matrix[pairs.left, pairs.right]).ravel() > 0
        return connected

    def path_names(self) -> list[str]:
        """Names of the columns of `paths`."""
        names = list(self.relations)
        return ["-".join(steps) for hops in (2, 3) for steps in product(names, repeat=hops)]

    def paths(self, pairs: NodePairs, block: int = 4096) -> Floats:
        """(m, r^2 + r^3) log(1 + weight) of the typed paths of two and three hops of each pair.

        A step from a node of degree d has the weight d^-1/2, so that paths over popular nodes have
        a low weight. No path uses an edge between the two ends of the pair, which is to be
        predicted.
        """
        columns = np.zeros((len(pairs), len(self.path_names())), dtype=np.float32)
        steps = {name: _normalised(matrix) for name, matrix in self.relations.items()}
        order = np.argsort(pairs.left, kind="stable")
        for start in range(0, len(order), block):
            here = order[start : start + block]
            columns[here] = _paths(steps, pairs.left[here], pairs.right[here])
        return np.log1p(columns * 100)


def _paths(steps: dict[str, Sparse], left: Rows, right: Rows) -> Floats:
    """(b, r^2 + r^3) weight of paths, less those over the pair's own edges."""
    sources, place = np.unique(left, return_inverse=True)
    direct = {name: _entries(matrix, left, right) for name, matrix in steps.items()}
    first = {name: matrix[sources] for name, matrix in steps.items()}
    last = {name: matrix[right] for name, matrix in steps.items()}  # symmetric: rows are columns
    second = {
        (a, b): first[a] @ steps[b] for a, b in product(steps, repeat=2)
    }  # what two steps from a source reach
    # where two steps from each end lead back to it: over such a loop a path could use its own edge
    loops_left = {ab: _entries(two, place, left) for ab, two in second.items()}
    loops_right = {
        (b, c): np.asarray(last[b].multiply(last[c]).sum(axis=1)).ravel()
        for b, c in product(steps, repeat=2)
    }
    columns = [_entries(second[a, b], place, right) for a, b in product(steps, repeat=2)]
    for a, b, c in product(steps, repeat=3):
        whole = np.asarray(second[a, b][place].multiply(last[c]).sum(axis=1)).ravel()
        own = (
            loops_left[a, b] * direct[c]
            + direct[a] * loops_right[b, c]
            - direct[a] * direct[b] * direct[c]
        )
        columns.append(np.maximum(whole - own, 0))
    return np.stack(columns, axis=1).astype(np.float32)


def _symmetric(n: int, one: Rows, other: Rows) -> Sparse:
    matrix = sparse.csr_matrix((np.ones(len(one), np.float32), (one, other)), shape=(n, n))
    both = (matrix + matrix.T).tocsr()
    both.setdiag(0)
    both.eliminate_zeros()
    both.data[:] = 1
    return both


def _normalised(matrix: Sparse) -> Sparse:
    """D^-1/2 A D^-1/2: symmetric, as A is."""
    degree = np.asarray(matrix.sum(axis=1)).ravel()
    scale = sparse.diags(1 / np.sqrt(np.maximum(degree, 1)).astype(np.float32))
    return (scale @ matrix @ scale).tocsr()


def _entries(matrix: Sparse, rows: npt.NDArray[np.integer], columns: Rows) -> Floats:
    return np.asarray(matrix[rows, columns], dtype=np.float32).ravel()
