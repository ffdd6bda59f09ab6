"""Trees that order the complements of a product for one shopper.

They learn from the last basket of shoppers: one of its products is given, and of the products that
are bought with it most, those of the rest of the basket are to come first, by the history before.
docs/how-to/shoppers.md has the figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse, top_k
from goeswith.core.arrays_file import Arrays
from goeswith.ranking.gradient_trees import train_until_best, tree_settings
from goeswith.ranking.tree_text import check_trees
from goeswith.shoppers.histories import Histories, Ints
from goeswith.shoppers.personal_evidence import GROUPS, NAMES, PersonalEvidence

if TYPE_CHECKING:
    import lightgbm

_CANDIDATES: Final = 50
"""Products bought with the given one most, that are learned from."""
_SHOPPERS: Final = 4000
"""Shoppers to learn from, at most."""
_MIN_SHOPPERS: Final = 200
_CHECK_SHARE: Final = 0.25
"""Share of the shoppers on which the number of trees, and whether they are used, is decided."""
_TREES: Final = 200
_LEAVES: Final = 15
_LEARNING_RATE: Final = 0.06
_LEAST: Final = 50
"""Rows in a leaf."""
_PATIENCE: Final = 20
_K: Final = 10
_NOTABLE: Final = 0.05
"""Logarithm of the odds from which on columns are a reason."""


Reason: TypeAlias = tuple[str | None, str | None]
"""What speaks for a product most, and against it most: of `GROUPS`."""


@dataclass(frozen=True)
class PersonalTrees:
    """Fitted trees, and what their columns are computed from."""

    booster: lightgbm.Booster
    evidence: PersonalEvidence

    @classmethod
    def fit(cls, histories: Histories, seed: int = 0) -> tuple[Self | None, str]:
        """Learn from histories; deterministic.

        Returns:
            the trees, or None where there are too few shoppers or confidence alone orders
            new products as well; and which, in one line.
        """
        earlier, shoppers, baskets = histories.split_last()
        rng = np.random.default_rng(seed)
        several = np.flatnonzero((np.diff(baskets.indptr) > 1) & (earlier.lengths[shoppers] > 0))
        drawn = rng.permutation(several)[:_SHOPPERS]
        if len(drawn) < _MIN_SHOPPERS:
            few = f"{len(drawn):,} shoppers with two baskets, the last of two products or more"
            return None, f"the order for all: {few}, are too few to learn from"
        past = PersonalEvidence.count(earlier)
        lists = list(_lists(past, earlier, shoppers[drawn], baskets[drawn], rng))
        check, learn = np.split(np.array(lists, dtype=object), [int(_CHECK_SHARE * len(lists))])
        booster = _train(learn.tolist(), seed, check.tolist())
        trees = _found([np.asarray(booster.predict(one.columns)) for one in check], check.tolist())
        plain = _found([one.columns[:, 0] for one in check], check.tolist())
        what = (
            f"MRR@10 of new products, {len(check):,} shoppers: "
            f"trees {trees:.4f}, confidence {plain:.4f}"
        )
        if trees <= plain:
            return None, f"the order for all, by {what}"
        booster = _train(lists, seed, trees=booster.num_trees())
        return cls(
            booster, PersonalEvidence.count(histories)
        ), f"{booster.num_trees()} trees, by {what}"

    @property
    def n(self) -> int:
        """Number of products of the fit."""
        return len(self.evidence.share)

    def probabilities(self, own: Rows, source: int, products: Rows) -> npt.NDArray[np.float64]:
        """(c,) chance that a basket of the shopper with `source` holds each product.

        Args:
            own: distinct rows that she bought.
            source: row of the product that they go with.
            products: (c,) rows. Those that came after the fit get the median of the others.
        """
        n = self.n
        chances = np.full(len(products), np.nan)
        known = np.flatnonzero(products < n)
        if len(known):
            columns = self.evidence.columns(own[own < n], source, products[known])
            chances[known] = self.booster.predict(columns)
            chances[np.isnan(chances)] = np.median(chances[known])
        chances[np.isnan(chances)] = 0.5
        return chances

    def reasons(
        self, own: Rows, source: int, products: Rows
    ) -> list[tuple[str | None, str | None]]:
        """Of each product, the group of columns that speaks for it most, and against it most.

        By the contributions of the columns to its score (SHAP values; Lundberg et al., 2020),
        against the mean of the products. None where nothing speaks for or against it.

        Args:
            own: distinct rows that she bought.
            source: row of the product that they go with.
            products: (c,) rows of the fit.
        """
        columns = self.evidence.columns(own[own < self.n], source, products)
        parts = np.asarray(self.booster.predict(columns, pred_contrib=True))
        by_group = np.stack([parts[:, one].sum(axis=1) for one in GROUPS.values()], axis=1)
        by_group -= by_group.mean(axis=0)
        names = list(GROUPS)
        return [
            (
                names[int(values.argmax())] if values.max() > _NOTABLE else None,
                names[int(values.argmin())] if values.min() < -_NOTABLE else None,
            )
            for values in by_group
        ]

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        text = self.booster.model_to_string().encode()
        return {"trees": np.frombuffer(text, dtype=np.uint8), **self.evidence.arrays()}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`.

        Raises:
            ValueError: they are damaged.
        """
        import lightgbm

        text = arrays["trees"].tobytes().decode()
        check_trees(text, len(NAMES))
        booster = lightgbm.Booster(model_str=text)
        return cls(booster, PersonalEvidence.restore(arrays))


