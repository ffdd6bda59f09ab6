"""Features of a shopper and a product that she may buy next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows, scale_rows, top_k
from goeswith.shoppers.histories import Histories
from goeswith.shoppers.intervals import Purchases
from goeswith.shoppers.members import Members

HALF_LIVES: Final = (2.0, 8.0)
"""Usual intervals after which a basket counts half, one feature each."""
_LISTED: Final = 50
"""New products of each source of candidates."""
NAMES: Final = (
    "tifu own",
    "tifu neighbours",
    "up cf",
    "after last basket",
    "beside history",
    "up cf, of best",
    "neighbours, of best",
    "share of baskets",
    "share of latest baskets",
    "first purchases",
    "repeat rate",
    "usual wait",
    "baskets of shopper",
    "basket size",
    "distinct share",
    "age of last basket",
    "times",
    "share of own baskets",
    *(f"decayed share, {half_life:g}" for half_life in HALF_LIVES),
    "steps since last",
    "age of last purchase",
    "lateness by product",
    "own wait",
    "lateness by own wait",
)


@dataclass(frozen=True)
class CandidateTable:
    """Candidates of some shoppers, with their features.

    Attributes:
        shopper: (m,) which shopper of the histories, ascending.
        product: (m,) row of the product.
        columns: (m, c) features, in the order of `NAMES`; NaN where one does not apply.
    """

    shopper: npt.NDArray[np.int64]
    product: Rows
    columns: Floats


def candidate_table(members: Members, histories: Histories) -> CandidateTable:
    """What shoppers bought before, and the new products that some source of evidence puts first.

    Args:
        members: fitted.
        histories: few enough that a dense row of scores for each fits in memory.
    """
    counts, own = histories.counts, members.tifu.own_vectors(histories)
    neighbours = members.tifu.neighbour_vectors(own)
    similar: Floats = members.up_cf.neighbour_scores(histories).toarray().astype(np.float32)
    after: Floats = (_unit(histories.tail(1).counts) @ members.counts.after).toarray()
    beside: Floats = (_unit(own) @ members.counts.beside).toarray()
    bought = np.zeros(neighbours.shape, dtype=bool)
    at = (entry_rows(counts), counts.indices)
    bought[at] = True
    candidate = bought.copy()
    for scores in (neighbours, similar, after, beside):
        _add_best(candidate, scores, bought)
    candidate[:, top_k(members.counts.discoveries[None], _LISTED)[0][0]] = True
    shopper, product = np.nonzero(candidate)
    pair = (shopper, product)
    waits = members.counts.intervals
    sizes = np.diff(histories.baskets.indptr)
    baskets = histories.lengths[shopper]
    lines = np.bincount(histories.shopper_index, sizes, len(histories))
    distinct = np.diff(counts.indptr) / np.maximum(lines, 1)
    age = histories.ages(members.unit)
    last_age = np.full(len(histories), np.nan, dtype=np.float32)
    has_basket = histories.lengths > 0
    last_age[has_basket] = age[histories.starts[1:][has_basket] - 1]
    columns = [
        own.toarray()[pair],
        neighbours[pair],
        similar[pair],
        after[pair],
        beside[pair],
        similar[pair] / np.maximum(similar.max(axis=1), 1e-9)[shopper],
        neighbours[pair] / np.maximum(neighbours.max(axis=1), 1e-9)[shopper],
        members.counts.share[product],
        members.counts.latest[product],
        members.counts.discoveries[product],
        waits.repeats[product],
        waits.mean[product],
        baskets,
        (lines / np.maximum(histories.lengths, 1))[shopper],
        distinct[shopper],
        last_age[shopper],
    ]
    own_columns = _repeat_columns(members, histories, candidate.shape, pair)
    table = np.stack([*columns, *own_columns], axis=1).astype(np.float32)
    return CandidateTable(shopper.astype(np.int64), product.astype(np.int32), table)


def _repeat_columns(
    members: Members,
    histories: Histories,
    shape: tuple[int, ...],
    pair: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
) -> list[Floats]:
    """(m,) features of the purchases of a product by the shopper, NaN for new products."""
    purchases = Purchases.from_histories(histories, members.unit)
    first, last = purchases.starts[:-1], purchases.starts[1:] - 1
    shopper, product, times = purchases.shopper[last], purchases.product[last], purchases.counts
    waits, age = members.counts.intervals, purchases.age[last]
    decayed = []
    for half_life in HALF_LIVES:
        weight = np.power(0.5, histories.ages(members.unit) / half_life)
        total = np.bincount(histories.shopper_index, weight, len(histories))
        held = np.power(0.5, purchases.age / half_life)
        sums = np.add.reduceat(held, first) if len(first) else held
        decayed.append(sums / np.maximum(total[shopper], 1e-9))
    late = np.log(np.maximum(age, 0.02))
    own_wait = (purchases.age[first] - age) / np.maximum(times - 1, 1)
    own_wait = np.where(times > 1, np.log(np.maximum(own_wait, 0.02)), np.nan)
    values = [
        times,
        times / np.maximum(histories.lengths[shopper], 1),
        *decayed,
        purchases.steps[last],
        age,
        (late - waits.mean[product]) / waits.spread[product],
        own_wait,
        late - own_wait,
    ]
    place = np.full(shape, -1, dtype=np.int32)
    place[shopper, product] = np.arange(len(last))
    run = place[pair]
    columns = []
    for value in values:
        column = np.full(len(run), np.nan, dtype=np.float32)
        column[run >= 0] = np.asarray(value, dtype=np.float32)[run[run >= 0]]
        columns.append(column)
    return columns


def _unit(matrix: Sparse) -> Sparse:
    """Rows that add up to 1."""
    total = np.asarray(matrix.sum(axis=1)).ravel()
    return scale_rows(matrix, 1 / np.maximum(total, 1e-9))


def _add_best(
    candidate: npt.NDArray[np.bool_], scores: Floats, bought: npt.NDArray[np.bool_]
) -> None:
    """Mark the new products with the best positive scores of each shopper, in place."""
    new = np.where(bought, 0, scores)
    k = min(_LISTED, new.shape[1])
    best = np.argpartition(new, new.shape[1] - k, axis=1)[:, -k:]
    rows = np.arange(len(new))[:, None]
    candidate[rows, best] |= new[rows, best] > 0
