"""Purchase histories: the baskets of each shopper in order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.core.arrays import Floats, Sparse, scale_rows
from goeswith.core.errors import DataError
from goeswith.relations.baskets.basket_matrix import with_baskets

Ints = npt.NDArray[np.int64]

_DAY: Final = 86_400


@dataclass(frozen=True)
class Histories:
    """The baskets of shoppers, oldest first, one shopper after the other.

    Attributes:
        baskets: (b, n) CSR of ones: the products of each basket.
        starts: (u + 1,) the first basket of each shopper, and the end.
        seconds: (b,) time of each basket; None if there is only an order.
        now: (u,) time at which the next basket of each shopper is predicted; None without times.
    """

    baskets: Sparse
    starts: Ints
    seconds: Ints | None = None
    now: Ints | None = None

    @classmethod
    def from_rows(cls, shoppers: list[list[list[int]]], n: int) -> Histories:
        """From the rows of the products of each basket of each shopper, without times.

        >>> Histories.from_rows([[[0], [1, 2]], [[2]]], 3).starts
        array([0, 2, 3])
        """
        baskets = [sorted(set(basket)) for shopper in shoppers for basket in shopper]
        products = np.array([row for basket in baskets for row in basket], dtype=np.int32)
        ends = _starts([len(basket) for basket in baskets])
        ones = np.ones(len(products), dtype=np.float32)
        matrix = sparse.csr_matrix((ones, products, ends), shape=(len(baskets), n))
        return cls(matrix, _starts([len(shopper) for shopper in shoppers]))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def n(self) -> int:
        """Number of products in the catalogue."""
        return int(self.baskets.shape[1])

    @property
    def lengths(self) -> Ints:
        """(u,) baskets of each shopper."""
        return np.diff(self.starts)

    @property
    def shopper_index(self) -> Ints:
        """(b,) shopper of each basket."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def steps_back(self) -> Ints:
        """(b,) baskets of the shopper after each basket: 0 for the last one."""
        return np.repeat(self.starts[1:], self.lengths) - 1 - np.arange(int(self.starts[-1]))

    @cached_property
    def usual_interval(self) -> float:
        """Median days between two baskets of a shopper; 1 without times."""
        if self.seconds is None:
            return 1.0
        same = np.diff(self.shopper_index) == 0
        gaps = np.diff(self.seconds)[same]
        gaps = gaps[gaps > 0]
        return max(float(np.median(gaps)) / _DAY, 1e-3) if len(gaps) else 1.0

    def ages(self, unit: float = 1.0) -> Floats:
        """(b,) how long ago each basket was bought: days over `unit`, or baskets without times."""
        if self.seconds is None or self.now is None:
            return (self.steps_back + 1).astype(np.float32)
        age = (self.now[self.shopper_index] - self.seconds) / (_DAY * unit)
        return np.maximum(age, 0).astype(np.float32)

    def weighted(self, weights: npt.NDArray[np.floating[Any]]) -> Sparse:
        """(u, n) CSR: the weights (b,) of a shopper's baskets, added up for each product."""
        at = (self.shopper_index, np.arange(len(weights)))
        shape = (len(self), len(weights))
        total = sparse.csr_matrix((weights.astype(np.float32), at), shape=shape) @ self.baskets
        return total.tocsr()

    @cached_property
    def counts(self) -> Sparse:
        """(u, n) CSR: number of a shopper's baskets that hold each product."""
        counts = self.weighted(np.ones(int(self.starts[-1]), dtype=np.float32))
        counts.sort_indices()
        return counts

    def shares(self) -> Sparse:
        """(u, n) CSR: share of a shopper's baskets that hold each product."""
        return scale_rows(self.counts, 1 / np.maximum(self.lengths, 1))

    def take(self, shoppers: npt.NDArray[np.integer[Any]]) -> Histories:
        """The histories of some shoppers, in the order of `shoppers`."""
        lengths = self.lengths[shoppers]
        starts = _starts(lengths)
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
        rows = np.repeat(self.starts[:-1][shoppers], lengths) + within
        now = None if self.now is None else self.now[shoppers]
        return self._select(rows, starts, now)

    def tail(self, longest: int) -> Histories:
        """The last `longest` baskets of each shopper."""
        rows = np.flatnonzero(self.steps_back < longest)
        return self._select(rows, _starts(np.minimum(self.lengths, longest)), self.now)

    def split_last(self, fewest: int = 2) -> tuple[Histories, Ints, Sparse]:
        """Hold out the last basket of every shopper with `fewest` baskets or more.

        Returns:
            all histories without the baskets held out, predicted at the times of these baskets;
            the t shoppers that have one; and these baskets, (t, n) CSR.
        """
        shoppers = np.flatnonzero(self.lengths >= fewest)
        last = self.starts[1:][shoppers] - 1
        stays = np.ones(int(self.starts[-1]), dtype=bool)
        stays[last] = False
        lengths = self.lengths.copy()
        lengths[shoppers] -= 1
        now = None
        if self.now is not None and self.seconds is not None:
            now = self.now.copy()
            now[shoppers] = self.seconds[last]
        earlier = self._select(np.flatnonzero(stays), _starts(lengths), now)
        return earlier, shoppers, self.baskets[last]

    def _select(self, rows: Ints, starts: Ints, now: Ints | None) -> Histories:
        seconds = None if self.seconds is None else self.seconds[rows]
        return replace(self, baskets=self.baskets[rows], starts=starts, seconds=seconds, now=now)


