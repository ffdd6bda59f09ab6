"""Candidates of cold sources, products without edges: paths that start at their attributes.

The paths of `candidate_paths` with attributes in place of edges, and the complements of the type
and the brand of the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows
from goeswith.features.pair_clicks import CLICK_EVIDENCE, CLICK_RATIO
from goeswith.features.product_numbers import (
    NEAR,
    WIDE,
    number_neighbours,
    weighted_by_cosine,
)
from goeswith.ranking import candidate_paths, feature_matrix
from goeswith.ranking.candidate_paths import Propagate, Scores
from goeswith.ranking.candidate_pool import CandidatePool, dense_walk
from goeswith.ranking.feature_matrix import FeatureMatrix
from goeswith.ranking.item_features import ItemFeatures, QueryBatch

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
    "complements_of_numbers": 30,
    "complements_of_more_numbers": 30,
    "complements_of_similar_numbers": 30,
    CLICK_RATIO: 20,
}
"""Path -> number of a source's best products by it that are candidates."""
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
    "complements_of_numbers",
    "complements_of_more_numbers",
    "complements_of_similar_numbers",
)
"""Order of the columns: trees refer to columns by position."""
_TYPE_PRIOR: Final = 10.0
"""Prior weight, in edges, of popularity within a type, as in the model `type_popularity`."""
_POPULARITY_WEIGHT: Final = 1e-3
"""Weight of overall popularity, which breaks ties."""


def walks(items: ItemFeatures, queries: QueryBatch, propagate: Propagate) -> dict[str, Any]:
    """(b, n) scores of the products at the end of edges from similar products, by path."""
    near = queries.attributes.near
    of_near = propagate(near, items.bought)
    scores = {
        "complements_of_similar": of_near,
        "listed_of_similar": propagate(near, items.listed),
        "similar_both_ends": propagate(of_near, items.near_back),
        "viewed_of_similar": propagate(near, items.viewed),
    }
    return scores | (number_walks(items, queries, propagate) if items.numbered else {})


def number_walks(items: ItemFeatures, queries: QueryBatch, propagate: Propagate) -> dict[str, Any]:
    """(b, n) scores of the complements of the products with the nearest numbers, by path."""
    near, more = (
        number_neighbours(queries.attributes.numbers, items.attributes.numbers, items.by_number, s)
        for s in (NEAR, WIDE)
    )
    similar = weighted_by_cosine(more, queries.attributes.content, items.attributes.content)
    return {
        "complements_of_numbers": propagate(near, items.even),
        "complements_of_more_numbers": propagate(more, items.even),
        "complements_of_similar_numbers": propagate(similar, items.even),
    }


def paths(
    items: ItemFeatures, queries: QueryBatch, pool: CandidatePool, walk_scores: Mapping[str, Any]
) -> Scores:
    """(b, c) scores of c products for b sources without edges, by path; 0 without a path.

    Args:
        items: of the shop.
        queries: b sources.
        pool: c products.
        walk_scores: see `walks`.
    """
    attributes = queries.attributes
    smooth = pool.smooth_tokens(
        candidate_paths.token_weights(attributes.content, items.leaving, items)
    )
    bought, regression = pool.regress("bought", smooth), pool.regress("listed", smooth)
    type_popularity = candidate_paths.type_popularity(items, queries, pool)
    brand_shares = candidate_paths.lookup_shares(
        items.brand_shares, attributes.brands, pool, items.attributes.brands
    )
    scores = {name: pool.dense(block) for name, block in walk_scores.items()}
    scores |= {
        "regression": regression,
        "regression_even": pool.regress("even", smooth),
        "regression_any": pool.regress("raw_bought", smooth),
        "regression_bought": bought,
        "regression_viewed": pool.regress("viewed", smooth),
        "attribute_cosine": pool.cosines(attributes.content),
        "type_popularity": type_popularity,
        "type_complements": pool.rows_of_codes(items.type_complements, attributes.types)
        + _TYPE_PRIOR * type_popularity
        + np.float32(_POPULARITY_WEIGHT) * pool.take(items.popularity),
        "brand_complements": pool.rows_of_codes(items.brand_complements, attributes.brands),
        "brand_popularity": brand_shares * pool.take(items.share_of_brand),
    }
    if pool.holds_all:
        bought_back = dense_walk(bought, items.bought_back)
        scores["regression_cocitation"] = dense_walk(bought_back, items.bought)
        scores["regression_both_ends"] = dense_walk(regression, items.near_back)
    else:
        scores["alike_of_types"] = candidate_paths.alike_of_types(items, queries, pool, scores)
    clicks = [name for name in CLICK_EVIDENCE if name in queries.evidence]
    scores |= {name: pool.dense(queries.evidence[name]) for name in clicks}
    return candidate_paths.order_scores(scores, _ORDER, clicks)


def build_feature_matrix(
    items: ItemFeatures,
    queries: QueryBatch,
    pool: CandidatePool,
    scores: Scores,
    is_candidate: npt.NDArray[np.bool_],
) -> FeatureMatrix:
    """The features of every candidate: those of `feature_matrix`, and the strength of evidence.

    Args:
        items: of the shop.
        queries: b sources without edges.
        pool: c products.
        scores: name -> (b, c).
        is_candidate: (b, c) mask of candidates.
    """
    matrix = feature_matrix.build_feature_matrix(items, queries, pool, scores, is_candidate)
    place, target = matrix.place, matrix.target
    best = scores["regression"].max(axis=1, initial=0)[place]
    extra = {
        "source: products of its type": _sizes(items.type_sizes, queries.attributes.types)[place],
        "source: products of its brand": _sizes(items.brand_sizes, queries.attributes.brands)[
            place
        ],
        "best regression": best,
        "regression by the best": scores["regression"][place, matrix.column]
        / np.maximum(best, 1e-9),
        "popularity": items.popularity[target],
        "share of its brand": items.share_of_brand[target],
    }
    values = np.column_stack([matrix.columns, *extra.values()]).astype(np.float32)
    return replace(matrix, columns=values, names=[*matrix.names, *extra])


def _sizes(sizes: Floats, codes: Rows) -> Floats:
    """(b,) number of products with each code; NaN for the code -1."""
    return np.where(codes >= 0, np.append(sizes, np.nan)[codes], np.nan).astype(np.float32)
