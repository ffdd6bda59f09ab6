"""next_basket: the last basket of each shopper, with repeats and new products apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from goeswith.core.arrays import Rows, Sparse, top_k
from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.evaluation.leak_check import check_last_baskets
from goeswith.evaluation.metrics import Parts, PerSource
from goeswith.evaluation.protocols.case import Answers, BenchmarkCase, BenchmarkData, CaseMetrics
from goeswith.shoppers.base import ShopperModel, keep_bought
from goeswith.shoppers.basket_metrics import hit_ratio, hits, ndcg, recall
from goeswith.shoppers.histories import Histories, Ints, histories_from_events

CUTOFFS: Final = (10, 20)
_FEWEST: Final = 3
"""Baskets of a tested shopper: one to learn from, one to choose settings on, one to test."""


@dataclass
class NextBasketCase(BenchmarkCase[ShopperModel]):
    """Histories, and the basket that came next.

    Metrics without a suffix rank all products. `.repeat` and `.explore` take the same list and
    look only at the products of the basket that the shopper bought before, or did not (Li et al.,
    2023). `.again` and `.new` rank these products alone: the lists "buy again" and "new for you".
    Each is the mean over the shoppers whose basket has such products.
    """

    catalog: Catalog
    train: Histories
    shoppers: Ints
    """(t,) tested shoppers of `train`."""
    baskets: Sparse
    """(t, n) CSR of ones: their next baskets."""

    def fit(self, model: ShopperModel) -> ShopperModel:
        return model.fit(self.catalog, self.train)

    def answer(self, model: ShopperModel) -> Answers:
        lists: dict[str, list[Rows]] = {"all": [], "again": [], "new": []}
        for block in model.in_blocks(self.train.take(self.shoppers)):
            scores = model.score(block)
            lists["all"].append(top_k(scores, max(CUTOFFS))[0])
            for name, bought in (("again", True), ("new", False)):
                part = scores.copy()
                keep_bought(part, block.counts, bought=bought)
                lists[name].append(top_k(part, max(CUTOFFS))[0])
        return {name: np.concatenate(parts) for name, parts in lists.items()}

    def measure(self, answers: Answers) -> CaseMetrics:
        bought = self.train.take(self.shoppers).counts.astype(bool).astype(np.float32)
        repeats = self.baskets.multiply(bought).tocsr()
        new = (self.baskets - repeats).tocsr()
        for part in (repeats, new):
            part.eliminate_zeros()
        measured: dict[str, PerSource] = {}
        for suffix, name, truth in (
            ("", "all", self.baskets),
            (".repeat", "all", repeats),
            (".explore", "all", new),
            (".again", "again", repeats),
            (".new", "new", new),
        ):
            sizes, hit = np.diff(truth.indptr).astype(np.int64), hits(answers[name], truth)
            for k in CUTOFFS:
                values = {
                    "ndcg": ndcg(hit, sizes, k),
                    "recall": recall(hit, sizes, k),
                    "phr": hit_ratio(hit, k),
                }
                for metric, parts in values.items():
                    measured[f"{metric}@{k}{suffix}"] = self._mean(parts, sizes > 0)
        return CaseMetrics(measured)

    def _mean(self, values: Parts, counted: np.ndarray) -> PerSource:
        weights = counted.astype(np.float64)
        return PerSource(self.shoppers, values * weights, weights)


def next_basket(data: BenchmarkData, seed: int) -> Iterator[NextBasketCase]:
    """The last basket of every shopper with three is the test; the same for every seed."""
    dataset = data.dataset
    if dataset.events is None:
        raise DataError(f"{dataset.name}: next baskets need a table of events")
    histories, _ = histories_from_events(dataset.events, len(dataset.catalog))
    most = int(histories.lengths.max(initial=0))
    if most < _FEWEST:
        raise DataError(
            f"{dataset.name}: no shopper has {_FEWEST} baskets (the most is {most}): one to learn "
            "from, one to choose settings on and one to test"
        )
    train, shoppers, baskets = histories.split_last(_FEWEST)
    check_last_baskets(train, histories, shoppers)
    yield NextBasketCase(dataset.catalog, train, shoppers, baskets)
