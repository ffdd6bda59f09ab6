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
class Ranked:
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
        """(q, K) whether the product at a place is a test target of the source."""
        n = self.truth.shape[0]
        truth = self.truth[self.sources]
        rows = np.repeat(np.arange(len(self.sources), dtype=np.int64), np.diff(truth.indptr))
        places = np.arange(len(self.sources), dtype=np.int64)[:, None] * n + self.products
        found: Mask = np.isin(places, rows * n + truth.indices) & (self.products >= 0)
        return found

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


def hit(ranked: Ranked, k: int, targets: Mask | None = None) -> PerSource:
    """hit@k: share of the test pairs whose target is in the top k of its source.

    Args:
        ranked: rankings of at least k places.
        k: places.
        targets: (n,) count only pairs with these targets; None for all.
    """
    top = ranked.relevant[:, :k]
    if targets is None:
        return ranked.per_source(top.sum(axis=1), ranked.positives)
    counted = ranked.truth[ranked.sources] @ targets.astype(np.float64)
    return ranked.per_source((top & targets[ranked.products[:, :k]]).sum(axis=1), counted)


def ndcg(ranked: Ranked, k: int) -> PerSource:
    """ndcg@k with gains 0 and 1 (Järvelin and Kekäläinen 2002): mean over sources."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    top = ranked.relevant[:, :k]
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    best = ideal[np.minimum(ranked.positives, k).astype(np.int64)]
    gained = top @ discount[: top.shape[1]]
    return ranked.per_source(np.divide(gained, best, where=best > 0, out=gained * 0), best > 0)


def mrr(ranked: Ranked, k: int) -> PerSource:
    """mrr@k: mean over sources of 1 / (place of the first test target), 0 past k."""
    top = ranked.relevant[:, :k]
    first = 1 / (1 + top.argmax(axis=1)) if top.shape[1] else np.zeros(len(top))
    return ranked.per_source(np.where(top.any(axis=1), first, 0.0), ranked.positives > 0)


def type_hit(ranked: Ranked, types: Rows, k: int) -> PerSource:
    """type_hit@k: share of the test pairs whose target's type is among the first k types shown.

    The first k types are the first k distinct ones down the ranking. Pairs whose target has no
    type are left out.

    Args:
        ranked: rankings.
        types: (n,) type of each product, -1 for none.
        k: types.
    """
    truth = ranked.truth[ranked.sources]
    hits, counted = np.zeros(len(ranked.sources)), np.zeros(len(ranked.sources))
    for i, products in enumerate(ranked.products):
        wanted = types[truth.indices[truth.indptr[i] : truth.indptr[i + 1]]]
        wanted = wanted[wanted >= 0]
        shown = types[products[products >= 0]]
        first = list(dict.fromkeys(shown[shown >= 0].tolist()))[:k]
        hits[i], counted[i] = np.isin(wanted, first).sum(), len(wanted)
    return ranked.per_source(hits, counted)


def substitutes(ranked: Ranked, co_view: Sparse, k: int) -> PerSource:
    """substitutes@k: share of the top k that people viewed as alternatives to the source.

    Mean over the sources that have an answer. Views are those of the whole data, not of train:
    this judges the answer, no model sees it.

    Args:
        ranked: rankings.
        co_view: (n, n) CSR; an entry in either direction counts.
        k: places.
    """
    viewed = Ranked(ranked.sources, ranked.products[:, :k], (co_view + co_view.T).tocsr())
    shown = (viewed.products >= 0).sum(axis=1)
    share = viewed.relevant.sum(axis=1) / np.maximum(shown, 1)
    return ranked.per_source(share, shown > 0)


def type_counts(ranked: Ranked, types: Rows, k: int) -> Sparse:
    """(q, types) CSR: how many of each source's top k are of each type."""
    top = ranked.products[:, :k]
    shown = np.where(top >= 0, types[top], -1)
    row, column = np.nonzero(shown >= 0)
    counts = sparse.csr_matrix(
        (np.ones(len(row)), (row, shown[row, column])),
        shape=(len(top), max(int(types.max(initial=0)) + 1, 1)),
    )
    counts.sum_duplicates()
    return counts


def distinct_types(ranked: Ranked, types: Rows, k: int) -> PerSource:
    """types@k: distinct product types in the top k, mean over sources."""
    counts = type_counts(ranked, types, k)
    return ranked.per_source(np.diff(counts.indptr), np.any(types >= 0))


def type_entropy(ranked: Ranked, types: Rows, k: int) -> PerSource:
    """type_entropy@k: entropy, in nats, of the types in the top k; mean over sources."""
    counts = type_counts(ranked, types, k)
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    shown = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
    share = counts.data / shown[row]
    entropy = np.bincount(row, -share * np.log(share), minlength=counts.shape[0])
    return ranked.per_source(entropy, np.any(types >= 0))


def coverage(ranked: Ranked, k: int, candidates: int) -> float | None:
    """coverage@k: share of the `candidates` products that stand in some top k."""
    top = ranked.products[:, :k]
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
    right = (forward > backward) + 0.5 * (forward == backward)
    rows, edge = np.unique(sources.astype(np.int64), return_inverse=True)
    pairs = np.bincount(edge).astype(np.float64)
    return PerSource(rows, np.bincount(edge, right).astype(np.float64), pairs)


def calibration_error(
    probabilities: npt.NDArray[np.floating[Any]], true: Mask, bins: int = 15
) -> float | None:
    """Expected calibration error (Naeini et al., 2015) of answers; None where there is none.

    Mean over answers of |mean probability - share that is true| within their bin of equal width.

    Args:
        probabilities: any shape; -inf marks places without an answer.
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
    """Area under the ROC curve, ties one half: the mean over positives of their place.

    A positive's place is the share of all negatives that it beats; its group (a session) is what
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