@dataclass(frozen=True)
class _List:
    """Candidates for one shopper and a product of her last basket.

    Attributes:
        columns: (c, 13).
        label: (c,) whether each is in the rest of the basket.
    """

    columns: Floats
    label: npt.NDArray[np.bool_]

    @property
    def new(self) -> npt.NDArray[np.bool_]:
        """(c,) products that the shopper did not buy before."""
        new: npt.NDArray[np.bool_] = self.columns[:, NAMES.index("bought before")] == 0
        return new


def _lists(
    past: PersonalEvidence,
    earlier: Histories,
    shoppers: Ints,
    baskets: Sparse,
    rng: np.random.Generator,
) -> Iterator[_List]:
    counts = earlier.counts
    for i, shopper in enumerate(shoppers.tolist()):
        basket = baskets.indices[baskets.indptr[i] : baskets.indptr[i + 1]]
        source = int(rng.choice(basket))
        beside = past.beside[source].toarray()
        beside[0, source] = -1
        products, _ = top_k(beside + 1e-4 * past.latest, _CANDIDATES)
        candidates = products[0][products[0] != source]
        own = counts.indices[counts.indptr[shopper] : counts.indptr[shopper + 1]]
        yield _List(past.columns(own, source, candidates), np.isin(candidates, basket))


def _train(
    lists: list[_List], seed: int, check: list[_List] | None = None, *, trees: int = _TREES
) -> lightgbm.Booster:
    """Boosted trees: as many as given, or at most as are best on `check`."""
    import lightgbm

    settings = tree_settings("binary", _LEAVES, _LEARNING_RATE, _LEAST, seed)
    data = _dataset(lists)
    if check is None:
        return lightgbm.train(settings, data, trees)
    return train_until_best(settings, data, trees, _dataset(check, data), _PATIENCE)


def _dataset(lists: list[_List], reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
    import lightgbm

    columns = np.concatenate([one.columns for one in lists])
    label = np.concatenate([one.label for one in lists]).astype(np.float32)
    return lightgbm.Dataset(columns, label, reference=reference, free_raw_data=False)


def _found(scores: list[npt.NDArray[Any]], lists: list[_List]) -> float:
    """Mean reciprocal rank of the first new product of the basket, 0 behind the tenth."""
    found = []
    for score, one in zip(scores, lists, strict=True):
        best = np.argsort(-score[one.new], kind="stable")[:_K]
        hits = np.flatnonzero(one.label[one.new][best])
        found.append(1 / (1 + hits[0]) if len(hits) else 0.0)
    return float(np.mean(found))
