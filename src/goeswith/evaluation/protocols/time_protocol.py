"""time: train on the events before a moment, test on those after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from goeswith.core.arrays import Rows, Sparse
from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.evaluation import metrics
from goeswith.evaluation.leak_check import check_order
from goeswith.evaluation.metrics import Rankings
from goeswith.evaluation.protocols.case import (
    RANKING_DEPTH,
    Answers,
    BenchmarkData,
    CaseMetrics,
    GraphCase,
    ranking_metrics,
)
from goeswith.evaluation.splits import time_split
from goeswith.models.base import Recommender
from goeswith.relations.graph import RelationGraph
from goeswith.relations.mine import mine
from goeswith.relations.relation import CO_VIEW, csr


@dataclass
class TimeCase(GraphCase):
    """Later complements, associated beyond popularity, ranked among all products.

    A pair that was a complement before may be one again, since shops live on repeats, so
    only the source itself is excluded. `hit@10.new` counts new pairs only.
    """

    catalog: Catalog
    train: RelationGraph
    sources: Rows
    truth: Sparse
    """(n, n) CSR of the later complements."""
    co_view: Sparse
    """(n, n) CSR of earlier and later views."""

    def answer(self, model: Recommender) -> Answers:
        return {"ranking": model.recommend(self.sources, RANKING_DEPTH)[0]}

    def measure(self, answers: Answers) -> CaseMetrics:
        train_edges = self.train.complements.count
        measured = ranking_metrics(
            Rankings(self.sources, answers["ranking"], self.truth),
            self.catalog,
            np.bincount(train_edges.indices, minlength=self.train.n),
            self.co_view,
            self.train.n,
        )
        new = (self.truth - self.truth.multiply(train_edges > 0)).tocsr()
        new.eliminate_zeros()
        measured.per_source["hit@10.new"] = metrics.hit(
            Rankings(self.sources, answers["ranking"], new), 10
        )
        return measured


def time_protocol(data: BenchmarkData, seed: int) -> Iterator[GraphCase]:
    """Mine before a moment and after it; the split is the same for every seed.

    The truth is the later complements whose pointwise mutual information is above 0 by its lower
    confidence bound: raw baskets would reward whatever everybody buys.
    """
    dataset, settings = data.dataset, data.settings
    if dataset.events is None:
        raise DataError(f"{dataset.name}: the time protocol needs a table of events")
    earlier, later = time_split(dataset.events, settings.evaluation.time_share)
    check_order(earlier, later)
    n = len(dataset.catalog)
    train = mine(earlier, n, settings.relations)
    later_graph = mine(later, n, settings.relations.for_ground_truth)
    # training data is prepared as in production; the truth is as counted
    train = train.with_types(dataset.catalog.type_codes)
    complements = later_graph.complements
    beyond = complements.measure("pmi_lower") > 0
    sources, targets = complements.sources[beyond], complements.targets[beyond]
    if not len(sources):
        raise DataError(
            f"{dataset.name}: none of the {len(complements):,} complement edges in the "
            f"{later.height:,} later events is associated beyond popularity; nothing to test"
        )
    truth = csr(n, sources, targets, np.ones(len(sources)))
    views = (train[CO_VIEW].count + later_graph[CO_VIEW].count).tocsr()
    yield TimeCase(dataset.catalog, train, np.unique(sources), truth, views)
