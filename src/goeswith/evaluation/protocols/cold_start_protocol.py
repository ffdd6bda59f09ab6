"""cold: some products lose all their edges; only their attributes remain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from goeswith.core.arrays import Rows, Sparse
from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.evaluation.leak_check import check_leak
from goeswith.evaluation.metrics import Mask, Rankings
from goeswith.evaluation.protocols.case import (
    Answers,
    BenchmarkData,
    CaseMetrics,
    GraphCase,
    rank_among,
    ranking_metrics,
)
from goeswith.evaluation.splits import cold_split
from goeswith.models.base import Recommender
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_VIEW, csr


@dataclass
class ColdCase(GraphCase):
    """Cold sources ranked against warm targets, and warm sources against cold targets.

    Metrics without a prefix are of cold sources, ranked among warm products; those with the prefix
    `cold_target.` of warm sources, ranked among cold products only. `cold_share@10` is the share
    of cold products in the top 10 of those warm sources among all products.
    """

    catalog: Catalog
    train: RelationGraph
    cold: Mask
    from_cold: Sparse
    """(n, n) CSR of the test edges from a cold to a warm product."""
    to_cold: Sparse
    """(n, n) CSR of the test edges from a warm to a cold product."""
    co_view: Sparse
    """(n, n) CSR of the complete data."""

    def answer(self, model: Recommender) -> Answers:
        warm_sources = _sources(self.to_cold)
        competing, _ = model.recommend(warm_sources, 10, exclude=self.train.complements.count)
        return {
            "from_cold": rank_among(model, _sources(self.from_cold), ~self.cold),
            "to_cold": rank_among(model, warm_sources, self.cold),
            "competing": competing,
        }

    def measure(self, answers: Answers) -> CaseMetrics:
        measured = self._ranking("from_cold", answers, ~self.cold)
        to_cold = self._ranking("to_cold", answers, self.cold)
        for name, parts in to_cold.per_source.items():
            if "." not in name:  # a cold target has no popularity to slice by
                measured.per_source[f"cold_target.{name}"] = parts
        measured.overall["cold_target.coverage@10"] = to_cold.overall["coverage@10"]
        shown = answers["competing"]
        competing = Rankings(_sources(self.to_cold), shown, self.to_cold)
        places = (shown >= 0).sum(axis=1)
        measured.per_source["cold_share@10"] = competing.per_source(
            (self.cold[shown] & (shown >= 0)).sum(axis=1) / np.maximum(places, 1), places > 0
        )
        return measured

    def _ranking(self, which: str, answers: Answers, candidates: Mask) -> CaseMetrics:
        truth = self.from_cold if which == "from_cold" else self.to_cold
        return ranking_metrics(
            Rankings(_sources(truth), answers[which], truth),
            self.catalog,
            np.bincount(self.train.complements.targets, minlength=self.train.n),
            self.co_view,
            int(candidates.sum()),
        )


def cold(data: BenchmarkData, seed: int) -> Iterator[GraphCase]:
    """Remove all edges of a share of the products; their complement edges are the test."""
    graph = data.graph
    split = cold_split(graph, data.settings.evaluation.cold_share, seed)
    check_leak(split.graph, split.sources, split.targets)
    has_cold_source = split.cold[split.sources]
    if not has_cold_source.any():
        raise DataError(
            f"{data.dataset.name}: none of the {int(split.cold.sum()):,} products made cold is "
            f"the source of one of its {len(graph.complements):,} complement edges; nothing to test"
        )
    parts = [
        csr(graph.n, split.sources[part], split.targets[part], np.ones(part.sum()))
        for part in (has_cold_source, ~has_cold_source)
    ]
    yield ColdCase(
        data.dataset.catalog, split.graph, split.cold, parts[0], parts[1], graph[CO_VIEW].count
    )


def _sources(truth: Sparse) -> Rows:
    """The sources of test edges, in order."""
    return np.flatnonzero(np.diff(truth.indptr)).astype(np.int32)
