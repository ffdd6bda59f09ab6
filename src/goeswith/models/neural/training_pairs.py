"""Product pairs for skip-gram training: drawn by weight, thinned where frequent, augmented.

After Kvernadze, Sudyanti, Subedi and Hajiaghayi (2022), "Two Is Better Than One: Dual Embeddings
for Complementary Product Recommendations".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import (
    Floats,
    Rows,
    Sparse,
    block_size,
    blocks,
    entry_rows,
    inverse_power,
    scale_columns,
    scale_rows,
    top_k,
)
from goeswith.models.paths import in_degree, out_degree
from goeswith.relations.relation import csr


@dataclass(frozen=True)
class ItemSimilarity:
    """s(a, a') in [0, 1]: cosine of what is viewed with both, else of their attributes.

    Attributes:
        views: (n, d) float32, rows of length 1; zeros where a product has no views.
        attributes: (n, v) CSR float32, rows of length 1 or empty.
    """

    views: Floats
    attributes: Sparse

    def nearest(self, rows: Rows, among: npt.NDArray[np.bool_], k: int, threshold: float) -> Sparse:
        """The products most like each of `rows`, never itself.

        Args:
            rows: (b,) products.
            among: (n,) which products may be found.
            k: how many at most.
            threshold: less similar ones are left out, as are those with nothing in common.

        Returns:
            (b, n) CSR float32 of similarities, at most k a row.
        """
        n = len(self.views)
        products = np.flatnonzero(among)
        columns = self.attributes[products].T.tocsr()
        viewed = np.asarray(self.views.any(axis=1))
        parts = [sparse.csr_matrix((0, n), dtype=np.float32)]
        for block in blocks(rows, block_size(n)):
            alike = (self.attributes[block] @ columns).toarray()
            both = np.ix_(viewed[block], viewed[products])
            alike[both] = (
                self.views[block[viewed[block]]] @ self.views[products[viewed[products]]].T
            )
            alike[block[:, None] == products] = 0
            alike[alike < max(threshold, 1e-6)] = -np.inf
            near, similarity = top_k(np.minimum(alike, 1), k)
            row, place = np.nonzero(near >= 0)
            entries = (similarity[row, place], (row, products[near[row, place]]))
            parts.append(sparse.csr_matrix(entries, shape=(len(block), n)))
        return sparse.vstack(parts, format="csr")


def synthetic_pairs(counts: Sparse, similar: Sparse, gamma: float) -> Sparse:
    """How often each pair is added because a pair of similar products was seen.

    A pair (a, b) adds gamma c_ab s(a, a') to (a', b), gamma c_ab s(b, b') to (a, b') and
    gamma c_ab (s(a, a') + s(b, b')) / 2 to (a', b'). The paper rounds each of these down; here they
    stay fractions (see `draw_pairs`), for on lists, where c_ab = 1, all would be 0.

    Args:
        counts: (n, n) CSR, c.
        similar: (n, n) CSR; row a holds s(a, a') of the products a' that may stand for a.
        gamma: weight of a synthetic pair.

    Returns:
        (n, n) CSR float32 without a diagonal; where several pairs add to one, their sum.
    """
    pattern = similar.copy()
    pattern.data = np.ones_like(similar.data)
    one = similar.T @ counts + counts @ similar
    both = similar.T @ counts @ pattern + pattern.T @ counts @ similar
    added = (one + both / 2).tocoo()
    return csr(counts.shape[0], added.row, added.col, gamma * added.data)


def subsample_pairs(weights: Sparse, t: float) -> Sparse:
    """Pairs with fewer of the products that are everywhere (Mikolov et al., 2013, as in fastText).

    A product that makes up a share f of all sources (targets) keeps min(1, sqrt(t / f) + t / f) of
    its pairs; both sides of a pair must be kept.
    """

    def keep_rate(mass: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        ratio = t * mass.sum() * inverse_power(mass, 1)
        share: npt.NDArray[np.float64] = np.minimum(1, np.sqrt(ratio) + ratio)
        return share

    return scale_columns(
        scale_rows(weights, keep_rate(out_degree(weights))), keep_rate(in_degree(weights))
    )


def draw_pairs(weights: Sparse, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """An epoch of pairs in random order: each as often as its weight.

    A fractional weight is rounded up with the probability of its fraction, anew in each
    epoch, so that its mean is right.

    Returns:
        sources and targets, (m,) each.
    """
    times = np.floor(weights.data + rng.random(weights.nnz)).astype(np.int64)
    pairs = rng.permutation(np.repeat(np.arange(weights.nnz), times))
    return entry_rows(weights)[pairs], weights.indices[pairs].astype(np.int32)


def negative_shares(weights: Sparse, alpha: float) -> npt.NDArray[np.float64]:
    """(n,) chance of each product to be drawn as a negative: (how often it is a target)^alpha.

    Products that are never a target are never drawn, whatever alpha is.
    """
    powers = inverse_power(in_degree(weights), -alpha)
    shares: npt.NDArray[np.float64] = powers / max(powers.sum(), np.finfo(np.float64).tiny)
    return shares
