"""Direction of complement edges, from the order in which products are bought.

A case goes with a phone, not a phone with a case: shoppers buy the phone first. Most pairs
occur three to five times, too few to decide for one pair. Other pairs of the same two types add
evidence: their order is the prior of the pair's own order, as in empirical Bayes.

Every ordered context of an edge is a vote, +1 where the source came first, else -1. Two votes of
one edge correlate by `own`; of two edges of the same types that share a product by `sharing`; of
two that share none by `apart`. All three are estimated from the graph itself, and are near 0 where
order is uninformative. The prediction from other edges of the same types is the best linear one
(the credibility of Buehlmann and Straub, 1970) from those that share neither product with it:
a shopper who buys a phone and then three cases votes for three edges at once, which is one opinion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy import special

from goeswith.core.arrays import Rows

if TYPE_CHECKING:
    from goeswith.relations.relation import Relation

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_SIGNIFICANT: Final = 0.025
"""One-sided level of the test of a pair's own order, and of the test with its types."""
_MIN_LEAN: Final = 1 / 3
"""Minimum lean of the types: two contexts of three. With many contexts any lean is significant, and
51 of 100 are no reason to hide a recommendation."""


def reversed_edges_mask(edges: Relation, types: Rows | None = None) -> Mask:
    """Mask of the edges whose target is bought first; never both directions of a pair.

    By a pair's own contexts if these suffice: an exact sign test, never significant below six
    (an approximate interval would be at four). Else by the order of its types, if that
    and its own order agree and suffice together.

    Args:
        edges: both directions of each pair; a pair of unknown order is never masked.
        types: (n,) type of each product, -1 for none; None uses each pair's own contexts only.

    Returns:
        (nnz,) aligned with `edges`.
    """
    if edges.source_first is None or not len(edges):
        return np.zeros(len(edges), dtype=bool)
    first = edges.count.copy()
    first.data = edges.source_first.astype(np.float32)
    forward = edges.source_first.astype(np.float64)
    backward = np.asarray(first[edges.targets, edges.sources], dtype=np.float64).ravel()
    against = _is_outnumbered(forward, backward)
    if types is None:
        return against
    source_types, target_types = types[edges.sources], types[edges.targets]
    typed = np.flatnonzero(
        (source_types >= 0)
        & (target_types >= 0)
        & (source_types != target_types)
        & (forward + backward > 0)
    )
    if len(typed):
        forward, backward = forward[typed], backward[typed]
        votes = DirectionVotes.from_edges(
            edges.sources[typed], edges.targets[typed], types, forward, backward
        )
        against[typed] |= _reversed_by_types(votes, forward, backward)
    return against


def _is_outnumbered(forward: Values, backward: Values) -> Mask:
    """Whether `forward` is significantly less than half of both, by the exact sign test."""
    # P(X >= backward) of a binomial with even odds, as an incomplete beta function
    chance = special.betainc(np.maximum(backward, 1), forward + 1, 0.5)
    return np.asarray((backward > 0) & (chance < _SIGNIFICANT))


def _reversed_by_types(votes: DirectionVotes, forward: Values, backward: Values) -> Mask:
    """Mask of the edges whose target comes first by their types and their own contexts."""
    lean, variance = votes.predict()
    against = (lean <= -_MIN_LEAN) & (backward > forward)
    first, second = beta_prior(lean[against], variance[against])
    chance = special.betaincc(first + forward[against], second + backward[against], 0.5)
    against[against] = chance < _SIGNIFICANT
    return np.asarray(against)


def beta_prior(lean: Values, variance: Values) -> tuple[Values, Values]:
    """The beta distribution of how often the source comes first, from `DirectionVotes.predict`.

    Returns:
        both parameters; an edge's own contexts, of either order, add to them.
    """
    strength = np.maximum((1 - lean**2) / np.maximum(variance, 1e-6) - 1, 1e-3)
    return strength * (1 + lean) / 2, strength * (1 - lean) / 2


@dataclass(frozen=True)
class VoteCorrelations:
    """Correlations of votes: within an edge, of edges that share a product, of other edges."""

    own: float
    sharing: float
    apart: float


