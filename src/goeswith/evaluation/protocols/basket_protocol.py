"""basket: one product of a later basket in, the rest of the basket out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.core.arrays import Rows, Sparse, best_columns, entry_rows
from goeswith.core.errors import DataError
from goeswith.core.ndcg import rank_discounts
from goeswith.data.catalog import Catalog
from goeswith.evaluation.metrics import PerSource, popularity_slices
from goeswith.evaluation.protocols.case import Answers, BenchmarkData, CaseMetrics, GraphCase
from goeswith.models.base import Recommender
from goeswith.relations.baskets.basket_matrix import basket_matrix, with_baskets
from goeswith.relations.graph import RelationGraph
from goeswith.relations.mine import mine

_DEPTH: Final = 60
"""Ranks that lists of one product have, which are fused for a basket."""
_K: Final = 10
_STRATA: Final = 0.5
"""Exponent of popularity-stratified recall (Steck, 2011)."""
_FUSED: Final = 20
"""Products of a basket whose lists are fused, at most."""
_SMOOTHING: Final = 60
"""Constant of reciprocal rank fusion."""


@dataclass
class BasketCase(GraphCase):
    """Later baskets: one product in, the rest out; and all but one in, that one out."""

    catalog: Catalog
    train: RelationGraph
    baskets: Sparse
    """(b, n) CSR of ones: later baskets."""
    sources: Rows
    """(b,) the product that is given of each basket."""
    owned: Sparse | None
    """(b, n) CSR of what the user of each basket bought before; None without users."""
    popularity: npt.NDArray[np.float64]
    """(n,) earlier baskets that hold each product."""

    def answer(self, model: Recommender) -> Answers:
        queries = np.unique(self.baskets.indices).astype(np.int32)
        ranking = model.recommend(queries, _DEPTH)[0]
        place = np.full(self.train.n, -1)
        place[queries] = np.arange(len(queries))
        return {
            "one in": ranking[place[self.sources], :_K],
            "one out": self._fused(ranking, place),
        }

    def _fused(self, ranking: Rows, place: npt.NDArray[np.int64]) -> Rows:
        """(b, 10) from the lists of all products of a basket but the source."""
        n, depth = self.train.n, ranking.shape[1]
        value = 1 / (_SMOOTHING + np.arange(1, depth + 1))
        best = np.full((len(self.sources), _K), -1, dtype=np.int32)
        for row, source in enumerate(self.sources.tolist()):
            given = self._products(row)
            given = given[given != source][:_FUSED]
            lists = ranking[place[given]].ravel()
            shown = lists >= 0
            fused = np.bincount(lists[shown], np.tile(value, len(given))[shown], n)
            fused[given] = 0
            columns = np.flatnonzero(fused)
            order, _ = best_columns(columns, fused[columns], min(_K, len(columns)))
            best[row, : len(order)] = order
        return best

    def _products(self, row: int) -> Rows:
        found: Rows = self.baskets.indices[self.baskets.indptr[row] : self.baskets.indptr[row + 1]]
        return found

    def measure(self, answers: Answers) -> CaseMetrics:
        b = len(self.sources)
        given = sparse.csr_matrix(
            (np.ones(b, dtype=np.float32), (np.arange(b), self.sources)), shape=self.baskets.shape
        )
        rest = (self.baskets - given).tocsr()
        rest.eliminate_zeros()
        shown = answers["one in"]
        measured = {
            "attach@10": _attach(shown, rest),
            "stratified@10": _recall(shown, rest, np.maximum(self.popularity, 1) ** -_STRATA),
            "recall@10": _recall(shown, rest, np.ones(self.train.n)),
            "ndcg@10": _ndcg(shown, rest),
            "tail@10": _recall(
                shown, rest, popularity_slices(self.popularity)["tail"].astype(float), pooled=True
            ),
            "last@10": _attach(answers["one out"], given),
        }
        if self.owned is not None:
            new = (rest - rest.multiply(self.owned)).tocsr()
            new.eliminate_zeros()
            measured["attach@10.new"] = _attach(shown, new)
        listed = shown[shown >= 0]
        return CaseMetrics(measured, {"coverage@10": len(np.unique(listed)) / max(self.train.n, 1)})


def basket_protocol(data: BenchmarkData, seed: int) -> Iterator[GraphCase]:
    """Hold out baskets, and draw the product of each that is given.

    The share is `evaluation.time_share`: the latest baskets where there are times; else the last
    baskets of users where these have an order, or any, drawn at random.
    """
    dataset, settings = data.dataset, data.settings
    purchases = None if dataset.events is None else with_baskets(dataset.events)
    if dataset.events is None or purchases is None or not purchases.height:
        raise DataError(
            f"{dataset.name}: the protocol basket needs a table of events with purchases, and "
            "basket_id, session_id or user_id"
        )
    rng, n = np.random.default_rng(seed), len(dataset.catalog)
    later, cut = _later_baskets(purchases, settings.evaluation.time_share, rng)
    earlier, test = (
        purchases.join(later, on="basket", how="anti"),
        purchases.join(later, on="basket", how="semi"),
    )
    events = _without(dataset.events, later, cut)
    train = mine(events, n, settings.relations).with_types(dataset.catalog.type_codes)
    size = pl.col("product").n_unique().over("basket")
    test = test.filter(size > 1)
    if not test.height or not earlier.height:
        raise DataError(
            f"{dataset.name}: none of the {later.height:,} held-out baskets has two products, or "
            "nothing is left to train on; nothing to test"
        )
    baskets = basket_matrix(test.drop("position", strict=False), n)  # in the order of `_owned`
    sizes = np.diff(baskets.indptr)
    place = baskets.indptr[:-1] + (rng.random(len(sizes)) * sizes).astype(np.int64)
    yield BasketCase(
        dataset.catalog,
        train,
        baskets,
        baskets.indices[place].astype(np.int32),
        _owned(earlier, test, n),
        np.bincount(earlier["product"].to_numpy(), minlength=n).astype(np.float64),
    )


def _later_baskets(
    purchases: pl.DataFrame, share: float, rng: np.random.Generator
) -> tuple[pl.DataFrame, Any]:
    """The column `basket` of those that are held out, and the moment from which they are."""
    columns = purchases.columns
    if "timestamp" in columns:
        baskets = purchases.group_by("basket", maintain_order=True).agg(pl.col("timestamp").min())
        cut = baskets["timestamp"].quantile(1 - share, interpolation="higher")
        return baskets.filter(pl.col("timestamp") >= cut).select("basket"), cut
    baskets = purchases.unique("basket", maintain_order=True)
    count = int(share * baskets.height)
    if {"position", "user_id"} <= set(columns):
        last = (pl.col("position") == pl.col("position").max()) & (pl.len() > 1)
        last_baskets = baskets.filter(last.over("user_id"))
        if last_baskets.height >= count / 2:
            baskets = last_baskets
    drawn = np.sort(rng.permutation(baskets.height)[:count])
    return baskets[drawn].select("basket"), None


def _without(events: pl.DataFrame, later: pl.DataFrame, cut: Any) -> pl.DataFrame:
    """The events before the held-out baskets, views too, and none of these baskets."""
    if cut is not None:
        return events.filter(pl.col("timestamp") < cut)
    lines = with_baskets(events.with_row_index("_line"))
    if lines is None:
        return events
    held_out = lines.join(later, on="basket", how="semi")
    return events.with_row_index("_line").join(held_out, on="_line", how="anti").drop("_line")


def _owned(earlier: pl.DataFrame, test: pl.DataFrame, n: int) -> Sparse | None:
    """(b, n) CSR: what the user of each test basket bought earlier; None without users."""
    if "user_id" not in earlier.columns or earlier["user_id"].null_count() == earlier.height:
        return None
    order = "timestamp" in test.columns
    baskets = test.group_by("basket", maintain_order=True).agg(
        pl.col("user_id").first(), *([pl.col("timestamp").min()] if order else [])
    )
    if order:
        baskets = baskets.sort("timestamp", maintain_order=True)
    bought = (
        baskets.with_row_index("row")
        .join(earlier.select("user_id", product="product"), on="user_id")
        .select("row", "product")
        .unique()
    )
    ones = np.ones(bought.height, dtype=np.float32)
    at = bought["row"].to_numpy(), bought["product"].to_numpy()
    return sparse.csr_matrix((ones, at), shape=(baskets.height, n))


def _relevant(shown: Rows, truth: Sparse) -> npt.NDArray[np.bool_]:
    """(b, k) whether each product shown is in the row of `truth`."""
    n = truth.shape[1]
    keys = entry_rows(truth).astype(np.int64) * n + truth.indices
    wanted = np.arange(len(shown), dtype=np.int64)[:, None] * n + shown
    found: npt.NDArray[np.bool_] = np.isin(wanted, keys) & (shown >= 0)
    return found


def _per_basket(totals: npt.ArrayLike, weights: npt.ArrayLike) -> PerSource:
    parts = np.asarray(totals, dtype=np.float64)
    rows = np.arange(len(parts), dtype=np.int64)
    return PerSource(rows, parts, np.asarray(weights, dtype=np.float64))


def _attach(shown: Rows, truth: Sparse) -> PerSource:
    """Share of the baskets of which one of the products shown is in the truth."""
    hit = _relevant(shown, truth).any(axis=1)
    return _per_basket(hit.astype(np.float64), np.diff(truth.indptr) > 0)


def _recall(
    shown: Rows, truth: Sparse, worth: npt.NDArray[np.float64], *, pooled: bool = False
) -> PerSource:
    """Share of the truth that is shown, products weighed; the mean over baskets, or pooled."""
    total = np.asarray(truth @ worth, dtype=np.float64).ravel()
    gain = np.asarray((_relevant(shown, truth) * worth[shown]).sum(axis=1), dtype=np.float64)
    if pooled:
        return _per_basket(gain, total)
    share: npt.NDArray[np.float64] = np.divide(
        gain, total, out=np.zeros_like(gain), where=total > 0
    )
    return _per_basket(share, total > 0)


def _ndcg(shown: Rows, truth: Sparse) -> PerSource:
    discount = rank_discounts(_K)
    gain = np.asarray(_relevant(shown, truth) @ discount[: shown.shape[1]], dtype=np.float64)
    positives = np.diff(truth.indptr)
    ideal = np.append(0.0, np.cumsum(discount))[np.minimum(positives, _K)]
    share: npt.NDArray[np.float64] = np.divide(
        gain, ideal, out=np.zeros_like(gain), where=ideal > 0
    )
    return _per_basket(share, positives > 0)
