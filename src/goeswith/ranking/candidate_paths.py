"""Paths from a product to others, and its candidates: the best by each of them.

Every path from a source to a target is a product of sparse matrices, worked out for a block of
sources at a time. What the ranker's trees read of a candidate is in `columns`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.ranking.candidate_pool import Targets, along_few, dense_walk
from goeswith.ranking.item_features import Askers, Facts

Scores: TypeAlias = dict[str, Floats]
"""Path -> (b, c) scores of the products that a block of sources is asked for."""
Along: TypeAlias = Callable[[Any, Sparse], Any]
"""What a path has reached, and the edges that it takes next -> what it then reaches."""

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
}
"""Path -> how many of a source's best by it are candidates."""
OF_MEMBER: Final = 60
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
)
"""Columns as trees know them, by place: those of a bundle that is kept must not move."""


@dataclass(frozen=True)
class Member:
    """A trained model as the ranker keeps it: its vectors, zeros where nothing is known.

    Attributes:
        source_vectors: (n, d), and
        target_vectors: (n, d).
    """

    source_vectors: Floats
    target_vectors: Floats

    def score(self, rows: Rows, targets: Targets) -> Floats:
        """(b, c) inner products; 0 where nothing is known."""
        scores: Floats = self.source_vectors[rows] @ targets.of(self.target_vectors).T
        return scores

    def padded(self, n: int) -> Member:
        """With products behind those known, of which nothing is known."""
        more = ((0, n - len(self.source_vectors)), (0, 0))
        return Member(np.pad(self.source_vectors, more), np.pad(self.target_vectors, more))


def walks(facts: Facts, asked: Askers, along: Along) -> dict[str, Any]:
    """(b, n) scores of what edges lead to from b sources, by path.

    Edges from a source count only where they were counted: a pair that a list names is known.
    """
    bought, viewed, near = asked.bought, asked.viewed, asked.attributes.near
    of_viewed, of_near = along(viewed, facts.bought), along(near, facts.bought)
    return {
        "cocitation": along(along_few(bought, facts.bought_back), facts.bought),
        "bought_cocitation": along(
            along_few(asked.any_bought, facts.any_bought_back), facts.any_bought
        ),
        "complements_of_complements": along(bought, facts.bought),
        "co_sources": along(asked.bought_back, facts.bought),
        "shared_complements": along(bought, facts.bought_back),
        "complements_of_viewed": of_viewed,
        "viewed_with_complements": along(bought, facts.viewed),
        "viewed_of_viewed": along(viewed, facts.viewed),
        "viewed_both_ends": along(of_viewed, facts.viewed),
        "complements_of_similar": of_near,
        "similar_to_complements": along(bought, facts.near_back),
        "similar_both_ends": along(of_near, facts.near_back),
        "viewed_of_similar": along(near, facts.viewed),
    }


def paths(facts: Facts, asked: Askers, targets: Targets, walked: Mapping[str, Any]) -> Scores:
    """(b, c) scores of the products that b sources are asked for, by path; 0 where none leads.

    Args:
        facts: of the shop.
        asked: b sources.
        targets: c products.
        walked: see `walks`.
    """
    content = asked.attributes.content
    # ridge regression of edges on attributes: h A with h = x (X'X + l I)^-1 X', the smoother, so
    # that no dense matrix of tokens by products is ever formed
    smooth = targets.smoothed(token_weights(content, facts.leaving, facts))
    complements = asked.listed @ facts.attributes.content
    scores = {name: targets.dense(block) for name, block in walked.items()}
    scores |= {
        "regression": targets.told("listed", smooth),
        "regression_back": targets.alike(token_weights(complements, facts.arriving, facts)),
        "regression_bought": targets.told("bought", smooth),
        "regression_viewed": targets.told("viewed", smooth),
        "attribute_cosine": targets.cosines(content),
        "type_popularity": type_popularity(facts, asked, targets),
        "reverse": targets.dense(asked.reverse),
    }
    if targets.all:
        regressed = dense_walk(scores["regression_bought"], facts.bought_back)
        scores["regression_cocitation"] = dense_walk(regressed, facts.bought)
    else:
        scores["alike_of_types"] = alike_of_types(facts, asked, targets, scores)
    if facts.counted:
        scores["listed"] = targets.dense(asked.listed)
        scores |= {name: targets.dense(matrix) for name, matrix in asked.evidence.items()}
    return in_order(scores, _ORDER, asked.evidence)


