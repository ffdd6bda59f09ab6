"""Business objectives: relevance first, then attributes of a shop.

A ranked list is cut into groups: recommendations of one model, the scores of which are at least
`floor` times that of the first of them. Within a group, the order is by

    utility = sum over attributes of weight * (percentile of the value in the list - 1/2)

ties to the earlier one. So no product passes one of another model, or one with a score more than
1 / floor times its own. A missing value counts as the middle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

PRICE_FIT: Final = "price_fit"
"""Objective of products that do not cost more than the queried one: minus the logarithm of the
ratio of the prices, and 0 for a lower price."""
_PRICE: Final = "price"
Values = npt.NDArray[np.float64]


def objective_columns(weights: Mapping[str, float]) -> list[str]:
    """Columns of the catalogue that objectives read."""
    return list(dict.fromkeys(_PRICE if name == PRICE_FIT else name for name in weights))


def check_objectives(weights: Mapping[str, float], frame: pl.DataFrame, live: set[str]) -> None:
    """Refuse objectives that nothing can have.

    Args:
        weights: by objective.
        frame: the catalogue.
        live: attributes that live facts may add to it.

    Raises:
        ConfigError: an objective is no column of numbers.
    """
    for name in objective_columns(weights):
        column = frame.schema.get(name)
        if (column is None and name not in live) or not (column is None or column.is_numeric()):
            numbers = [key for key, kind in frame.schema.items() if kind.is_numeric()]
            raise ConfigError(
                f"objectives.weights has {name!r}, which is not a numeric column of the "
                f"catalogue; it has {', '.join(numbers) or 'none'}, and price_fit needs price"
            )


def objective_values(
    frame: pl.DataFrame, weights: Mapping[str, float], source_prices: Values
) -> dict[str, Values]:
    """(c,) values by objective, NaN where one is missing.

    Args:
        frame: `objective_columns` of c products, those there are.
        weights: by objective.
        source_prices: (c,) price of the queried product that each goes with.
    """
    columns = {name: frame[name].cast(float).to_numpy() for name in frame.columns}
    missing = np.full(len(source_prices), np.nan)
    found = {}
    for name in weights:
        if name == PRICE_FIT:
            price = columns.get(_PRICE, missing)
            is_price = (price > 0) & (source_prices > 0)
            ratio = np.divide(price, source_prices, out=np.ones_like(missing), where=is_price)
            found[name] = np.where(is_price, -np.log(np.maximum(ratio, 1)), np.nan)
        else:
            found[name] = columns.get(name, missing)
    return found


def objective_order(
    scores: npt.NDArray[Any],
    model_index: npt.NDArray[Any],
    values: Mapping[str, Values],
    weights: Mapping[str, float],
    floor: float,
) -> npt.NDArray[np.int64]:
    """(c,) positions of a ranked list in the order of its objectives.

    Args:
        scores: (c,) of the list; where one is not positive, nothing moves.
        model_index: (c,) model of each.
        values: (c,) by objective.
        weights: by objective.
        floor: 0 to 1, see the module.
    """
    utility = np.zeros(len(scores))
    for name, weight in weights.items():
        utility += weight * _centred_percentiles(values[name])
    groups, start = np.zeros(len(scores), dtype=np.int64), 0
    for i in range(1, len(scores)):
        first = scores[start]
        if model_index[i] != model_index[start] or first <= 0 or scores[i] < floor * first:
            start = i
        groups[i] = start
    return np.lexsort((np.arange(len(scores)), -utility.round(9), groups))


def _centred_percentiles(values: Values) -> Values:
    """Mean rank among the values there are, from -1/2 to 1/2; 0 for a missing value."""
    out = np.zeros(len(values))
    there = np.isfinite(values)
    count = int(there.sum())
    if count > 1:
        _, at, sizes = np.unique(values[there], return_inverse=True, return_counts=True)
        mean_rank = np.cumsum(sizes) - (sizes + 1) / 2
        out[there] = mean_rank[at] / (count - 1) - 0.5
    return out
