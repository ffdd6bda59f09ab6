"""The feature matrix of candidates: scores by path, ranks, features of both products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows
from goeswith.ranking.candidate_pool import CandidatePool
from goeswith.ranking.item_features import ItemFeatures, QueryBatch

_ENDS: Final = ("complement_of", "complements", "bought_with", "viewed_with")


@dataclass(frozen=True)
class FeatureMatrix:
    """Features of the candidates of a block of sources.

    Attributes:
        place: (m,) position of the source in its block, ascending.
        column: (m,) position of the target in the pool.
        target: (m,) its row.
        columns: (m, c) float32, in the order of `names`.
        names: (c,) of the columns.
    """

    place: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    target: Rows
    columns: Floats
    names: list[str]

    def filter(self, mask: npt.NDArray[np.bool_]) -> FeatureMatrix:
        """Some of the candidates."""
        return FeatureMatrix(
            self.place[mask], self.column[mask], self.target[mask], self.columns[mask], self.names
        )


def build_feature_matrix(
    items: ItemFeatures,
    queries: QueryBatch,
    pool: CandidatePool,
    scores: Mapping[str, Floats],
    is_candidate: npt.NDArray[np.bool_],
) -> FeatureMatrix:
    """The features of every candidate.

    Args:
        items: of the shop.
        queries: b sources.
        pool: c products.
        scores: name -> (b, c).
        is_candidate: (b, c) mask of candidates.
    """
    place, column = np.nonzero(is_candidate)
    target = pool.rows[column]
    columns: dict[str, npt.NDArray[np.float32]] = {}
    for name, dense in scores.items():
        columns[name] = dense[place, column]
    for name in scores:
        columns[f"place by {name}"] = rank_within_source(place, columns[name])
    source_attributes, target_attributes = queries.attributes, items.attributes
    for i, name in enumerate(_ENDS):
        columns[f"source: {name}"] = queries.degrees[place, i]
        columns[f"target: {name}"] = items.degrees[target, i]
    columns["share of its type"] = items.share_of_type[target]
    types, target_types = source_attributes.types[place], target_attributes.types[target]
    columns |= _transitions(items, types, target_types)
    columns["same type"] = _same(types, target_types)
    columns["same brand"] = _same(source_attributes.brands[place], target_attributes.brands[target])
    prices, target_prices = source_attributes.prices[place], target_attributes.prices[target]
    columns["price ratio"] = np.log(target_prices / prices)
    columns["price"] = target_prices
    values = np.column_stack(list(columns.values())).astype(np.float32)
    return FeatureMatrix(place, column, target, values, list(columns))


def rank_within_source(source: npt.NDArray[np.int64], values: Floats) -> npt.NDArray[np.float32]:
    """(m,) rank of each candidate among those of its source, from 0, the largest value first.

    Equal values share the first of their ranks.
    """
    order = np.lexsort((-values, source))
    sorted_source, sorted_values = source[order], values[order]
    new_source = np.diff(sorted_source, prepend=-1) != 0
    new_value = new_source | (np.diff(sorted_values, prepend=np.nan) != 0)
    index = np.arange(len(sorted_source))
    start = np.maximum.accumulate(np.where(new_source, index, 0))
    tied = np.maximum.accumulate(np.where(new_value, index, 0))
    ranks = np.empty(len(sorted_source), dtype=np.float32)
    ranks[order] = tied - start
    return ranks


def _transitions(items: ItemFeatures, types: Rows, target_types: Rows) -> dict[str, Floats]:
    """Log lift of one type as a complement of another, both directions; NaN without a type."""
    has_types = np.flatnonzero((types >= 0) & (target_types >= 0))
    out = {}
    for name, first, second in (
        ("type transition", types[has_types], target_types[has_types]),
        ("type transition back", target_types[has_types], types[has_types]),
    ):
        values = np.full(len(types), np.nan, dtype=np.float32)
        out[name] = values
        if not len(has_types):
            continue
        share = np.asarray(items.type_shares[first, second], dtype=np.float32).ravel()
        values[has_types] = np.log((share + 1e-4) / (items.type_popularity[second] + 1e-4))
    return out


def _same(first: Rows, second: Rows) -> npt.NDArray[np.float32]:
    """1 if the codes are equal, else 0; NaN if either is -1."""
    return np.where((first >= 0) & (second >= 0), first == second, np.nan).astype(np.float32)
