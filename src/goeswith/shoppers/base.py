"""The base class of shopper models: fit on histories, score the next basket."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, Self

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse, block_size, entry_rows, top_k
from goeswith.data.catalog import Catalog
from goeswith.models.base import Model, ModelConfig, concatenate_top_k
from goeswith.shoppers.basket_metrics import hits, ndcg
from goeswith.shoppers.histories import Histories

_MAX_TUNED: Final = 1500
"""Shoppers whose last basket decides on settings, at most; drawn with a fixed seed."""
_K: Final = 10


class ShopperConfig(ModelConfig):
    """Settings of every shopper model."""

    tune: bool = Field(
        True,
        description="Tune the settings that are not given, on the held-out last basket of "
        "shoppers.",
    )


class ShopperModel(Model):
    """A model of what a shopper buys next.

    A subclass sets `name`, `Config` and `search`, and writes `learn` and `score`.
    """

    Config: ClassVar[type[ModelConfig]] = ShopperConfig
    config: ShopperConfig
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    """Setting -> the values that tuning tries, one setting after the other."""
    users: int = 0
    """Number of shoppers whose histories every score is compared with; bounds blocks."""

    def fit(self, catalog: Catalog, histories: Histories) -> Self:
        """Learn from histories of rows of `catalog`; deterministic for a config.

        Settings that were not given are chosen first, unless `tune` is false.
        """
        self.config = self.tuned(catalog, histories)
        return self.learn(catalog, histories)

    def tuned(self, catalog: Catalog, histories: Histories) -> ShopperConfig:
        """The settings, with those that were not given chosen for the best nDCG@10.

        The last basket of each shopper with two is set aside. One setting after the other takes
        the best of the values in `search`, from its default on; values given by a user stay.
        """
        config = self.config
        free = [name for name in self.search if name not in config.model_fields_set]
        earlier, shoppers, truth = histories.split_last()
        if not config.tune or not free or not len(shoppers):
            return config
        drawn = np.random.default_rng(0).permutation(len(shoppers))[:_MAX_TUNED]
        tests, baskets = earlier.take(shoppers[drawn]), truth[drawn]
        sizes = np.diff(baskets.indptr).astype(np.int64)

        def value(tried: ShopperConfig) -> float:
            shown, _ = type(self)(tried).learn(catalog, earlier).recommend(tests, _K)
            return float(ndcg(hits(shown, baskets), sizes, _K).mean())

        best = value(config)
        for name in free:
            start = config
            for option in self.search[name]:
                tried = start.model_copy(update={name: option})
                if tried != start and (reached := value(tried)) > best + 1e-9:
                    config, best = tried, reached
        return config

    def refresh(self, catalog: Catalog, histories: Histories) -> Self:
        """Replace what was counted of shoppers, with the settings and weights that it has.

        Here: `learn`, since closed forms are quick. The ranker keeps its trees.
        """
        return self.learn(catalog, histories)

    @abstractmethod
    def learn(self, catalog: Catalog, histories: Histories) -> Self:
        """Learn with the settings of `self.config`."""

    @abstractmethod
    def score(self, histories: Histories) -> Floats:
        """How likely every product is in the next basket.

        Args:
            histories: b shoppers, of `fit` or others; one may have no basket.

        Returns:
            (b, n) float32; higher is better, -inf where the model has no score.
        """

    @property
    def block(self) -> int:
        return block_size(max(self.n, self.users))

    def recommend(
        self, histories: Histories, k: int, *, bought: bool | None = None
    ) -> tuple[Rows, Floats]:
        """The k likeliest products of the next basket of each shopper.

        Args:
            histories: b shoppers.
            k: how many.
            bought: True for products that the shopper bought before, False for the others; None
                for all.

        Returns:
            products (b, k) int32, -1 where none is left, and scores (b, k) float32, -inf there.
        """
        parts = []
        for block in self.in_blocks(histories):
            scores = self.score(block)
            if bought is not None:
                keep_bought(scores, block.counts, bought=bought)
            parts.append(top_k(scores, k))
        return concatenate_top_k(parts, k)

    def in_blocks(self, histories: Histories) -> Iterator[Histories]:
        """`histories` in blocks of `self.block` shoppers."""
        for start in range(0, len(histories), self.block):
            yield histories.take(np.arange(start, min(start + self.block, len(histories))))


def keep_bought(scores: Floats, counts: Sparse, *, bought: bool) -> None:
    """Set to -inf, in place, the scores of what a shopper bought before, or of all the rest.

    Args:
        scores: (b, n).
        counts: (b, n) CSR, with an entry for each product that a shopper bought.
        bought: whether the scores of products bought before stay.
    """
    at = (entry_rows(counts), counts.indices)
    if not bought:
        scores[at] = -np.inf
        return
    values = scores[at]
    scores[:] = -np.inf
    scores[at] = values


def dense_scores(scores: Sparse) -> Floats:
    """(b, n) the entries of a CSR matrix, -inf elsewhere and where an entry is not above 0."""
    dense: Floats = scores.toarray().astype(np.float32)
    dense[dense <= 0] = -np.inf
    return dense
