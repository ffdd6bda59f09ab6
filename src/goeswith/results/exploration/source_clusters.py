"""Clusters of sources, and Diag-LinUCB over the graph from clusters to products.

Online Matching (Yi et al., RecSys 2023) keeps two numbers for each edge of a sparse bipartite graph
from clusters of sources to products, instead of a covariance matrix. A source belongs to its
nearest clusters c with weights w_c that sum to 1. With the examined impressions e and clicks r,

    d_cj = l + sum w_c^2 e        b_cj = l m + sum w_c^2 r
    score_j = sum_c w_c b_cj / d_cj + a sqrt(m (1 - m) sum_c w_c^2 / d_cj)

Two things differ from the paper. The prior of weight l has the mean click rate m, and both are
learned from all edges (`click_prior`). And b adds up w_c^2 r, not w_c r: without the covariances,
w_c r credits a click to every cluster of the source at 1 / w_c times its rate, so that a cluster
far from the source (w_c = 0.1) learns ten times the rate. An edge exists from the first impression
on, and expires with the counts.

What all shoppers are shown is decided by the posterior. That of an edge is a Beta distribution;
that of a score, the Beta distribution with the mean and variance of the weighted sum of independent
edges. They are not: an impression counts in each cluster of its source. But it counts there as
w_c^2, and these sum to less than 1, so that the variance errs on the large side.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse, inverse_power, scale_rows
from goeswith.results.exploration.choice_probabilities import MIN_CLICKS, surely_better
from goeswith.results.exploration.click_counts import ClickCounts, moments
from goeswith.results.exploration.click_prior import ClickPrior, fit_prior

MAX_CLUSTERS: Final = 256
NEAREST: Final = 3
"""Clusters of a source."""
WIDTH: Final = 1.0
"""Standard errors in the bonus of a score, `a` above."""
_SHARPNESS: Final = 10.0
"""Weights are the softmax of this many cosines."""
_SAMPLE: Final = 20_000
"""Products that the clusters are computed from."""
_MAX_TOKENS: Final = 20_000
"""Most frequent tokens that they are computed from: a center has a number for each."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SourceClusters:
    """The nearest clusters of each product.

    Attributes:
        clusters: (n, c) their numbers.
        weights: (n, c) sum to 1.
    """

    clusters: Rows
    weights: Floats

    @classmethod
    def fit(cls, vectors: Sparse, seed: int = 0) -> Self:
        """Cluster products by k-means.

        Args:
            vectors: (n, t) CSR of unit rows.
            seed: of the sample and the first centers.
        """
        from sklearn.cluster import MiniBatchKMeans

        n, vectors = vectors.shape[0], _of_frequent_tokens(vectors)
        rng = np.random.default_rng(seed)
        sample = np.sort(rng.permutation(n)[:_SAMPLE])
        count = int(min(MAX_CLUSTERS, max(1, len(sample) // 10)))
        means = MiniBatchKMeans(count, random_state=seed, n_init=1, batch_size=2048)
        centers = means.fit(vectors[sample]).cluster_centers_.astype(np.float32)
        centers /= np.maximum(np.linalg.norm(centers, axis=1, keepdims=True), 1e-9)
        nearest = min(NEAREST, count)
        clusters = np.empty((n, nearest), dtype=np.int32)
        weights = np.empty((n, nearest), dtype=np.float32)
        for start in range(0, n, _SAMPLE):
            rows = slice(start, start + _SAMPLE)
            cosines = np.asarray(vectors[rows] @ centers.T)
            best = np.argpartition(-cosines, nearest - 1, axis=1)[:, :nearest]
            near = np.take_along_axis(cosines, best, axis=1)
            share = np.exp(_SHARPNESS * (near - near.max(axis=1, keepdims=True)))
            clusters[rows], weights[rows] = best, share / share.sum(axis=1, keepdims=True)
        return cls(clusters, weights)


def _of_frequent_tokens(vectors: Sparse) -> Sparse:
    """Unit rows of the most frequent tokens; rare ones say little about 256 clusters."""
    if vectors.shape[1] <= _MAX_TOKENS:
        return vectors
    products = np.bincount(vectors.indices, minlength=vectors.shape[1])
    frequent = np.sort(np.argsort(-products, kind="stable")[:_MAX_TOKENS])
    part = vectors[:, frequent]
    return scale_rows(part, inverse_power(part.multiply(part).sum(axis=1).A1, 0.5))


@dataclass(frozen=True)
class ClusterCounts:
    """The edges of the graph.

    Attributes:
        edges: (cluster, product) -> sum w^2 e, sum w^2 r.
        prior: of the click rate of each.
    """

    edges: Mapping[tuple[int, str], tuple[float, float]]
    prior: ClickPrior

    @classmethod
    def from_clicks(
        cls, clicks: ClickCounts, sources: Mapping[str, int], clusters: SourceClusters
    ) -> Self:
        """Add up the counts by source.

        Args:
            clicks: counted by source.
            sources: id -> row of `clusters`; counts of other sources are left out.
            clusters: of each product.
        """
        edges: dict[tuple[int, str], tuple[float, float]] = {}
        for (source, product), (r, e) in clicks.counts.items():
            row = sources.get(source)
            if row is None:
                continue
            for cluster, w in zip(
                clusters.clusters[row].tolist(), clusters.weights[row].tolist(), strict=True
            ):
                d, b = edges.get((cluster, product), (0.0, 0.0))
                edges[cluster, product] = d + w * w * max(e, r), b + w * w * r
        examined, clicked = np.array(list(edges.values())).reshape(-1, 2).T
        return cls(edges, fit_prior(clicked, examined))

    @cached_property
    def clicked_products(self) -> dict[int, list[str]]:
        """Cluster -> products with clicks that can be enough for all shoppers of a source."""
        found: dict[int, list[str]] = {}
        for (cluster, product), (_, clicks) in self.edges.items():
            if clicks >= MIN_CLICKS / NEAREST:
                found.setdefault(cluster, []).append(product)
        return found

    def may_be_surely_better(self, clusters: Collection[int], listed: Container[str]) -> bool:
        """Whether any product out of a list has enough clicks beside these clusters together."""
        return any(
            product not in listed
            and sum(self.edges.get((one, product), (0, 0))[1] for one in clusters) >= MIN_CLICKS
            for cluster in clusters
            for product in self.clicked_products.get(cluster, ())
        )

    def scores(
        self, clusters: Iterable[int], weights: Iterable[float], products: list[str]
    ) -> tuple[Numbers, Numbers]:
        """Mean and bonus of each product for a source.

        Args:
            clusters: of the source.
            weights: of these.
            products: candidates.
        """
        mean, spread, _, _ = self._sums(clusters, weights, products)
        return mean, WIDTH * np.sqrt(self.prior.mean * (1 - self.prior.mean) * spread)

    def surely_better(
        self, clusters: Iterable[int], weights: Iterable[float], products: list[str]
    ) -> int:
        """The product to show to all shoppers; 0, the usual one, unless another is surely better.

        Args:
            clusters: of the source.
            weights: of these; not empty.
            products: candidates, first the usual one.
        """
        mean, _, variance, clicks = self._sums(clusters, weights, products)
        total = mean * (1 - mean) / variance - 1
        return surely_better(mean * total, (1 - mean) * total, clicks)

    def _sums(
        self, clusters: Iterable[int], weights: Iterable[float], products: list[str]
    ) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Mean, sum_c w_c^2 / d_cj, variance of the posterior, and clicks of each product."""
        score, spread, variance, clicks = np.zeros((4, len(products)))
        for cluster, w in zip(clusters, weights, strict=True):
            found = [self.edges.get((cluster, product), (0.0, 0.0)) for product in products]
            d, b = np.array(found).reshape(-1, 2).T
            of_edge = moments(*self.prior.posterior(b, d))
            score += w * of_edge[0]
            spread += w * w / (d + self.prior.weight)
            variance += w * w * of_edge[1]
            clicks += b
        return score, spread, variance, clicks
