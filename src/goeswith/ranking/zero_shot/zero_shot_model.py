"""What goes together in other shops, for a catalogue without a log."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import lru_cache
from importlib import resources
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse, block_size, entry_rows
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig, Recommender
from goeswith.models.basket_counts import BasketCounts
from goeswith.ranking.zero_shot.pair_columns import DEARER, PairColumns
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE


class ZeroShot(Recommender):
    """A linear model of pairs, learned on the data of other shops.

        f(i, j) = sum_c w_c x_c(i, j) - alternatives [i and j replace each other]
        S(i, j) = log ((n_ij + k exp f(i, j)) / (n_i n_j / (N + n) + k))

    Of the p-th best product of a kind, place (1 - 1 / p) is subtracted, so that recommendations are
    of several kinds. The features x mean the same in every shop (`pair_columns`), and their weights
    w are numbers that the package brings (`weights.json`). With n_ij the purchases of the pair, n_i
    those of a product, N all and n products, S is the logarithm of a lift that is shrunk towards
    exp f, as if k contexts had been seen before (gamma-Poisson shrinkage; DuMouchel, 1999): f alone
    without a log, the lift alone after many purchases. `alternatives` and `dearer` are not learned.
    """

    class Config(ModelConfig):
        contexts: float = Field(
            1.0,
            gt=0,
            description="k: weight of the knowledge from other shops as a prior, in baskets.",
        )
        dearer: float = Field(
            0.5,
            ge=0,
            description="How much less a target scores that costs e times as much as its source. "
            "Set by hand: no data set to learn from has prices and directed pairs.",
        )
        alternatives: float = Field(
            1.0,
            ge=0,
            description="How much less a target scores if its kind is the source's or replaces "
            "it. Set by hand: some data to learn from count variants of a product as pairs.",
        )
        place: float = Field(
            1.0, ge=0, description="Penalty for each further product of the same kind."
        )

    name: ClassVar[str] = "zero_shot"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.columns = PairColumns.of_catalog(catalog)
        self.kind_scores = self.columns.kind_scores(learned_weights())
        self.pairs, self.contexts, self.total = _counts(graph)
        self._prepare()
        return self

    def _prepare(self) -> None:
        columns = self.columns
        self._has_attributes = (columns.kinds >= 0) | (
            (np.diff(columns.title.indptr) > 0) | (np.diff(columns.categories.indptr) > 0)
        )

    def score(self, sources: Rows) -> Floats:
        sources = np.asarray(sources, dtype=np.int32)
        k, weights = self.config.contexts, {**learned_weights(), DEARER: -self.config.dearer}
        scores = self.columns.scores(sources, self.kind_scores, weights)
        all_rows = np.arange(self.n, dtype=np.int32)
        alternatives = self.columns.replace_each_other(sources[:, None], all_rows)
        scores -= np.float32(self.config.alternatives) * alternatives
        # a basket for each product more: of few baskets, those of two products are no chance
        expected = np.outer(self.contexts[sources], self.contexts / (self.total + self.n))
        pairs = self.pairs[sources]
        rows, columns = entry_rows(pairs), pairs.indices
        evidence = np.log(k * np.exp(scores[rows, columns]) + pairs.data)
        scores += np.float32(np.log(k))
        scores[rows, columns] = evidence
        scores -= np.log(expected + k).astype(np.float32)
        scores = less_by_place(scores, self.columns.kinds, self.config.place)
        # nothing is known of a product without kind, title and categories
        scores[~self._has_attributes[sources]] = -np.inf
        scores[:, ~self._has_attributes] = -np.inf
        return scores

    def arrays(self) -> Arrays:
        columns = {f.name: getattr(self.columns, f.name) for f in fields(self.columns)}
        del columns["relations"]
        return {
            **columns,
            "kind_scores": self.kind_scores,
            "pairs": self.pairs,
            "contexts": self.contexts,
            "total": np.array(self.total),
        }

    def restore(self, arrays: Arrays) -> None:
        names = [f.name for f in fields(PairColumns) if f.name != "relations"]
        self.kind_scores, self.pairs = arrays["kind_scores"], arrays["pairs"]
        # earlier versions did not tell substitutes apart
        arrays.setdefault("substitutes", np.zeros(self.kind_scores.shape, dtype=bool))
        self.columns = PairColumns(**{name: arrays[name] for name in names})
        self.contexts, self.total = arrays["contexts"], float(arrays["total"])
        self._prepare()

    @property
    def block(self) -> int:
        return block_size(self.n, 8)

    @property
    def n(self) -> int:
        return len(self.columns.kinds)


def _counts(graph: RelationGraph) -> tuple[Sparse, npt.NDArray[np.float64], float]:
    """(n, n) CSR of the contexts of pairs, (n,) of products, and the number of all contexts."""
    if graph.baskets is not None:
        counts = BasketCounts.count(graph.baskets, by_basket=False)
        return counts.pairs, counts.products, counts.baskets
    bought = graph[CO_PURCHASE].count
    pairs = bought.maximum(bought.T).tocsr().astype(np.float32)
    contexts = np.asarray(pairs.sum(axis=1), dtype=np.float64).ravel()
    return pairs, contexts, float(contexts.sum())


def less_by_place(scores: Floats, kinds: Rows, place: float) -> Floats:
    """(b, n) scores less what each further product of one kind loses; -1 is no kind."""
    if not place:
        return scores
    has_kind = np.flatnonzero(kinds >= 0)
    codes = kinds[has_kind]
    index = np.arange(len(codes))
    for row in scores:
        order = np.lexsort((-row[has_kind], codes))
        is_first = np.diff(codes[order], prepend=-1) != 0
        rank = index - np.maximum.accumulate(np.where(is_first, index, 0))
        row[has_kind[order]] -= np.float32(place) * (1 - 1 / (rank + 1)).astype(np.float32)
    return scores


@lru_cache(maxsize=1)
def learned_weights() -> dict[str, float]:
    """Feature -> weight, as `benchmarks/zero_shot.py` learned them."""
    text = (resources.files(__package__) / "weights.json").read_text(encoding="utf-8")
    weights: dict[str, float] = json.loads(text)["weights"]
    return weights
