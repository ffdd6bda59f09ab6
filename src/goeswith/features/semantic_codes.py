"""Semantic codes of vectors: residual k-means, and a last number that makes codes unique."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats

Codes = npt.NDArray[np.int64]
"""(n, levels) code of each of n vectors; numbers from 0 to the size of the level."""


def residual_codes(
    vectors: Floats, levels: int, size: int, seed: int, *, spread: bool = False
) -> Codes:
    """Residual quantisation (Chen et al., 2010): each level codes the residuals of the previous.

    Args:
        vectors: (n, d).
        levels: how many.
        size: centres of a level; fewer where fewer vectors differ.
        seed: of k-means.
        spread: give products that would share a code different last numbers (`spread_last`).
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    residuals, codes = vectors.astype(np.float64), np.zeros((len(vectors), levels), dtype=np.int64)
    for level in range(levels):
        centres = min(size, len(np.unique(residuals, axis=0)))
        with warnings.catch_warnings():  # vectors that are equal but for rounding
            warnings.simplefilter("ignore", ConvergenceWarning)
            kmeans = KMeans(centres, n_init=1, max_iter=30, random_state=seed + level).fit(
                residuals
            )
        codes[:, level] = kmeans.labels_
        if spread and level == levels - 1:
            return spread_last(codes, kmeans.transform(residuals), size)
        residuals = residuals - kmeans.cluster_centers_[kmeans.labels_]
    return codes


def spread_last(codes: Codes, distances: npt.NDArray[np.floating], size: int) -> Codes:
    """Make codes unique by the last number: each vector gets the nearest unused centre.

    The nearest vector of a centre keeps it, the others get the next (LC-Rec, Zheng et al., 2024,
    spreads them by optimal transport). Numbers without a centre come last.

    Args:
        codes: (n, levels).
        distances: (n, c) to the centres of the last level.
        size: numbers of the last level, at least c.
    """
    result, used = codes.copy(), set[tuple[int, ...]]()
    unused_centres = np.full((len(codes), max(size - distances.shape[1], 0)), np.inf)
    order = np.argsort(np.concatenate([distances, unused_centres], axis=1), axis=1, kind="stable")
    for row in np.argsort(distances.min(axis=1), kind="stable"):
        prefix = tuple(codes[row, :-1].tolist())
        for code in order[row].tolist():
            if (*prefix, code) not in used:
                result[row, -1] = code
                break
        used.add((*prefix, int(result[row, -1])))
    return result


def with_unique_suffix(codes: Codes) -> Codes:
    """(n, levels + 1) codes with a last level that counts those that are equal, from 0.

    >>> with_unique_suffix(np.array([[1, 2], [1, 2], [0, 2]])).tolist()
    [[1, 2, 0], [1, 2, 1], [0, 2, 0]]
    """
    _, group = np.unique(codes, axis=0, return_inverse=True)
    group = group.ravel()
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(group))])
    last = np.empty(len(codes), dtype=np.int64)
    last[order] = np.arange(len(codes)) - starts[group[order]]
    return np.concatenate([codes, last[:, None]], axis=1)


def collision_rate(codes: Codes) -> float:
    """Share of the products whose code an earlier product has.

    >>> collision_rate(np.array([[1, 2], [1, 2], [0, 2], [1, 2]]))
    0.5
    """
    return 1 - len(np.unique(codes, axis=0)) / max(len(codes), 1)


def codebook_use(codes: Codes) -> list[dict[str, float]]:
    """Per level: number of used codes, and their perplexity, equal to it for uniform use.

    >>> codebook_use(np.array([[0], [1]]))
    [{'used': 2, 'perplexity': 2.0}]
    """
    usage = []
    for level in codes.T:
        shares = np.bincount(level)[np.unique(level)] / len(level)
        entropy = -(shares * np.log(shares)).sum()
        usage.append({"used": len(shares), "perplexity": round(float(np.exp(entropy)), 3)})
    return usage


class Trie:
    """A prefix tree of codes: level l has a node for each distinct prefix of length l + 1.

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
        """The nodes of `level` below nodes of the previous level; the root is node 0.

        Args:
            level: from 0.
            nodes: of any shape; -1 has no children.

        Returns:
            (..., size of the level) nodes, -1 where no product has that code.
        """
        keys_of_children = nodes[..., None] * self.sizes[level] + np.arange(self.sizes[level])
        keys = self._keys[level]
        position = np.searchsorted(keys, keys_of_children).clip(max=len(keys) - 1)
        return np.where(
            (keys[position] == keys_of_children) & (nodes >= 0)[..., None], position, -1
        )
