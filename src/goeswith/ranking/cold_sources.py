"""Candidates of a product that nobody has bought yet: paths that start at its attributes.

The same ideas as in `features`, with attributes in the place of edges, and what its type and its
brand go with: a product of which little else is known is answered as its like are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows
from goeswith.ranking import candidate_paths as features
from goeswith.ranking import feature_matrix as columns
from goeswith.ranking.candidate_paths import Along, Scores
from goeswith.ranking.candidate_pool import Targets, dense_walk
from goeswith.ranking.feature_matrix import Pairs
from goeswith.ranking.item_features import Askers, Facts

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
    "alike_of_types": 40,
}
"""Path -> how many of a source's best by it are candidates."""
_ORDER: Final = (
    "regression",
    "regression_even",
    "regression_any",
    "regression_bought",
    "regression_viewed",
    "regression_cocitation",
    "regression_both_ends",
    "complements_of_similar",
    "listed_of_similar",
    "similar_both_ends",
    "viewed_of_similar",
    "attribute_cosine",
    "type_popularity",
    "type_complements",
    "brand_complements",
    "brand_popularity",
    "alike_of_types",
)
"""Columns as trees know them, by place."""
_PRIOR: Final = 10.0
"""Edges' worth of what is popular in a type in general, as in the model `type_popularity`."""
_LITTLE: Final = 1e-3
"""Weight of popularity in the whole shop: it orders what nothing else does."""


def walks(facts: Facts, asked: Askers, along: Along) -> dict[str, Any]:
    """(b, n) scores of what edges lead to from products alike b sources without edges, by path."""
    near = asked.attributes.near
    of_near = along(near, facts.bought)
    return {
        "complements_of_similar": of_near,
        "listed_of_similar": along(near, facts.listed),
        "similar_both_ends": along(of_near, facts.near_back),
        "viewed_of_similar": along(near, facts.viewed),
    }


def paths(facts: Facts, asked: Askers, targets: Targets, walked: Mapping[str, Any]) -> Scores:
    """(b, c) scores of c products for b sources without edges, by path; 0 where none leads.

    Args:
        facts: of the shop.
        asked: b sources.
        targets: c products.
        walked: see `walks`.
    """
    mine = asked.attributes
    smooth = targets.smoothed(features.token_weights(mine.content, facts.leaving, facts))
    bought, regression = targets.told("bought", smooth), targets.told("listed", smooth)
    type_popularity = features.type_popularity(facts, asked, targets)
    brand_shares = features.shares_of(
        facts.brand_shares, mine.brands, targets, facts.attributes.brands
    )
    scores = {name: targets.dense(block) for name, block in walked.items()}
    scores |= {
        "regression": regression,
        "regression_even": targets.told("even", smooth),
        "regression_any": targets.told("raw_bought", smooth),
        "regression_bought": bought,
        "regression_viewed": targets.told("viewed", smooth),
        "attribute_cosine": targets.cosines(mine.content),
        "type_popularity": type_popularity,
        "type_complements": targets.of_code(facts.type_complements, mine.types)
        + _PRIOR * type_popularity
        + np.float32(_LITTLE) * targets.of(facts.popularity),
        "brand_complements": targets.of_code(facts.brand_complements, mine.brands),
        "brand_popularity": brand_shares * targets.of(facts.share_of_brand),
    }
    if targets.all:
        back = dense_walk(bought, facts.bought_back)
        scores["regression_cocitation"] = dense_walk(back, facts.bought)
        scores["regression_both_ends"] = dense_walk(regression, facts.near_back)
    else:
        scores["alike_of_types"] = features.alike_of_types(facts, asked, targets, scores)
    return features.in_order(scores, _ORDER)


def pairs(
    facts: Facts, asked: Askers, targets: Targets, scores: Scores, chosen: npt.NDArray[np.bool_]
) -> Pairs:
    """The columns of every candidate: those of `columns.pairs`, and how much its like tell.

    Args:
        facts: of the shop.
        asked: b sources without edges.
        targets: c products.
        scores: name -> (b, c).
        chosen: (b, c) mask of candidates.
    """
    table = columns.pairs(facts, asked, targets, scores, chosen)
    place, target = table.place, table.target
    best = scores["regression"].max(axis=1, initial=0)[place]
    more = {
        "source: products of its type": _sizes(facts.type_sizes, asked.attributes.types)[place],
        "source: products of its brand": _sizes(facts.brand_sizes, asked.attributes.brands)[place],
        "best regression": best,
        "regression by the best": scores["regression"][place, table.column]
        / np.maximum(best, 1e-9),
        "popularity": facts.popularity[target],
        "share of its brand": facts.share_of_brand[target],
    }
    values = np.column_stack([table.columns, *more.values()]).astype(np.float32)
    return replace(table, columns=values, names=[*table.names, *more])


def _sizes(sizes: Floats, codes: Rows) -> Floats:
    """(b,) how many products share each code; NaN where it is unknown."""
    return np.where(codes >= 0, np.append(sizes, np.nan)[codes], np.nan).astype(np.float32)
