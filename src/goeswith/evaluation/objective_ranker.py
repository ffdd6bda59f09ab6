"""A model whose lists are in the order of objectives, to measure what they cost in a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Self

import numpy as np

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.data.catalog import Catalog
from goeswith.models.base import Recommender
from goeswith.ranking.objectives import (
    check_objectives,
    objective_columns,
    objective_order,
    objective_values,
)
from goeswith.relations.graph import RelationGraph

_DEPTH: Final = 50
"""Recommendations that are ordered, as those that a bundle stores by default."""


class ObjectiveRanker(Recommender):
    """The lists of another model, in the order of objectives."""

    name: ClassVar[str] = "with_objectives"

    def __init__(self, base: Recommender, weights: Mapping[str, float], floor: float) -> None:
        self.base, self.weights, self.floor = base, dict(weights), floor
        self.config = base.config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        """Fit the model; see `Recommender.fit`.

        Raises:
            ConfigError: an objective is no column of numbers.
        """
        check_objectives(self.weights, catalog.frame, set())
        self.base.config = self.config  # with the seed of the benchmark
        self.base.fit(catalog, graph)
        self.n_ = len(catalog)
        columns = objective_columns(self.weights)
        self._frame = catalog.frame.select(columns)
        self._prices = (
            self._frame["price"].cast(float).to_numpy()
            if "price" in columns
            else np.full(len(catalog), np.nan)
        )
        return self

    def score(self, sources: Rows) -> Floats:
        """Scores of the model, which objectives leave alone."""
        return self.base.score(sources)

    def score_pairs(self, sources: Rows, targets: Rows) -> Floats:
        """Scores of the model."""
        return self.base.score_pairs(sources, targets)

    def prepare_batch(self, sources: Rows) -> None:
        """Prepare the model."""
        self.base.prepare_batch(sources)

    def recommend(
        self, sources: Rows, k: int, exclude: Sparse | None = None
    ) -> tuple[Rows, Floats]:
        """The model's list in the order of the objectives; the scores stay in order."""
        products, scores = self.base.recommend(sources, max(k, _DEPTH), exclude)
        for i, source in enumerate(np.asarray(sources).tolist()):
            count = int((products[i] >= 0).sum())
            rows = products[i, :count]
            prices = np.full(count, self._prices[source])
            values = objective_values(self._frame[rows], self.weights, prices)
            order = objective_order(
                scores[i, :count], np.zeros(count), values, self.weights, self.floor
            )
            products[i, :count] = rows[order]
        return products[:, :k], scores[:, :k]
