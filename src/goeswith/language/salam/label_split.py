"""Pairs and behaviour, split by product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Sparse
from goeswith.language.salam.nodes import Behaviour, Pairs

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
class Split:
    """Pairs and behaviour, split by product.

    Attributes:
        train, valid, test: pairs both of whose products are of that part.
        seen: behaviour between products of train, all that learning may see.
        known: behaviour of all products, less every edge between two of valid or two of test.
    """

    train: Pairs
    valid: Pairs
    test: Pairs
    seen: Behaviour
    known: Behaviour

    @classmethod
    def of(cls, behaviour: Behaviour, pairs: Pairs, part: Parts) -> Self:
        """Split by the parts of products; pairs across parts are dropped.

        Products of valid and test keep what is known of them beside products of other parts, as a
        new product of a shop has its first baskets; the pairs that are asked have no edge, in any
        relation or direction, and no product of theirs was seen in learning.
        """
        same = part[pairs.left] == part[pairs.right]
        train, valid, test = (
            pairs.take(same & (part[pairs.left] == kind)) for kind in (TRAIN, VALID, TEST)
        )
        seen, known = {}, {}
        for name, matrix in behaviour.relations.items():
            edges = matrix.tocoo()
            one, other = part[edges.row], part[edges.col]
            seen[name] = _kept(edges, (one == TRAIN) & (other == TRAIN))
            known[name] = _kept(edges, (one != other) | (one == TRAIN))
        n = behaviour.n
        return cls(train, valid, test, Behaviour(n, seen), Behaviour(n, known))


def _kept(edges: Sparse, which: npt.NDArray[np.bool_]) -> Sparse:
    return sparse.csr_matrix(
        (edges.data[which], (edges.row[which], edges.col[which])), shape=edges.shape
    )
