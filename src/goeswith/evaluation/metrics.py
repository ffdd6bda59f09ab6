"""Metrics of complement rankings. Each is a few lines over one array of rankings.

A metric that is a mean over sources, or over test pairs, keeps its parts by source
(`PerSource`): that is what the paired bootstrap draws from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.stats import rankdata

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.core.ndcg import rank_discounts

Mask = npt.NDArray[np.bool_]
Parts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PerSource:
    """A weighted mean over sources, in its parts.

    Attributes:
        sources: (q,) the row of each source.
        totals: (q,) what each adds: its value times its weight.
        weights: (q,) 1 for a mean over sources, its number of test pairs for one over pairs.
    """

    sources: npt.NDArray[np.int64]
    totals: Parts
    weights: Parts

    @property
    def value(self) -> float | None:
        """The mean; None where nothing counts."""
        weight = self.weights.sum()
        return float(self.totals.sum() / weight) if weight > 0 else None

    @classmethod
    def concatenate(cls, parts: Sequence[PerSource]) -> PerSource:
        """The parts of several folds or seeds together."""
        return cls(
            np.concatenate([p.sources for p in parts]),
            np.concatenate([p.totals for p in parts]),
            np.concatenate([p.weights for p in parts]),
        )


@dataclass(frozen=True)
class Rankings:
    """Rankings beside the truth.

    Attributes:
        sources: (q,) rows.
        products: (q, K) rows, best first, -1 where a ranking is shorter.
        truth: (n, n) CSR; row of a source: its test targets.
    """

    sources: Rows
    products: Rows
    truth: Sparse

    @cached_property
    def relevant(self) -> Mask:
        """(q, K) whether the product at a rank is a test target of the source."""
        n = self.truth.shape[0]
        truth = self.truth[self.sources]
        rows = np.repeat(np.arange(len(self.sources), dtype=np.int64), np.diff(truth.indptr))
        places = np.arange(len(self.sources), dtype=np.int64)[:, None] * n + self.products
        is_relevant: Mask = np.isin(places, rows * n + truth.indices) & (self.products >= 0)
        return is_relevant

    @cached_property
    def positives(self) -> Parts:
        """(q,) test targets of each source."""
        counts: Parts = np.diff(self.truth[self.sources].indptr).astype(np.float64)
        return counts

    def per_source(self, totals: npt.ArrayLike, weights: npt.ArrayLike) -> PerSource:
        """Parts of a metric of these sources."""
        return PerSource(
            self.sources.astype(np.int64),
            np.asarray(totals, dtype=np.float64),
            np.broadcast_to(np.asarray(weights, dtype=np.float64), self.sources.shape),
        )


def hit(rankings: Rankings, k: int, targets: Mask | None = None) -> PerSource:
    """hit@k: share of the test pairs whose target is in the top k of its source.

    Args:
        rankings: rankings of at least k places.
        k: places.
        targets: (n,) count only pairs with these targets; None for all.
    """
    top = rankings.relevant[:, :k]
    if targets is None:
        return rankings.per_source(top.sum(axis=1), rankings.positives)
    counted = rankings.truth[rankings.sources] @ targets.astype(np.float64)
    return rankings.per_source((top & targets[rankings.products[:, :k]]).sum(axis=1), counted)


def ndcg(rankings: Rankings, k: int) -> PerSource:
    """ndcg@k with gains 0 and 1 (Järvelin and Kekäläinen 2002): mean over sources."""
    discount = rank_discounts(k)
    top = rankings.relevant[:, :k]
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    best = ideal[np.minimum(rankings.positives, k).astype(np.int64)]
    gain = top @ discount[: top.shape[1]]
    return rankings.per_source(np.divide(gain, best, where=best > 0, out=gain * 0), best > 0)


def mrr(rankings: Rankings, k: int) -> PerSource:
    """mrr@k: mean over sources of 1 / (rank of the first test target), 0 past k."""
    top = rankings.relevant[:, :k]
    first = 1 / (1 + top.argmax(axis=1)) if top.shape[1] else np.zeros(len(top))
    return rankings.per_source(np.where(top.any(axis=1), first, 0.0), rankings.positives > 0)


def type_hit(rankings: Rankings, types: Rows, k: int) -> PerSource:
    """type_hit@k: share of the test pairs whose target's type is among the first k types shown.

    The first k types are the first k distinct ones down the ranking. Pairs whose target has no
    type are excluded.

    Args:
        rankings: rankings.
        types: (n,) type of each product, -1 for none.
        k: types.
    """
    truth = rankings.truth[rankings.sources]
    hits, counted = np.zeros(len(rankings.sources)), np.zeros(len(rankings.sources))
    for i, products in enumerate(rankings.products):
        target_types = types[truth.indices[truth.indptr[i] : truth.indptr[i + 1]]]
        target_types = target_types[target_types >= 0]
        shown_types = types[products[products >= 0]]
        first_types = list(dict.fromkeys(shown_types[shown_types >= 0].tolist()))[:k]
        hits[i], counted[i] = np.isin(target_types, first_types).sum(), len(target_types)
    return rankings.per_source(hits, counted)


def substitutes(rankings: Rankings, co_view: Sparse, k: int) -> PerSource:
    """substitutes@k: share of the top k that people viewed as alternatives to the source.

    Mean over the sources with recommendations. Views are those of the complete data, not of train:
    they evaluate recommendations, no model sees them.

    Args:
        rankings: rankings.
        co_view: (n, n) CSR; an entry in either direction counts.
        k: places.
    """
    viewed = Rankings(rankings.sources, rankings.products[:, :k], (co_view + co_view.T).tocsr())
    shown = (viewed.products >= 0).sum(axis=1)
    share = viewed.relevant.sum(axis=1) / np.maximum(shown, 1)
    return rankings.per_source(share, shown > 0)


def type_counts(rankings: Rankings, types: Rows, k: int) -> Sparse:
    """(q, types) CSR: how many of each source's top k are of each type."""
    top = rankings.products[:, :k]
    shown = np.where(top >= 0, types[top], -1)
    row, column = np.nonzero(shown >= 0)
    counts = sparse.csr_matrix(
        (np.ones(len(row)), (row, shown[row, column])),
        shape=(len(top), max(int(types.max(initial=0)) + 1, 1)),
    )
    counts.sum_duplicates()
    return counts


