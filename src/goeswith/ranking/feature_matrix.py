"""The columns of candidates that the ranker's trees read: their paths, their places, both ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows
from goeswith.ranking.candidate_pool import Targets
from goeswith.ranking.item_features import Askers, Facts

_ENDS: Final = ("complement_of", "complements", "bought_with", "viewed_with")


@dataclass(frozen=True)
class Pairs:
    """Candidates of a block of sources.

    Attributes:
        place: (m,) place of the source in its block, ascending.
        column: (m,) place of the target among those asked for.
        target: (m,) its row.
        columns: (m, c) float32, in the order of `names`.
        names: (c,) of the columns.
    """

    place: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    target: Rows
    columns: Floats
    names: list[str]

    def part(self, mask: npt.NDArray[np.bool_]) -> Pairs:
        """Some of the candidates."""
        return Pairs(
            self.place[mask], self.column[mask], self.target[mask], self.columns[mask], self.names
        )


def pairs(
    facts: Facts,
    asked: Askers,
    targets: Targets,
    scores: Mapping[str, Floats],
    chosen: npt.NDArray[np.bool_],
) -> Pairs:
    """The columns of every candidate.

    Args:
        facts: of the shop.
        asked: b sources.
        targets: c products.
        scores: name -> (b, c).
        chosen: (b, c) mask of candidates.
    """
    place, column = np.nonzero(chosen)
    target = targets.rows[column]
    columns: dict[str, npt.NDArray[np.float32]] = {}
    for name, dense in scores.items():
        columns[name] = dense[place, column]
    for name in scores:
        columns[f"place by {name}"] = places(place, columns[name])
    mine, other = asked.attributes, facts.attributes
    for i, name in enumerate(_ENDS):
        columns[f"source: {name}"] = asked.degrees[place, i]
        columns[f"target: {name}"] = facts.degrees[target, i]
    columns["share of its type"] = facts.share_of_type[target]
    types, target_types = mine.types[place], other.types[target]
    columns |= _transitions(facts, types, target_types)
    columns["same type"] = _same(types, target_types)
    columns["same brand"] = _same(mine.brands[place], other.brands[target])
    prices, target_prices = mine.prices[place], other.prices[target]
    columns["price ratio"] = np.log(target_prices / prices)
    columns["price"] = target_prices
    values = np.column_stack(list(columns.values())).astype(np.float32)
    return Pairs(place, column, target, values, list(columns))


def places(source: npt.NDArray[np.int64], values: Floats) -> npt.NDArray[np.float32]:
    """(m,) place of each candidate among those of its source, the largest value first.

    Equal values share the first of their places.
    """
    order = np.lexsort((-values, source))
    s, v = source[order], values[order]
    new_source = np.diff(s, prepend=-1) != 0
    new_value = new_source | (np.diff(v, prepend=np.nan) != 0)
    at = np.arange(len(s))
    start = np.maximum.accumulate(np.where(new_source, at, 0))
    tied = np.maximum.accumulate(np.where(new_value, at, 0))
    found = np.empty(len(s), dtype=np.float32)
    found[order] = tied - start
    return found


def _transitions(facts: Facts, types: Rows, target_types: Rows) -> dict[str, Floats]:
    """How much more often than by chance one type complements another, both ways; NaN unknown."""
    known = np.flatnonzero((types >= 0) & (target_types >= 0))
    out = {}
    for name, first, second in (
        ("type transition", types[known], target_types[known]),
        ("type transition back", target_types[known], types[known]),
    ):
        values = np.full(len(types), np.nan, dtype=np.float32)
        out[name] = values
        if not len(known):
            continue
        share = np.asarray(facts.type_shares[first, second], dtype=np.float32).ravel()
        values[known] = np.log((share + 1e-4) / (facts.type_popularity[second] + 1e-4))
    return out


def _same(first: Rows, second: Rows) -> npt.NDArray[np.float32]:
    """1 and 0; NaN where either is unknown."""
    return np.where((first >= 0) & (second >= 0), first == second, np.nan).astype(np.float32)
