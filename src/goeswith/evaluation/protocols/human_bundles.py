"""gold: bundled pairs of sessions against pairs seen in a session but not bundled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.arrays import Rows
from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.evaluation import metrics
from goeswith.evaluation.leak_check import check_leak
from goeswith.evaluation.metrics import Mask, PerSource
from goeswith.evaluation.protocols.case import Answers, BenchmarkData, CaseMetrics, GraphCase
from goeswith.evaluation.splits import session_folds
from goeswith.models.base import Recommender
from goeswith.relations.graph import RelationGraph
from goeswith.relations.labelled_pairs import graph_from_labelled_pairs, labelled_session_pairs
from goeswith.relations.relation import pair_keys


@dataclass
class GoldCase(GraphCase):
    """One fold of sessions: AUC of bundled pairs over pairs that no one bundled.

    `auc.unseen` is that of the pairs neither of whose products is in a train session, and
    `known_products` is the share of the pairs' products in one.
    """

    catalog: Catalog
    train: RelationGraph
    sessions: npt.NDArray[np.int64]
    """(m,) the session of each pair."""
    sources: Rows
    targets: Rows
    bundled: Mask
    seen: Mask
    """(n,) products of train sessions."""

    def answer(self, model: Recommender) -> Answers:
        # a bundle has no direction: the score of a pair is that of its better direction
        scores = np.maximum(
            model.score_pairs(self.sources, self.targets),
            model.score_pairs(self.targets, self.sources),
        )
        return {"scores": scores}

    def measure(self, answers: Answers) -> CaseMetrics:
        one, other = self.seen[self.sources], self.seen[self.targets]
        unseen = ~(one | other)
        return CaseMetrics(
            {
                "auc": metrics.auc(self.sessions, answers["scores"], self.bundled),
                "auc.unseen": metrics.auc(
                    self.sessions[unseen], answers["scores"][unseen], self.bundled[unseen]
                ),
                "known_products": PerSource(
                    self.sessions, (one + other.astype(np.float64)) / 2, np.ones(len(one))
                ),
            }
        )


def gold(data: BenchmarkData, seed: int) -> Iterator[GraphCase]:
    """Folds over sessions; models learn from the other sessions.

    Bundled pairs are co-purchases, pairs that were seen but not bundled are co-views. A pair
    that occurs in a test session is removed from all train sessions; its products
    may be in train with other products.
    """
    dataset = data.dataset
    if dataset.sessions is None or dataset.bundles is None:
        raise DataError(f"{dataset.name}: the gold protocol needs tables of sessions and bundles")
    n = len(dataset.catalog)
    pairs = labelled_session_pairs(dataset.sessions, dataset.bundles).with_columns(
        number=pl.col("session_id").rank("dense").cast(pl.Int64)
    )
    for fold in session_folds(dataset.sessions, data.settings.evaluation.folds, seed):
        in_fold = pl.col("session_id").is_in(fold.implode())
        test = pairs.filter(in_fold)
        sources, targets = test["source"].to_numpy(), test["target"].to_numpy()
        bundled = test["bundled"].to_numpy()
        if not bundled.any() or bundled.all():
            raise DataError(
                f"{dataset.name}: a fold of {len(fold)} sessions has only pairs of one label; use "
                "fewer folds, or more sessions"
            )
        train = graph_from_labelled_pairs(pairs.filter(~in_fold), n).without(
            pair_keys(sources, targets, n)
        )
        check_leak(train, sources, targets)
        numbers = test["number"].to_numpy()
        seen = np.zeros(n, dtype=bool)
        seen[dataset.sessions.filter(~in_fold)["product"].to_numpy()] = True
        yield GoldCase(dataset.catalog, train, numbers, sources, targets, bundled, seen)