def distinct_types(rankings: Rankings, types: Rows, k: int) -> PerSource:
    """types@k: distinct product types in the top k, mean over sources."""
    counts = type_counts(rankings, types, k)
    return rankings.per_source(np.diff(counts.indptr), np.any(types >= 0))


def type_entropy(rankings: Rankings, types: Rows, k: int) -> PerSource:
    """type_entropy@k: entropy, in nats, of the types in the top k; mean over sources."""
    counts = type_counts(rankings, types, k)
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    shown = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
    share = counts.data / shown[row]
    entropy = np.bincount(row, -share * np.log(share), minlength=counts.shape[0])
    return rankings.per_source(entropy, np.any(types >= 0))


def coverage(rankings: Rankings, k: int, candidates: int) -> float | None:
    """coverage@k: share of the `candidates` products that are in some top k."""
    top = rankings.products[:, :k]
    return len(np.unique(top[top >= 0])) / candidates if candidates else None


def popularity_slices(in_degree: npt.ArrayLike) -> dict[str, Mask]:
    """Products by popularity: head, torso and tail hold a third of the train edges each.

    Args:
        in_degree: (n,) train edges that lead to each product. A product without any is tail.

    Returns:
        slice -> (n,) mask; every product is in exactly one.
    """
    degree = np.asarray(in_degree, dtype=np.float64)
    order = np.argsort(-degree, kind="stable")
    before = np.empty_like(degree)
    before[order] = np.cumsum(degree[order]) - degree[order]
    third = np.minimum(3 * before // max(degree.sum(), 1), 2)
    third[degree == 0] = 2
    return {name: third == i for i, name in enumerate(("head", "torso", "tail"))}


def direction_accuracy(sources: Rows, forward: Floats, backward: Floats) -> PerSource:
    """Share of one-way test edges (u, v) with score(u, v) > score(v, u); ties count one half.

    Args:
        sources: (m,) u of each edge.
        forward: (m,) score(u, v).
        backward: (m,) score(v, u).
    """
    credit = (forward > backward) + 0.5 * (forward == backward)
    rows, edge = np.unique(sources.astype(np.int64), return_inverse=True)
    pairs = np.bincount(edge).astype(np.float64)
    return PerSource(rows, np.bincount(edge, credit).astype(np.float64), pairs)


def calibration_error(
    probabilities: npt.NDArray[np.floating[Any]], true: Mask, bins: int = 15
) -> float | None:
    """Expected calibration error (Naeini et al., 2015) of recommendations; None for none.

    Mean over recommendations of |mean probability - share that is true| within bins of equal width.

    Args:
        probabilities: any shape; -inf marks ranks without a product.
        true: of the same shape.
        bins: how many.

    >>> calibration_error(np.array([0.9, 0.9, 0.2]), np.array([True, False, False]))
    0.3333333333333333
    """
    shown = np.isfinite(probabilities)
    p = np.clip(probabilities[shown].astype(np.float64), 0, 1)
    if not len(p):
        return None
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    gap = np.bincount(place, p - true[shown], minlength=bins)
    return float(np.abs(gap).sum() / len(p))


def auc(groups: npt.NDArray[np.int64], scores: Floats, positive: Mask) -> PerSource:
    """Area under the ROC curve, ties one half: the mean over positives of their rank.

    A positive's rank is the share of all negatives that it beats; its group (a session) is what
    the bootstrap draws. Weights are scaled so that several folds together average the folds.

    Args:
        groups: (m,) session of each pair.
        scores: (m,) -inf is allowed and ties with itself.
        positive: (m,)
    """
    negatives = int((~positive).sum())
    if not negatives or not positive.any():
        return PerSource(groups[:0], np.zeros(0), np.zeros(0))
    above = rankdata(scores)[positive] - rankdata(scores[positive])
    rows, pair = np.unique(groups[positive], return_inverse=True)
    scale = positive.sum()
    return PerSource(rows, np.bincount(pair, above / negatives) / scale, np.bincount(pair) / scale)
