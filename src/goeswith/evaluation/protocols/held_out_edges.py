"""edges and direction: product pairs held out between products that have other edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from goeswith.core.arrays import Rows, Sparse
from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.evaluation import metrics
from goeswith.evaluation.leak_check import check_leak
from goeswith.evaluation.metrics import Mask, Rankings
from goeswith.evaluation.protocols.case import (
    Answers,
    BenchmarkData,
    CaseMetrics,
    GraphCase,
    rank_and_score,
    ranking_metrics,
)
from goeswith.models.base import Recommender
from goeswith.relations.graph import RelationGraph
from goeswith.relations.pair_split import HeldOutPairs, hold_out_pairs
from goeswith.relations.relation import CO_VIEW, Relation, csr


@dataclass
class DirectionCase(GraphCase):
    """One-way test edges: how often score(u, v) > score(v, u)."""

    catalog: Catalog
    train: RelationGraph
    sources: Rows
    targets: Rows
    one_way: Mask
    """(m,) test edges whose reverse is no complement in the complete data."""

    def answer(self, model: Recommender) -> Answers:
        return self._answer(model, np.zeros(0, dtype=np.int32))

    def _answer(self, model: Recommender, queries: Rows) -> Answers:
        u, v = self.sources[self.one_way], self.targets[self.one_way]
        ranking, probabilities, scores = rank_and_score(
            model,
            queries,
            self.train.complements.count,
            np.concatenate([u, v]),
            np.concatenate([v, u]),
        )
        answers = {"ranking": ranking, "forward": scores[: len(u)], "backward": scores[len(u) :]}
        return answers | ({"probabilities": probabilities} if model.probabilities else {})

    def measure(self, answers: Answers) -> CaseMetrics:
        accuracy = metrics.direction_accuracy(
            self.sources[self.one_way], answers["forward"], answers["backward"]
        )
        return CaseMetrics({"direction_accuracy": accuracy})


@dataclass
class EdgesCase(DirectionCase):
    """Rank all products without the source and its train targets; and measure the direction."""

    co_view: Sparse
    """(n, n) CSR of the complete data."""

    def answer(self, model: Recommender) -> Answers:
        return self._answer(model, np.unique(self.sources))

    def measure(self, answers: Answers) -> CaseMetrics:
        truth = csr(self.train.n, self.sources, self.targets, np.ones(len(self.sources)))
        train_edges = self.train.complements.count
        measured = ranking_metrics(
            Rankings(np.unique(self.sources), answers["ranking"], truth),
            self.catalog,
            np.bincount(train_edges.indices, minlength=self.train.n),
            self.co_view,
            self.train.n,
        )
        measured.per_source |= super().measure(answers).per_source
        if "probabilities" in answers:
            shown = Rankings(np.unique(self.sources), answers["ranking"][:, :10], truth)
            measured.overall["ece@10"] = metrics.calibration_error(
                answers["probabilities"][:, :10], shown.relevant
            )
        return measured


def edges(data: BenchmarkData, seed: int) -> Iterator[GraphCase]:
    """The warm protocol: a share of the complement pairs held out, both directions of each."""
    split = _hold_out(data, seed)
    yield EdgesCase(
        data.dataset.catalog,
        split.graph,
        split.sources,
        split.targets,
        _one_way(split, data.graph.complements),
        data.graph[CO_VIEW].count,
    )


def direction(data: BenchmarkData, seed: int) -> Iterator[GraphCase]:
    """The split of `edges`, measured by direction only."""
    split = _hold_out(data, seed)
    one_way = _one_way(split, data.graph.complements)
    if not one_way.any():
        raise DataError(
            f"{data.dataset.name}: every test edge has its reverse: no direction to measure"
        )
    yield DirectionCase(data.dataset.catalog, split.graph, split.sources, split.targets, one_way)


def _hold_out(data: BenchmarkData, seed: int) -> HeldOutPairs:
    share = data.settings.evaluation.test_share
    split = hold_out_pairs(data.graph, share, seed)
    if not len(split.sources):
        raise DataError(
            f"{data.dataset.name}: {len(data.graph.complements):,} complement edges are too "
            f"few to hold out {share:.0%} of them for testing"
        )
    check_leak(split.graph, split.sources, split.targets)
    return split


def _one_way(split: HeldOutPairs, complements: Relation) -> Mask:
    reverse = np.asarray(complements.count[split.targets, split.sources], dtype=np.float32)
    one_way: Mask = reverse.ravel() == 0
    return one_way
