"""What the learners of exploration show of the candidates of a source."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np
from scipy import sparse

from goeswith.query.similar_products import check_similars
from goeswith.results.exploration.choice_probabilities import (
    Floats,
    choice_probabilities,
    surely_better,
)
from goeswith.results.exploration.click_counts import NOTHING, ClickCounts, read_click_counts
from goeswith.results.exploration.click_prior import ClickPrior
from goeswith.results.exploration.source_clusters import ClusterCounts, SourceClusters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from goeswith.query.bundle import Bundle
    from goeswith.query.recommendation import Recommendation

_CSR: Final = ("data", "indices", "indptr")
LearnerName = Literal["none", "epsilon", "thompson", "thompson_types", "linucb"]


class Source(NamedTuple):
    """The queried product."""

    bundle: Bundle
    product_id: str
    row: int
    type: str


@dataclass(frozen=True)
class ClickLearner:
    """Learns the click rate of products, or of their types, beside sources of one type."""

    name: Literal["epsilon", "thompson", "thompson_types"]
    counts: ClickCounts = NOTHING

    def read(self, folder: Path, _: Bundle) -> ClickLearner:
        """With the counts of the log."""
        by_type = self.name == "thompson_types"
        return replace(self, counts=read_click_counts(folder, "type" if by_type else "product"))

    def may_replace(self, source: Source, shown: Sequence[Recommendation], place: int) -> bool:
        """Whether any product may be surely better than the one at a place of a list."""
        usual = shown[place]
        if self.name == "thompson_types":
            return self.counts.may_be_surely_better(source.type, usual.type or "", ())
        listed = {one.product_id for one in shown}
        return self.counts.may_be_surely_better(source.type, usual.product_id, listed)

    def chances(self, source: Source, candidates: list[Recommendation]) -> Floats:
        """Probability of each candidate."""
        places, arms = self._arms(candidates)
        alpha, beta = self.counts.posterior(source.type, arms)
        rule: Literal["epsilon", "thompson"] = "epsilon" if self.name == "epsilon" else "thompson"
        chances = np.zeros(len(candidates))
        chances[places] = choice_probabilities(rule, alpha, beta)
        return chances

    def surely_better(self, source: Source, candidates: list[Recommendation]) -> int:
        """The candidate to show to everyone; 0 is the usual one."""
        places, arms = self._arms(candidates)
        clicks = self.counts.clicks(source.type, arms)
        return places[surely_better(*self.counts.posterior(source.type, arms), clicks)]

    def _arms(self, candidates: list[Recommendation]) -> tuple[list[int], list[str]]:
        """Places of the candidates that can be chosen, and the arm of each."""
        if self.name != "thompson_types":
            return list(range(len(candidates))), _ids(candidates)
        # a type is shown by its best product; that of the usual product by this one
        first: dict[str, int] = {}
        for place, one in enumerate(candidates):
            first.setdefault(one.type or "", place)
        return list(first.values()), list(first)


@dataclass(frozen=True)
class ClusterLearner:
    """Diag-LinUCB: learns the click rate of products beside clusters of sources."""

    counts: ClusterCounts = field(
        default_factory=lambda: ClusterCounts({}, ClickPrior(NOTHING.mean))
    )
    clusters: SourceClusters | None = None
    build: str = ""

    def read(self, folder: Path, bundle: Bundle) -> ClusterLearner:
        """With the counts of the log, and the clusters of the build."""
        clusters = self.clusters
        if clusters is None or self.build != bundle.id:
            check_similars(bundle)
            vectors = [bundle.similar_arrays[f"product.{part}"] for part in _CSR]
            clusters = SourceClusters.fit(sparse.csr_matrix(tuple(vectors)))
        clicks = read_click_counts(folder, "source")
        rows = {name: bundle.products.find(name) for name in clicks.sources}
        found = {name: row for name, row in rows.items() if row is not None}
        return ClusterLearner(
            ClusterCounts.from_clicks(clicks, found, clusters), clusters, bundle.id
        )

    def may_replace(self, source: Source, shown: Sequence[Recommendation], _: int) -> bool:
        """Whether any product may be surely better than one of a list."""
        clusters, _weights = self._clusters(source)
        return self.counts.may_be_surely_better(clusters, {one.product_id for one in shown})

    def chances(self, source: Source, candidates: list[Recommendation]) -> Floats:
        """1 for the candidate with the largest upper bound."""
        mean, bonus = self.counts.scores(*self._clusters(source), _ids(candidates))
        chances = np.zeros(len(candidates))
        chances[np.argmax(mean + bonus)] = 1
        return chances

    def surely_better(self, source: Source, candidates: list[Recommendation]) -> int:
        """The candidate to show to everyone; 0 is the usual one."""
        clusters, weights = self._clusters(source)
        return self.counts.surely_better(clusters, weights, _ids(candidates)) if clusters else 0

    def _clusters(self, source: Source) -> tuple[list[int], list[float]]:
        """Clusters of a source and their weights; none before the clusters of its build."""
        if self.clusters is None or source.bundle.id != self.build:
            return [], []
        nearest, weights = self.clusters.clusters[source.row], self.clusters.weights[source.row]
        return nearest.tolist(), weights.tolist()


def _ids(candidates: list[Recommendation]) -> list[str]:
    return [one.product_id for one in candidates]


def make_learner(name: LearnerName) -> ClickLearner | ClusterLearner:
    """A learner before there is a log."""
    if name == "linucb":
        return ClusterLearner()
    return ClickLearner("epsilon" if name == "none" else name)
