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
from goeswith.evaluation.metrics import Mask, Ranked
from goeswith.evaluation.protocols.case import (
    Answers,
    Case,
    Ground,
    Measured,
    rank_and_score,
    ranking_metrics,
)
from goeswith.models.base import Recommender
from goeswith.relations.graph import RelationGraph
from goeswith.relations.pair_splits import HeldOut, hold_out_pairs
from goeswith.relations.relation import CO_VIEW, Relation, csr


@dataclass
class DirectionCase(Case):
    """One-way test edges: how often score(u, v) > score(v, u)."""

    catalog: Catalog
    train: RelationGraph
    sources: Rows
    targets: Rows
    one_way: Mask
    """(m,) test edges whose reverse is no complement in the whole data."""

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

    def measure(self, answers: Answers) -> Measured:
        accuracy = metrics.direction_accuracy(
            self.sources[self.one_way], answers["forward"], answers["backward"]
        )
        return Measured({"direction_accuracy": accuracy})


@dataclass
class EdgesCase(DirectionCase):
    """Rank the whole catalogue less the source and its train targets; and judge the direction."""

    co_view: Sparse
    """(n, n) CSR of the whole data."""

    def answer(self, model: Recommender) -> Answers:
        return self._answer(model, np.unique(self.sources))

    def measure(self, answers: Answers) -> Measured:
        truth = csr(self.train.n, self.sources, self.targets, np.ones(len(self.sources)))
        known = self.train.complements.count
        measured = ranking_metrics(
            Ranked(np.unique(self.sources), answers["ranking"], truth),
            self.catalog,
            np.bincount(known.indices, minlength=self.train.n),
            self.co_view,
            self.train.n,
        )
        measured.per_source |= super().measure(answers).per_source
        if "probabilities" in answers:
            shown = Ranked(np.unique(self.sources), answers["ranking"][:, :10], truth)
            measured.overall["ece@10"] = metrics.calibration_error(
                answers["probabilities"][:, :10], shown.relevant
            )
        return measured


def edges(ground: Ground, seed: int) -> Iterator[Case]:
    """The warm protocol: a share of the complement pairs held out, both directions of each."""
    held = _hold_out(ground, seed)
    yield EdgesCase(
        ground.dataset.catalog,
        held.graph,
        held.sources,
        held.targets,
        _one_way(held, ground.graph.complements),
        ground.graph[CO_VIEW].count,
    )


def direction(ground: Ground, seed: int) -> Iterator[Case]:
    """The split of `edges`, judged by direction alone."""
    held = _hold_out(ground, seed)
    one_way = _one_way(held, ground.graph.complements)
    if not one_way.any():
        raise DataError(
            f"{ground.dataset.name}: every test edge goes both ways: there is no direction to judge"
        )
    yield DirectionCase(ground.dataset.catalog, held.graph, held.sources, held.targets, one_way)


def _hold_out(ground: Ground, seed: int) -> HeldOut:
    share = ground.settings.evaluation.test_share
    held = hold_out_pairs(ground.graph, share, seed)
    if not len(held.sources):
        raise DataError(
            f"{ground.dataset.name}: {len(ground.graph.complements):,} complement edges are too "
            f"few to hold out {share:.0%} of them for testing"
        )
    check_leak(held.graph, held.sources, held.targets)
    return held


def _one_way(held: HeldOut, complements: Relation) -> Mask:
    reverse = np.asarray(complements.count[held.targets, held.sources], dtype=np.float32)
    one_way: Mask = reverse.ravel() == 0
    return one_way
