"""Vectors as short codes: residual k-means, and a last number that tells equals apart."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats

Codes = npt.NDArray[np.int64]
"""(n, levels) what stands for each of n vectors; 0 to the size of its level."""


def residual_codes(
    vectors: Floats, levels: int, size: int, seed: int, *, spread: bool = False
) -> Codes:
    """Residual quantisation (Chen et al., 2010): each level codes what those before have left.

    Args:
        vectors: (n, d).
        levels: how many.
        size: centres of a level; fewer where fewer vectors differ.
        seed: of k-means.
        spread: give products that would share a code different last numbers (`spread_last`).
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    left, codes = vectors.astype(np.float64), np.zeros((len(vectors), levels), dtype=np.int64)
    for level in range(levels):
        centres = min(size, len(np.unique(left, axis=0)))
        with warnings.catch_warnings():  # vectors that are equal but for rounding
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = KMeans(centres, n_init=1, max_iter=30, random_state=seed + level).fit(left)
        codes[:, level] = found.labels_
        if spread and level == levels - 1:
            return spread_last(codes, found.transform(left), size)
        left = left - found.cluster_centers_[found.labels_]
    return codes


def spread_last(codes: Codes, distances: npt.NDArray[np.floating], size: int) -> Codes:
    """Codes whose last numbers differ where all before are equal, each as near as is free.

    The nearest to a centre keeps it, the others take the next (LC-Rec, Zheng et al., 2024, spreads
    them by optimal transport). Centres that no vector has called for stand behind the others.

    Args:
        codes: (n, levels).
        distances: (n, c) to the centres of the last level.
        size: numbers of the last level, at least c: more are free where centres are few.
    """
    spread, taken = codes.copy(), set[tuple[int, ...]]()
    more = np.full((len(codes), max(size - distances.shape[1], 0)), np.inf)
    order = np.argsort(np.concatenate([distances, more], axis=1), axis=1, kind="stable")
    for row in np.argsort(distances.min(axis=1), kind="stable"):
        before = tuple(codes[row, :-1].tolist())
        for last in order[row].tolist():
            if (*before, last) not in taken:
                spread[row, -1] = last
                break
        taken.add((*before, int(spread[row, -1])))
    return spread


def told_apart(codes: Codes) -> Codes:
    """(n, levels + 1) codes with a last level that counts those that are equal, from 0.

    >>> told_apart(np.array([[1, 2], [1, 2], [0, 2]])).tolist()
    [[1, 2, 0], [1, 2, 1], [0, 2, 0]]
    """
    _, group = np.unique(codes, axis=0, return_inverse=True)
    group = group.ravel()
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(group))])
    last = np.empty(len(codes), dtype=np.int64)
    last[order] = np.arange(len(codes)) - starts[group[order]]
    return np.concatenate([codes, last[:, None]], axis=1)


def collisions(codes: Codes) -> float:
    """Share of the products that have a code which an earlier one has already.

    >>> collisions(np.array([[1, 2], [1, 2], [0, 2], [1, 2]]))
    0.5
    """
    return 1 - len(np.unique(codes, axis=0)) / max(len(codes), 1)


def codebook_use(codes: Codes) -> list[dict[str, float]]:
    """Of each level: codes in use, and their perplexity, which is as many where all are used alike.

    >>> codebook_use(np.array([[0], [1]]))
    [{'used': 2, 'perplexity': 2.0}]
    """
    found = []
    for level in codes.T:
        shares = np.bincount(level)[np.unique(level)] / len(level)
        entropy = -(shares * np.log(shares)).sum()
        found.append({"used": len(shares), "perplexity": round(float(np.exp(entropy)), 3)})
    return found


class Trie:
    """The codes that exist, by prefix: a node of a level for each different prefix of that length.

    Attributes:
        products: (n,) the product of each node of the last level.
    """

    def __init__(self, codes: Codes) -> None:
        """Take codes (n, levels), all different."""
        self.sizes = [int(size) for size in codes.max(axis=0) + 1]
        self._keys: list[npt.NDArray[np.int64]] = []
        node = np.zeros(len(codes), dtype=np.int64)
        for level, size in enumerate(self.sizes):
            keys, node = np.unique(node * size + codes[:, level], return_inverse=True)
            self._keys.append(keys)
        self.products = np.argsort(node).astype(np.int32)

    def children(self, level: int, nodes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The nodes of `level` below nodes of the level before; above the first there is node 0.

        Args:
            level: from 0.
            nodes: of any shape; -1 is none and has none.

        Returns:
            (..., size of the level) nodes, -1 where no product has that code.
        """
        wanted = nodes[..., None] * self.sizes[level] + np.arange(self.sizes[level])
        keys = self._keys[level]
        place = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
        return np.where((keys[place] == wanted) & (nodes >= 0)[..., None], place, -1)