def histories_from_events(events: pl.DataFrame, n: int) -> tuple[Histories, pl.Series]:
    """The purchases of shoppers as histories.

    Args:
        events: as `goeswith.data.clean_events` returns them. Baskets are those of
            `with_baskets`; they are ordered by time, else by `position`, else as in the file.
        n: products in the catalogue.

    Returns:
        the histories, predicted just after the last purchase of the log, and the ids of the
        shoppers, sorted.

    Raises:
        DataError: no purchase has a shopper and a basket.
    """
    purchases = with_baskets(events) if "user_id" in events.columns else None
    if purchases is not None:
        purchases = purchases.filter(pl.col("user_id").is_not_null())
    if purchases is None or not purchases.height:
        raise DataError(
            "histories of shoppers need purchases with user_id; map the column of the customer "
            "under [data.columns.events]"
        )
    timed = "timestamp" in purchases.columns
    order = "timestamp" if timed else "position" if "position" in purchases.columns else None
    moment = pl.col(order).min() if order else pl.int_range(pl.len()).min()
    baskets = (
        purchases.with_columns(pl.col("user_id").cast(pl.String))
        .group_by("user_id", "basket", maintain_order=True)
        .agg(pl.col("product").unique().sort(), moment.alias("moment"))
        .sort("user_id", "moment", maintain_order=True, nulls_last=False)
    )
    sizes = baskets["product"].list.len().to_numpy()
    products = baskets["product"].explode(empty_as_null=False).to_numpy().astype(np.int32)
    ones = np.ones(len(products), dtype=np.float32)
    matrix = sparse.csr_matrix((ones, products, _starts(sizes)), shape=(len(baskets), n))
    shoppers = baskets.group_by("user_id", maintain_order=True).len()
    starts = _starts(shoppers["len"].to_numpy())
    if not timed or baskets["moment"].null_count():
        return Histories(matrix, starts), shoppers["user_id"]
    seconds = baskets["moment"].dt.epoch("s").to_numpy().astype(np.int64)
    now = np.full(len(starts) - 1, seconds.max(initial=0), dtype=np.int64)
    return Histories(matrix, starts, seconds, now), shoppers["user_id"]


def _starts(lengths: npt.ArrayLike) -> Ints:
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))]).astype(np.int64)
