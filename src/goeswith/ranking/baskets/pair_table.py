"""Candidates of every product from its baskets, and the features of each pair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows, row_top_k_mask
from goeswith.models.basket_counts import BasketCounts
from goeswith.ranking.feature_matrix import rank_within_source
from goeswith.relations.measures import association

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from goeswith.ranking.baskets.type_features import TypeFeatures

CONFIDENCES: Final = {
    "confidence": (0, 30.0),
    "confidence, more": (0, 100.0),
    "confidence by basket": (1, 10.0),
    "confidence by basket, more": (1, 100.0),
}
"""Smoothed confidences: one vote a pair (0) or a basket (1), and baskets' worth of popularity."""
_L2: Final = 1000.0
"""Penalty of EASE, in baskets."""
_EASE_PRODUCTS: Final = 3000
"""Products that EASE reads: those in most baskets. Time grows with the cube."""
BLOCK: Final = 1 << 17
"""Pairs whose features are in memory at once."""
FORMS: Final = ("popularity", *CONFIDENCES, "llr", "cosine", "ease")
"""Closed forms among the features, which the trees have to beat."""


@dataclass(frozen=True)
class PairTable:
    """Candidates of all sources with what was counted of each pair.

    Attributes:
        source: (m,) row of the source, ascending.
        target: (m,) row of the candidate.
        values: name -> (m,) float32: weight of the pair's baskets, one vote a pair
            and one a basket, and EASE of the second.
        products: (n, 2) weight of each product's baskets: one vote a pair, one a basket.
        baskets: (2,) sum of all weights, and
        means: (2,) mean weight of a basket.
    """

    source: Rows
    target: Rows
    values: Mapping[str, Floats]
    products: npt.NDArray[np.float64]
    baskets: npt.NDArray[np.float64]
    means: npt.NDArray[np.float64]

    @classmethod
    def build(cls, baskets: Sparse, k: int, also: Rows) -> Self:
        """Candidates: the k best by each closed form.

        Args:
            baskets: (b, n) CSR of ones.
            k: candidates by each form.
            also: sources that get the popular candidates even if no basket holds them.
        """
        n = baskets.shape[1]
        plain = BasketCounts.count(baskets, by_basket=False)
        voted = BasketCounts.count(baskets, by_basket=True)
        rows = plain.most_bought(_EASE_PRODUCTS)
        weights = voted.ease(_L2, rows)
        llr = plain.llr()
        lists = [
            *(_pairs(matrix, row_top_k_mask(matrix, k)) for matrix in (voted.pairs, llr)),
            _dense_pairs(weights, rows, k),
            _popular(plain, k, also),
        ]
        # np.unique hashes integers, which takes many times as long
        keys = np.sort(np.concatenate([u.astype(np.int64) * n + v for u, v in lists]))
        keys = keys[np.diff(keys, prepend=-1) != 0]
        source, target = (keys // n).astype(np.int32), (keys % n).astype(np.int32)
        is_pair = source != target
        source, target = source[is_pair], target[is_pair]
        place = np.full(n, -1)
        place[rows] = np.arange(len(rows))
        at, to = place[source], place[target]
        inside = (at >= 0) & (to >= 0)
        values = {
            "count": look_up(plain.pairs, source, target),
            "count by basket": look_up(voted.pairs, source, target),
            "ease": np.full(len(source), np.nan, dtype=np.float32),
        }
        values["ease"][inside] = weights[at[inside], to[inside]]
        return cls(
            source,
            target,
            values,
            np.column_stack([plain.products, voted.products]),
            np.array([plain.baskets, voted.baskets]),
            np.array([plain.mean_weight, voted.mean_weight]),
        )

    def take(self, mask: npt.NDArray[np.bool_]) -> PairTable:
        """Some of the pairs."""
        values = {name: value[mask] for name, value in self.values.items()}
        return replace(self, source=self.source[mask], target=self.target[mask], values=values)

    def of_sources(self, sources: Rows) -> PairTable:
        """The pairs of some sources."""
        wanted = np.zeros(len(self.products), dtype=bool)
        wanted[sources] = True
        return self.take(wanted[self.source])

    def blocks(self, pairs: int) -> Iterator[PairTable]:
        """The table in parts of about so many pairs, no source in two of them."""
        starts = np.flatnonzero(np.diff(self.source, prepend=-1) != 0)
        cuts = np.searchsorted(starts, np.arange(0, len(self), pairs))
        ends = np.unique(np.append(starts[cuts[cuts < len(starts)]], len(self)))
        for start, end in pairwise(ends.tolist()):
            values = {name: value[start:end] for name, value in self.values.items()}
            yield replace(
                self,
                source=self.source[start:end],
                target=self.target[start:end],
                values=values,
            )

    def __len__(self) -> int:
        return len(self.source)

    @property
    def popularity(self) -> npt.NDArray[np.float64]:
        """(n,) share of baskets that hold a product, each basket with one vote."""
        share: npt.NDArray[np.float64] = self.products[:, 1] / max(self.baskets[1], 1e-12)
        return share

    def features(self, types: TypeFeatures) -> dict[str, Floats]:
        """Name -> (m,) of each pair; the closed forms among them have the names of `FORMS`."""
        n_u, n_v = self.products[self.source, 0], self.products[self.target, 0]
        d_u, d_v = self.products[self.source, 1], self.products[self.target, 1]
        count, voted = (self.values[name] for name in ("count", "count by basket"))
        share, share_voted = n_v / max(self.baskets[0], 1e-12), d_v / max(self.baskets[1], 1e-12)
        votes = ((count, n_u, share), (voted, d_u, share_voted))
        columns: dict[str, npt.ArrayLike] = {"popularity": share_voted}
        for name, (vote, prior) in CONFIDENCES.items():
            both, of_source, of_target = votes[vote]
            k = prior * self.means[vote]
            columns[name] = (both + k * of_target) / (of_source + k)
        mean = self.means[1]
        held = count > 0
        for measure in ("llr", "pmi_lower"):
            values = association(measure, count, n_u, n_v, max(self.baskets[0], 1e-12))
            columns[measure] = np.where(held, values, 0 if measure == "llr" else -9)
        expected = d_u * share_voted
        columns["lift"] = np.log((voted + mean / 2) / (expected + mean / 2))
        columns["cosine"] = voted / np.sqrt(np.maximum(d_u * d_v, 1e-12))
        columns["ease"] = self.values["ease"]
        columns |= {"count": count, "share": np.log(share + 1e-9), "source": np.log1p(n_u)}
        for name in ("confidence by basket", "ease"):
            best_first = np.nan_to_num(np.asarray(columns[name], dtype=np.float32), nan=-9)
            columns[f"rank by {name}"] = rank_within_source(
                self.source.astype(np.int64), best_first
            )
        columns |= types.columns(self.source, self.target)
        return {name: np.asarray(value, dtype=np.float32) for name, value in columns.items()}


def look_up(matrix: Sparse, rows: Rows, columns: Rows) -> Floats:
    """(m,) entries of a CSR matrix with sorted columns; 0 where none is stored."""
    n = matrix.shape[1]
    keys = entry_rows(matrix).astype(np.int64) * n + matrix.indices
    wanted = rows.astype(np.int64) * n + columns
    found = np.zeros(len(wanted), dtype=np.float32)
    if len(keys):
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        hit = keys[at] == wanted
        found[hit] = matrix.data[at[hit]]
    return found


def _pairs(matrix: Sparse, mask: npt.NDArray[np.bool_]) -> tuple[Rows, Rows]:
    return entry_rows(matrix)[mask], matrix.indices[mask]


def _dense_pairs(weights: Floats, rows: Rows, k: int) -> tuple[Rows, Rows]:
    """The k largest of each row of a dense matrix between some products."""
    k = min(k, len(rows))
    if not k:
        return rows, rows
    best = np.argpartition(-weights, k - 1, axis=1)[:, :k]
    return np.repeat(rows, k), rows[best.ravel()]


def _popular(counts: BasketCounts, k: int, also: Rows) -> tuple[Rows, Rows]:
    """The k products in most baskets, for every source that is in one, and some others."""
    sources = np.union1d(np.flatnonzero(counts.products > 0), also).astype(np.int32)
    popular = counts.most_bought(k)
    return np.repeat(sources, len(popular)), np.tile(popular, len(sources))
