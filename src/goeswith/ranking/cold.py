"""Candidates of a product that nobody has bought yet: paths that start at its attributes.

The same ideas as in `features`, with attributes in the place of edges, and what its type and its
brand go with: a product of which little else is known is answered as its like are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.arrays import Floats, Rows
from goeswith.models.paths import walk
from goeswith.ranking import features
from goeswith.ranking.facts import Askers, Facts
from goeswith.ranking.features import Pairs, dense_walk

CANDIDATES: Final[Mapping[str, int]] = {
    "regression": 60,
    "regression_even": 30,
    "regression_any": 30,
    "regression_bought": 20,
    "regression_cocitation": 40,
    "complements_of_similar": 40,
    "similar_both_ends": 20,
    "type_complements": 40,
    "type_popularity": 30,
    "brand_complements": 30,
    "brand_popularity": 20,
}
"""Path -> how many of a source's best by it are candidates."""
_PRIOR: Final = 10.0
"""Edges' worth of what is popular in a type in general, as in the model `type_popularity`."""
_LITTLE: Final = 1e-3
"""Weight of popularity in the whole shop: it orders what nothing else does."""


def paths(facts: Facts, asked: Askers) -> dict[str, Floats]:
    """(b, n) scores of every product for b sources without edges, by path; 0 where none leads."""
    near, mine = asked.attributes.near, asked.attributes
    smooth = features.smoothed(mine.content, facts.leaving, facts)
    bought = dense_walk(smooth, facts.bought)
    regression = dense_walk(smooth, facts.listed)
    of_near = walk(near, facts.bought)
    type_popularity = features.type_popularity(facts, asked)
    brand_shares = features.of_code(facts.brand_shares, mine.brands)
    return {
        "regression": regression,
        "regression_even": dense_walk(smooth, facts.even),
        "regression_any": dense_walk(smooth, facts.raw_bought),
        "regression_bought": bought,
        "regression_viewed": dense_walk(smooth, facts.viewed),
        "regression_cocitation": dense_walk(dense_walk(bought, facts.bought_back), facts.bought),
        "regression_both_ends": np.asarray((facts.attributes.near @ regression.T).T),
        "complements_of_similar": of_near,
        "listed_of_similar": walk(near, facts.listed),
        "similar_both_ends": np.asarray((facts.attributes.near @ of_near.T).T),
        "viewed_of_similar": walk(near, facts.viewed),
        "attribute_cosine": walk(mine.content, facts.by_token),
        "type_popularity": type_popularity,
        "type_complements": features.of_code(facts.type_complements, mine.types)
        + _PRIOR * type_popularity
        + _LITTLE * facts.popularity,
        "brand_complements": features.of_code(facts.brand_complements, mine.brands),
        "brand_popularity": features.by_code(brand_shares, facts.attributes.brands)
        * facts.share_of_brand,
    }


def pairs(
    facts: Facts, asked: Askers, scores: Mapping[str, Floats], chosen: npt.NDArray[np.bool_]
) -> Pairs:
    """The columns of every candidate: those of `features.pairs`, and how much its like tell.

    Args:
        facts: of the shop.
        asked: b sources without edges.
        scores: name -> (b, n).
        chosen: (b, n) mask of candidates.
    """
    table = features.pairs(facts, asked, scores, chosen)
    place, targets = table.place, table.targets
    best = scores["regression"].max(axis=1, initial=0)[place]
    more = {
        "source: products of its type": _sizes(facts.type_sizes, asked.attributes.types)[place],
        "source: products of its brand": _sizes(facts.brand_sizes, asked.attributes.brands)[place],
        "best regression": best,
        "regression by the best": scores["regression"][place, targets] / np.maximum(best, 1e-9),
        "popularity": facts.popularity[targets],
        "share of its brand": facts.share_of_brand[targets],
    }
    columns = np.column_stack([table.columns, *more.values()]).astype(np.float32)
    return replace(table, columns=columns, names=[*table.names, *more])


def _sizes(sizes: Floats, codes: Rows) -> Floats:
    """(b,) how many products share each code; NaN where it is unknown."""
    return np.where(codes >= 0, np.append(sizes, np.nan)[codes], np.nan).astype(np.float32)
