"""Paths from a source to other products, and the candidates: the best by each path.

Every path from a source to a target is a product of sparse matrices, computed for a block of
sources. The features of a candidate are in `feature_matrix`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.features.pair_clicks import CLICK_RATIO
from goeswith.ranking.candidate_pool import CandidatePool, dense_walk, propagate_sparse
from goeswith.ranking.item_features import ItemFeatures, QueryBatch

Scores: TypeAlias = dict[str, Floats]
"""Path -> (b, c) scores of the candidate pool of a block of sources."""
Propagate: TypeAlias = Callable[[Any, Sparse], Any]
"""Propagates scores of products along edges."""

CANDIDATES: Final[Mapping[str, int]] = {
    "listed": 60,
    "count": 60,
    "cocitation": 50,
    "bought_cocitation": 60,
    "complements_of_complements": 20,
    "co_sources": 20,
    "complements_of_viewed": 40,
    "viewed_with_complements": 30,
    "viewed_both_ends": 20,
    "complements_of_similar": 50,
    "similar_to_complements": 20,
    "similar_both_ends": 30,
    "regression": 50,
    "regression_back": 30,
    "type_popularity": 40,
    "alike_of_types": 40,
    "slim": 60,
    CLICK_RATIO: 20,
}
"""Path -> number of a source's best products by it that are candidates."""
MEMBER_CANDIDATES: Final = 60
"""Candidates by the score of each member model."""
_ORDER: Final = (
    "cocitation",
    "bought_cocitation",
    "complements_of_complements",
    "co_sources",
    "shared_complements",
    "complements_of_viewed",
    "viewed_with_complements",
    "viewed_of_viewed",
    "viewed_both_ends",
    "complements_of_similar",
    "similar_to_complements",
    "similar_both_ends",
    "regression",
    "regression_back",
    "regression_bought",
    "regression_viewed",
    "regression_cocitation",
    "viewed_of_similar",
    "attribute_cosine",
    "type_popularity",
    "reverse",
    "listed",
    "alike_of_types",
    "slim",
    "slim_of_order",
    "ordered_slim",
    "ordered_cocitation",
    "ordered_two_steps",
    "ordered_common_targets",
    "ordered_common_sources",
)
"""Order of the columns: trees of existing bundles refer to columns by position."""


@dataclass(frozen=True)
class Member:
    """The vectors of a trained member model, zeros for products without a vector.

    Attributes:
        source_vectors: (n, d), and
        target_vectors: (n, d).
    """

    source_vectors: Floats
    target_vectors: Floats

    def score(self, rows: Rows, pool: CandidatePool) -> Floats:
        """(b, c) inner products; 0 for products without a vector."""
        scores: Floats = self.source_vectors[rows] @ pool.take(self.target_vectors).T
        return scores

    def padded(self, n: int) -> Member:
        """With zeros for new products after the present ones."""
        more = ((0, n - len(self.source_vectors)), (0, 0))
        return Member(np.pad(self.source_vectors, more), np.pad(self.target_vectors, more))


def walks(items: ItemFeatures, queries: QueryBatch, propagate_with: Propagate) -> dict[str, Any]:
    """(b, n) scores of the products at the end of edges from b sources, by path.

    The edges of lists are not a path by themselves: their pairs are listed already.
    """
    bought, viewed, near = queries.bought, queries.viewed, queries.attributes.near
    of_viewed, of_near = propagate_with(viewed, items.bought), propagate_with(near, items.bought)
    scores = {
        "cocitation": propagate_with(propagate_sparse(bought, items.bought_back), items.bought),
        "bought_cocitation": propagate_with(
            propagate_sparse(queries.any_bought, items.any_bought_back), items.any_bought
        ),
        "complements_of_complements": propagate_with(bought, items.bought),
        "co_sources": propagate_with(queries.bought_back, items.bought),
        "shared_complements": propagate_with(bought, items.bought_back),
        "complements_of_viewed": of_viewed,
        "viewed_with_complements": propagate_with(bought, items.viewed),
        "viewed_of_viewed": propagate_with(viewed, items.viewed),
        "viewed_both_ends": propagate_with(of_viewed, items.viewed),
        "complements_of_similar": of_near,
        "similar_to_complements": propagate_with(bought, items.near_back),
        "similar_both_ends": propagate_with(of_near, items.near_back),
        "viewed_of_similar": propagate_with(near, items.viewed),
    }
    if items.slim is not None:
        scores["slim"] = propagate_with(queries.bought_lists, items.slim)
    if items.places is not None:
        scores |= ordered_walks(items, queries, propagate_with)
    return scores


def ordered_walks(
    items: ItemFeatures, queries: QueryBatch, propagate_with: Propagate
) -> dict[str, Any]:
    """(b, n) scores by paths along co-purchases; the first entries of each list weigh more."""
    lists, there, back = queries.ordered_bought, items.ordered_bought, items.ordered_bought_back
    scores = {
        "ordered_cocitation": propagate_with(propagate_sparse(lists, back), there),
        "ordered_two_steps": propagate_with(lists, there),
        "ordered_common_targets": propagate_with(lists, back),
        "ordered_common_sources": propagate_with(queries.ordered_bought_back, there),
    }
    if items.slim is not None and items.ordered_slim is not None:
        scores["slim_of_order"] = propagate_with(queries.places, items.slim)
        scores["ordered_slim"] = propagate_with(queries.places, items.ordered_slim)
    return scores