@dataclass(frozen=True)
class _Sums:
    """Sums over groups of edges: of votes, of their numbers, and of the squares of both."""

    group: npt.NDArray[np.int64]
    votes: Values
    number: Values
    votes_squared: Values
    number_squared: Values

    @classmethod
    def from_keys(cls, keys: npt.NDArray[np.int64], votes: Values, number: Values) -> _Sums:
        _, group = np.unique(keys, return_inverse=True)
        votes_squared, number_squared = votes**2, number**2

        def total(values: Values) -> Values:
            return np.bincount(group, values).astype(np.float64)

        return cls(group, total(votes), total(number), total(votes_squared), total(number_squared))

    def cross_products(self) -> tuple[Values, Values]:
        """Per group: the sum of products of votes of two different edges, and their number."""
        return self.votes**2 - self.votes_squared, self.number**2 - self.number_squared


@dataclass(frozen=True)
class DirectionVotes:
    """Direction votes of edges between products of different types.

    Attributes:
        own: (m,) sum of the votes of each edge, and
        number: (m,) how many they are, at least one.
        same_types: sums over edges from one type to another,
        from_product: from one product to a type,
        to_product: from a type to one product.
    """

    own: Values
    number: Values
    same_types: _Sums
    from_product: _Sums
    to_product: _Sums

    @classmethod
    def from_edges(
        cls, u: Rows, v: Rows, types: Rows, forward: Values, backward: Values
    ) -> DirectionVotes:
        """From (m,) edges u -> v and how often either came first; `types` as in the graph."""
        own, number = forward - backward, forward + backward
        n, source_types, target_types = (
            len(types),
            types[u].astype(np.int64),
            types[v].astype(np.int64),
        )
        keys = source_types * n + target_types, target_types * n + u, source_types * n + v
        return cls(own, number, *(_Sums.from_keys(key, own, number) for key in keys))

    def predict(self) -> tuple[Values, Values]:
        """Predict the votes of each edge from its types, without its own contexts.

        Returns:
            (m,) expected vote, in [-1, 1]; (m,) variance of the prediction.
        """
        rho = self.correlations()
        place = self.same_types.group
        # of the same types without either product: integers, so that sums are exact
        votes = self.own + self.same_types.votes[place]
        number = self.number + self.same_types.number[place]
        for sums in (self.from_product, self.to_product):
            votes = votes - sums.votes[sums.group]
            number = number - sums.number[sums.group]
        variance = self._inflation(rho)[place] + rho.apart * np.maximum(number - 1, 0)
        credibility = rho.apart * number / variance
        return credibility * votes / np.maximum(number, 1), rho.own - rho.apart * credibility

    def correlations(self) -> VoteCorrelations:
        """Estimate by moments; a group weighs by its number of votes, not by its square."""
        repeated, types = self.number > 1, self.same_types
        votes, number = self.own[repeated], self.number[repeated]
        own = _ratio((votes**2 - number) / number, number - 1)
        shared = [sums.cross_products() for sums in (self.from_product, self.to_product)]
        counts = np.concatenate([self.from_product.number, self.to_product.number])
        sharing = _ratio(*(np.concatenate(parts) / counts for parts in zip(*shared, strict=True)))
        votes, number = (
            total_of - shared_of
            for total_of, shared_of in zip(types.cross_products(), self._shared(), strict=True)
        )
        apart = _ratio(votes / types.number, number / types.number)
        # the closer two votes are, the higher their correlation
        apart = min(apart, own)
        return VoteCorrelations(own, float(np.clip(sharing, apart, own)), apart)

    def _shared(self) -> tuple[Values, Values]:
        """`cross_products` of edges that share a product, summed over each pair of types."""
        votes = number = np.zeros(len(self.same_types.number))
        for sums in (self.from_product, self.to_product):
            types = np.zeros(len(sums.number), dtype=np.int64)
            types[sums.group] = self.same_types.group
            products, pairs = sums.cross_products()
            votes = votes + np.bincount(types, products, len(votes))
            number = number + np.bincount(types, pairs, len(number))
        return votes, number

    def _inflation(self, rho: VoteCorrelations) -> Values:
        """How much the votes of close edges add to the variance of a sum over the same types."""
        types, (_, shared) = self.same_types, self._shared()
        near = (rho.own - rho.apart) * (types.number_squared - types.number)
        near += (rho.sharing - rho.apart) * shared
        return np.asarray(1 + near / types.number)


def _ratio(votes: Values, number: Values) -> float:
    """A correlation: the mean product of votes, in [0, 1]; 0 for no votes."""
    total = float(number.sum())
    return float(np.clip(votes.sum() / total, 0, 1)) if total > 0 else 0.0
