"""The ranker of baskets: trees that predict what else a basket holds.

Closed forms over baskets (smoothed confidence, log-likelihood ratio, EASE) are good at different
products. Boosted trees (LightGBM; Ke et al., 2017) learn from the last baskets of a log how to
combine them. Labels are shares of baskets, so that the score is the probability

    P(v in the basket | u in the basket)

and the popularity discount beta divides it by the share of baskets that hold v:

    S(u, v) = P(v | u) / p_v ** beta

0 finds what most shoppers add; .5 is the exponent of popularity-stratified recall (Steck, 2011).
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.core.arrays_file import Arrays
from goeswith.core.progress import MessageProgress
from goeswith.data.catalog import Catalog
from goeswith.models.base import Recommender
from goeswith.models.basket_counts import BasketCounts, baskets_of
from goeswith.models.paths import path_scores
from goeswith.ranking.baskets.basket_ranker_config import BasketRankerConfig
from goeswith.ranking.baskets.basket_training import Choice, train
from goeswith.ranking.baskets.pair_table import BLOCK, PairTable
from goeswith.ranking.baskets.type_features import TypeFeatures
from goeswith.relations.graph import RelationGraph


class BasketRanker(Recommender):
    """Boosted trees over closed forms, trained on the last baskets of a log."""

    Config = BasketRankerConfig
    name: ClassVar[str] = "basket_ranker"
    config: BasketRankerConfig
    _on_progress: MessageProgress | None = None

    def set_checkpoints(self, checkpoints: Path, on_progress: MessageProgress) -> None:
        self._on_progress = on_progress

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        baskets = baskets_of(graph, self.name)
        self.choice = train(baskets, catalog, self.config)
        if self._on_progress is not None:
            self._on_progress(f"fitting {self.name}: {self.choice.reason}")
        self._rank(catalog, baskets)
        return self

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        # trees read shares and ranks, which new baskets leave on their scale
        self._rank(catalog, baskets_of(graph, self.name))
        return self

    def _rank(self, catalog: Catalog, baskets: Sparse) -> None:
        """Score every candidate of every source."""
        table = PairTable.build(baskets, self.config.candidates, _undescribed(catalog))
        counts = BasketCounts.count(baskets, by_basket=True)
        types = TypeFeatures.fit(catalog, counts.pairs)
        discount = self.config.popularity_discount
        score = np.empty(len(table), dtype=np.float32)
        done = 0
        for block in table.blocks(BLOCK):
            features = block.features(types)
            score[done : done + len(block)] = self.choice.scores(features, block, discount)
            done += len(block)
        kept, n = np.isfinite(score), baskets.shape[1]
        self.scores = sparse.csr_matrix(
            (score[kept], (table.source[kept], table.target[kept])), shape=(n, n)
        )
        self.scores.sort_indices()

    def score(self, sources: Rows) -> Floats:
        return path_scores(self.scores[sources])

    def score_sparse(self, sources: Rows) -> Sparse:
        return self.scores[sources]

    @property
    def n(self) -> int:
        return int(self.scores.shape[0])

    def importances(self) -> dict[str, float]:
        return self.choice.importances()

    def arrays(self) -> Arrays:
        return {"scores": self.scores, **self.choice.arrays()}

    def restore(self, arrays: Arrays) -> None:
        self.scores = arrays["scores"]
        self.choice = Choice.restore(arrays)


def _undescribed(catalog: Catalog) -> Rows:
    """Products of which the catalogue holds no attribute, so that no fallback model has more."""
    no_value = pl.all_horizontal(
        pl.col("product_id").is_not_null(), pl.exclude("product_id").is_null()
    )
    return np.flatnonzero(catalog.frame.select(no_value).to_series().to_numpy()).astype(np.int32)