def in_order(scores: Scores, order: Sequence[str], more: Iterable[str] = ()) -> Scores:
    """Scores in the order of the columns that trees have learned."""
    return {name: scores[name] for name in [*order, *more] if name in scores}


def token_weights(content: Sparse, inverse: Floats, facts: Facts) -> Floats:
    """(b, v) x (X'X + l I)^-1 of b rows x."""
    return np.asarray(content[:, facts.tokens] @ inverse)


def type_popularity(facts: Facts, asked: Askers, targets: Targets) -> Floats:
    """(b, c) P(type of the target | type of the source) P(target | its type)."""
    shares = shares_of(facts.type_shares, asked.attributes.types, targets, facts.attributes.types)
    popularity: Floats = shares * targets.of(facts.share_of_type)
    return popularity


def alike_of_types(facts: Facts, asked: Askers, targets: Targets, scores: Scores) -> Floats:
    """(b, c) P(type of the target | type of the source) times their cosine.

    Of the types that go with a phone's, what shares words with it is made for it.
    """
    shares = shares_of(facts.type_shares, asked.attributes.types, targets, facts.attributes.types)
    alike: Floats = shares * scores["attribute_cosine"]
    return alike


def shares_of(shares: Sparse, codes: Rows, targets: Targets, target_codes: Rows) -> Floats:
    """(b, c) what a (k, k) matrix says of the code of a source and that of a target; 0 for -1.

    Args:
        shares: CSR.
        codes: (b,) of sources.
        targets: c products.
        target_codes: (n,) of all products.
    """
    # sources that are asked together have few codes
    some, row = np.unique(codes, return_inverse=True)
    # one more row and column, [-1]: of none
    dense = np.zeros((len(some), shares.shape[1] + 1), dtype=np.float32)
    known = some >= 0
    dense[known, :-1] = shares[some[known]].toarray()
    found: Floats = dense[:, targets.of(target_codes)][row]
    return found


def candidates(
    scores: Mapping[str, Floats], counts: Mapping[str, int], without: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(b, n) mask of the best products by each path.

    Args:
        scores: path -> (b, n).
        counts: path -> how many of its best are candidates.
        without: (b, n) products that are not to be candidates.
    """
    chosen = np.zeros(without.shape, dtype=bool)
    rows = np.arange(len(without))[:, None]
    for name, count in counts.items():
        if name in scores:
            allowed = np.where(without, 0, scores[name])
            best = np.argpartition(-allowed, min(count, allowed.shape[1]) - 1, axis=1)[:, :count]
            chosen[rows, best] |= allowed[rows, best] > 0
    return chosen


def banned(asked: Askers, rows: Rows | None, targets: Targets) -> npt.NDArray[np.bool_]:
    """(b, c) what must not be proposed: a source itself and what it is an alternative to.

    Args:
        asked: b sources.
        rows: (b,) of the sources; None for new products.
        targets: c products.
    """
    found: npt.NDArray[np.bool_] = (targets.dense(asked.viewed) > 0) & ~(
        targets.dense(asked.listed) > 0
    )
    if rows is not None:
        found |= rows[:, None] == targets.rows
    return found


def listed(facts: Facts, rows: Rows, targets: Targets) -> npt.NDArray[np.bool_]:
    """(b, c) pairs that a list names; none where pairs were counted: counts are evidence."""
    if facts.counted:
        return np.zeros((len(rows), len(targets.rows)), dtype=bool)
    return targets.dense(facts.listed[rows]) > 0


def known_pairs(facts: Facts, rows: Rows, targets: Targets) -> npt.NDArray[np.bool_]:
    """(b, c) pairs that are no question while learning: a list names them, in any relation."""
    if facts.counted:
        return np.zeros((len(rows), len(targets.rows)), dtype=bool)
    return listed(facts, rows, targets) | (targets.dense(facts.any_bought[rows]) > 0)
