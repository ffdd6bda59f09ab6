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
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.core.arrays_file import Arrays
from goeswith.core.progress import MessageProgress
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig, Recommender
from goeswith.models.basket_counts import BasketCounts, baskets_of
from goeswith.models.paths import path_scores
from goeswith.ranking.baskets.basket_training import Choice, train
from goeswith.ranking.baskets.pair_table import PairTable
from goeswith.ranking.baskets.type_features import TypeFeatures
from goeswith.relations.graph import RelationGraph


class BasketRanker(Recommender):
    """Boosted trees over closed forms, trained on the last baskets of a log."""

    class Config(ModelConfig):
        seed: int = Field(0, ge=0, description="Seed of every random draw.")
        popularity_discount: float = Field(
            0.1,
            ge=0,
            le=1,
            description="beta: scores are divided by the share of baskets with the product, to "
            "this power. 0 shows what is bought most; .5 shows more of the tail.",
        )
        candidates: int = Field(
            60, ge=10, le=1000, description="Candidates of a source by each closed form."
        )
        label_share: float = Field(
            0.25, gt=0, lt=0.9, description="Share of the baskets to learn from, the latest."
        )
        sources: int = Field(2500, ge=1, description="Sources to learn from, at most.")
        trees: int = Field(120, ge=1, description="Boosted trees.")
        leaves: int = Field(15, ge=2, description="Leaves of a tree, at most.")

    name: ClassVar[str] = "basket_ranker"
    config: Config
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
        table = PairTable.build(baskets, self.config.candidates)
        counts = BasketCounts.count(baskets, by_basket=True)
        features = table.features(TypeFeatures.fit(catalog, counts.pairs))
        score = self.choice.scores(features, table, self.config.popularity_discount)
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
