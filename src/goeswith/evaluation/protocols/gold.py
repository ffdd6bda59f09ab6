"""gold: what people bundled, against what they saw in the same session and did not bundle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.arrays import Rows
from goeswith.data.catalog import Catalog
from goeswith.errors import DataError
from goeswith.evaluation import metrics
from goeswith.evaluation.leak import check_leak
from goeswith.evaluation.metrics import Mask
from goeswith.evaluation.protocols.case import Answers, Case, Ground, Measured, pair_scores
from goeswith.evaluation.splits import session_folds
from goeswith.models.base import Recommender
from goeswith.relations.graph import CO_PURCHASE, Relation, RelationGraph, pair_keys


@dataclass
class GoldCase(Case):
    """One fold of sessions: AUC of bundled pairs over pairs that nobody bundled."""

    catalog: Catalog
    train: RelationGraph
    sessions: npt.NDArray[np.int64]
    """(m,) the session of each pair."""
    sources: Rows
    targets: Rows
    bundled: Mask

    def answer(self, model: Recommender) -> Answers:
        # a bundle has no direction: a pair is as good as its better direction
        scores = np.maximum(
            pair_scores(model, self.sources, self.targets),
            pair_scores(model, self.targets, self.sources),
        )
        return {"scores": scores}

    def measure(self, answers: Answers) -> Measured:
        return Measured({"auc": metrics.auc(self.sessions, answers["scores"], self.bundled)})


def gold(ground: Ground, seed: int) -> Iterator[Case]:
    """Folds over sessions; the train sessions are the baskets that models learn from.

    A pair that occurs in a test session is taken from train, whatever train session holds it.
    """
    dataset = ground.dataset
    if dataset.sessions is None or dataset.bundles is None:
        raise DataError(f"{dataset.name}: the gold protocol needs tables of sessions and bundles")
    n = len(dataset.catalog)
    pairs = judged_pairs(dataset.sessions, dataset.bundles).with_columns(
        number=pl.col("session_id").rank("dense").cast(pl.Int64)
    )
    for fold in session_folds(dataset.sessions, ground.settings.evaluation.folds, seed):
        tested = pl.col("session_id").is_in(fold.implode())
        test = pairs.filter(tested)
        sources, targets = test["source"].to_numpy(), test["target"].to_numpy()
        bundled = test["bundled"].to_numpy()
        if not bundled.any() or bundled.all():
            raise DataError(
                f"{dataset.name}: a fold of {len(fold)} sessions has only pairs of one kind; take "
                "fewer folds, or more sessions"
            )
        train = session_graph(dataset.sessions.filter(~tested), n)
        train = train.without(pair_keys(sources, targets, n))
        check_leak(train, sources, targets)
        numbers = test["number"].to_numpy()
        yield GoldCase(dataset.catalog, train, numbers, sources, targets, bundled)


def judged_pairs(sessions: pl.DataFrame, bundles: pl.DataFrame) -> pl.DataFrame:
    """Every pair of products of a session, and whether one bundle of that session holds both.

    Args:
        sessions: session_id, product.
        bundles: bundle_id, session_id, product.

    Returns:
        session_id, source, target (source < target), bundled; sorted.
    """
    pairs = _pairs(sessions, ["session_id"])
    together = _pairs(bundles, ["session_id", "bundle_id"]).select(pairs.columns).unique()
    return (
        pairs.join(
            together.with_columns(bundled=True), on=pairs.columns, how="left", validate="1:1"
        )
        .with_columns(pl.col("bundled").fill_null(value=False))
        .sort(pairs.columns)
    )


def _pairs(table: pl.DataFrame, within: list[str]) -> pl.DataFrame:
    """Unordered pairs of distinct products within a context, once each."""
    members = table.select(*within, "product").unique()
    return (
        members.join(members, on=within, suffix="_other")
        .filter(pl.col("product") < pl.col("product_other"))
        .select(*within, source="product", target="product_other")
    )


def session_graph(sessions: pl.DataFrame, n: int) -> RelationGraph:
    """Sessions as baskets: co_purchase counts how many hold both products, in both directions."""
    members = sessions.select(
        pl.col("session_id").rank("dense").cast(pl.Int64) - 1, "product"
    ).unique()
    row, column = members["session_id"].to_numpy(), members["product"].to_numpy()
    baskets = sparse.csr_matrix(
        (np.ones(len(row), dtype=np.float32), (row, column)),
        shape=(int(row.max(initial=-1)) + 1, n),
    )
    count = (baskets.T @ baskets).tocsr()
    count.setdiag(0)
    count.eliminate_zeros()
    count.sort_indices()
    contexts = np.asarray(baskets.sum(axis=0), dtype=np.float64).ravel()
    relation = Relation(
        count,
        source_contexts=contexts,
        target_contexts=contexts,
        contexts=float(baskets.shape[0]),
    )
    return RelationGraph(n, {CO_PURCHASE: relation})
