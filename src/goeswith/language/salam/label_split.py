"""Pairs and behaviour, split by product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Sparse
from goeswith.language.salam.behaviour_graph import BehaviourGraph, NodePairs

PARTS = ("train", "valid", "test")
TRAIN, VALID, TEST = range(3)
Parts = npt.NDArray[np.int8]
"""(n,) the part of each product."""


def split_products(n: int, valid: float, test: float, seed: int) -> Parts:
    """Give every product to one part at random, a share of them to `VALID` and to `TEST`."""
    drawn = np.random.default_rng([seed, n]).random(n)
    return np.where(drawn < test, TEST, np.where(drawn < test + valid, VALID, TRAIN)).astype(
        np.int8
    )


@dataclass
class PairSplit:
    """Pairs and behaviour, split by product.

    Attributes:
        train, valid, test: pairs both of whose products are of that part.
        training_graph: behaviour between products of train, all that learning may see.
        inference_graph: behaviour of all products, less every edge between two of valid or two of
            test.
    """

    train: NodePairs
    valid: NodePairs
    test: NodePairs
    training_graph: BehaviourGraph
    inference_graph: BehaviourGraph

    @classmethod
    def from_parts(cls, behaviour: BehaviourGraph, pairs: NodePairs, part: Parts) -> Self:
        """Split by the parts of products; pairs across parts are dropped.

        Products of valid and test have their edges to products of other parts, as a new product of
        a shop has its first baskets; pairs of valid and test have no edge, in any relation or
        direction, and their products are not in the training part.
        """
        same = part[pairs.left] == part[pairs.right]
        train, valid, test = (
            pairs.take(same & (part[pairs.left] == kind)) for kind in (TRAIN, VALID, TEST)
        )
        training, inference = {}, {}
        for name, matrix in behaviour.relations.items():
            edges = matrix.tocoo()
            one, other = part[edges.row], part[edges.col]
            training[name] = _keep_edges(edges, (one == TRAIN) & (other == TRAIN))
            inference[name] = _keep_edges(edges, (one != other) | (one == TRAIN))
        n = behaviour.n
        return cls(train, valid, test, BehaviourGraph(n, training), BehaviourGraph(n, inference))


def _keep_edges(edges: Sparse, which: npt.NDArray[np.bool_]) -> Sparse:
    return sparse.csr_matrix(
        (edges.data[which], (edges.row[which], edges.col[which])), shape=edges.shape
    )