def paths(
    items: ItemFeatures, queries: QueryBatch, pool: CandidatePool, walk_scores: Mapping[str, Any]
) -> Scores:
    """(b, c) scores of the candidate pool of b sources, by path; 0 without a path.

    Args:
        items: of the shop.
        queries: b sources.
        pool: c products.
        walk_scores: see `walks`.
    """
    content = queries.attributes.content
    # ridge regression of edges on attributes: h A with h = x (X'X + l I)^-1 X', the smoother, so
    # that no dense matrix of tokens by products is ever formed
    smooth = pool.smooth_tokens(token_weights(content, items.leaving, items))
    complements = queries.listed @ items.attributes.content
    scores = {name: pool.dense(block) for name, block in walk_scores.items()}
    scores |= {
        "regression": pool.regress("listed", smooth),
        "regression_back": pool.token_scores(token_weights(complements, items.arriving, items)),
        "regression_bought": pool.regress("bought", smooth),
        "regression_viewed": pool.regress("viewed", smooth),
        "attribute_cosine": pool.cosines(content),
        "type_popularity": type_popularity(items, queries, pool),
        "reverse": pool.dense(queries.reverse),
    }
    if pool.holds_all:
        bought_back = dense_walk(scores["regression_bought"], items.bought_back)
        scores["regression_cocitation"] = dense_walk(bought_back, items.bought)
    else:
        scores["alike_of_types"] = alike_of_types(items, queries, pool, scores)
    if items.counted:
        scores["listed"] = pool.dense(queries.listed)
    scores |= {name: pool.dense(matrix) for name, matrix in queries.evidence.items()}
    return order_scores(scores, _ORDER, queries.evidence)


def order_scores(scores: Scores, order: Sequence[str], more: Iterable[str] = ()) -> Scores:
    """Scores in the order of the columns."""
    return {name: scores[name] for name in [*order, *more] if name in scores}


def token_weights(content: Sparse, inverse: Floats, items: ItemFeatures) -> Floats:
    """(b, v) x (X'X + l I)^-1 of b rows x."""
    return np.asarray(content[:, items.tokens] @ inverse)


def type_popularity(items: ItemFeatures, queries: QueryBatch, pool: CandidatePool) -> Floats:
    """(b, c) P(type of the target | type of the source) P(target | its type)."""
    shares = lookup_shares(
        items.type_shares, queries.attributes.types, pool, items.attributes.types
    )
    popularity: Floats = shares * pool.take(items.share_of_type)
    return popularity


def alike_of_types(
    items: ItemFeatures, queries: QueryBatch, pool: CandidatePool, scores: Scores
) -> Floats:
    """(b, c) P(type of the target | type of the source) times their cosine.

    A product of a complement type that shares words with the source is likely made for it.
    """
    shares = lookup_shares(
        items.type_shares, queries.attributes.types, pool, items.attributes.types
    )
    alike: Floats = shares * scores["attribute_cosine"]
    return alike


def lookup_shares(shares: Sparse, codes: Rows, pool: CandidatePool, target_codes: Rows) -> Floats:
    """(b, c) entries of a (k, k) matrix at the codes of source and target; 0 for the code -1.

    Args:
        shares: CSR.
        codes: (b,) of sources.
        pool: c products.
        target_codes: (n,) of all products.
    """
    # sources of a block have few codes
    unique_codes, row = np.unique(codes, return_inverse=True)
    # one more column, [-1], for targets without a code
    dense = np.zeros((len(unique_codes), shares.shape[1] + 1), dtype=np.float32)
    has_code = unique_codes >= 0
    dense[has_code, :-1] = shares[unique_codes[has_code]].toarray()
    values: Floats = dense[:, pool.take(target_codes)][row]
    return values


def candidates(
    scores: Mapping[str, Floats], counts: Mapping[str, int], excluded: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(b, n) mask of the best products by each path.

    Args:
        scores: path -> (b, n).
        counts: path -> number of its best products that are candidates.
        excluded: (b, n) products that cannot be candidates.
    """
    is_candidate = np.zeros(excluded.shape, dtype=bool)
    rows = np.arange(len(excluded))[:, None]
    for name, count in counts.items():
        if name in scores:
            allowed = np.where(excluded, 0, scores[name])
            best = np.argpartition(-allowed, min(count, allowed.shape[1]) - 1, axis=1)[:, :count]
            is_candidate[rows, best] |= allowed[rows, best] > 0
    return is_candidate


def excluded_mask(
    queries: QueryBatch, rows: Rows | None, pool: CandidatePool
) -> npt.NDArray[np.bool_]:
    """(b, c) mask of excluded products: the source itself and its alternatives.

    Args:
        queries: b sources.
        rows: (b,) of the sources; None for new products.
        pool: c products.
    """
    excluded: npt.NDArray[np.bool_] = (pool.dense(queries.viewed) > 0) & ~(
        pool.dense(queries.listed) > 0
    )
    if rows is not None:
        excluded |= rows[:, None] == pool.rows
    return excluded


def listed_mask(items: ItemFeatures, rows: Rows, pool: CandidatePool) -> npt.NDArray[np.bool_]:
    """(b, c) mask of listed complements; empty for counted pairs, which are evidence only."""
    if items.counted:
        return np.zeros((len(rows), len(pool.rows)), dtype=bool)
    return pool.dense(items.listed[rows]) > 0


def listed_in_any_relation(
    items: ItemFeatures, rows: Rows, pool: CandidatePool
) -> npt.NDArray[np.bool_]:
    """(b, c) mask of pairs in any relation list, which are no training examples."""
    if items.counted:
        return np.zeros((len(rows), len(pool.rows)), dtype=bool)
    return listed_mask(items, rows, pool) | (pool.dense(items.any_bought[rows]) > 0)
