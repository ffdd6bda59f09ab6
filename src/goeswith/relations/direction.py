"""Which edges run against the order in which their products are bought.

A case goes with a phone, not a phone with a case: who buys both buys the phone first. Most pairs
are seen three to five times, too few to say so of one pair. Other pairs of the same two types say
it with them: their order is the prior of a pair's own, as empirical Bayes has it.

Every ordered context of an edge is a vote, +1 where the source came first, else -1. Two votes of
one edge correlate by `own`; of two edges of the same types that share a product by `sharing`; of
two that share none by `apart`. All three are estimated from the graph itself, and are near 0 where
order says nothing. What other edges of the same types say of one is the best linear prediction
(the credibility of Buehlmann and Straub, 1970) from those that share neither product with it:
whoever buys a phone and then three cases votes for three edges at once, which is one opinion.
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
"""One-sided level of the test of a pair's own order, and of what is believed with its types."""
_LEAN: Final = 1 / 3
"""How far the types must lean: two contexts of three. With contexts enough any lean is certain, and
51 of 100 are no reason to hide an answer."""


def against_the_order(edges: Relation, types: Rows | None = None) -> Mask:
    """Which edges go because their target is bought first; never both directions of a pair.

    By a pair's own contexts where those are enough: an exact sign test, never sure of less than six
    (an approximate interval already would be of four). Else by the order of its types, where that
    and its own order lean the same way and are enough together.

    Args:
        edges: both directions of each pair; of one whose order is unknown neither goes.
        types: (n,) type of each product, -1 for none; None leaves each pair to itself.

    Returns:
        (nnz,) aligned with `edges`.
    """
    if edges.source_first is None or not len(edges):
        return np.zeros(len(edges), dtype=bool)
    first = edges.count.copy()
    first.data = edges.source_first.astype(np.float32)
    forward = edges.source_first.astype(np.float64)
    backward = np.asarray(first[edges.targets, edges.sources], dtype=np.float64).ravel()
    against = _outnumbered(forward, backward)
    if types is None:
        return against
    of, to = types[edges.sources], types[edges.targets]
    typed = np.flatnonzero((of >= 0) & (to >= 0) & (of != to) & (forward + backward > 0))
    if len(typed):
        forward, backward = forward[typed], backward[typed]
        votes = Votes.of(edges.sources[typed], edges.targets[typed], types, forward, backward)
        against[typed] |= _with_types(votes, forward, backward)
    return against


def _outnumbered(forward: Values, backward: Values) -> Mask:
    """Whether `forward` is significantly less than half of both, by the exact sign test."""
    # P(X >= backward) of a binomial with even odds, as an incomplete beta function
    chance = special.betainc(np.maximum(backward, 1), forward + 1, 0.5)
    return np.asarray((backward > 0) & (chance < _SIGNIFICANT))


def _with_types(votes: Votes, forward: Values, backward: Values) -> Mask:
    """Where the types, with what an edge itself was seen, say that its target comes first."""
    lean, left = votes.lean()
    against = (lean <= -_LEAN) & (backward > forward)
    first, second = prior(lean[against], left[against])
    chance = special.betaincc(first + forward[against], second + backward[against], 0.5)
    against[against] = chance < _SIGNIFICANT
    return np.asarray(against)


def prior(lean: Values, left: Values) -> tuple[Values, Values]:
    """The beta distribution of how often the source comes first, by what `Votes.lean` says.

    Returns:
        both parameters; an edge's own contexts, of either order, are added to them.
    """
    strength = np.maximum((1 - lean**2) / np.maximum(left, 1e-6) - 1, 1e-3)
    return strength * (1 + lean) / 2, strength * (1 - lean) / 2


@dataclass(frozen=True)
class Correlations:
    """Of votes: within an edge, of edges of the same types that share a product, of others."""

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
    def of(cls, keys: npt.NDArray[np.int64], votes: Values, number: Values) -> _Sums:
        _, group = np.unique(keys, return_inverse=True)
        votes_squared, number_squared = votes**2, number**2

        def total(values: Values) -> Values:
            return np.bincount(group, values).astype(np.float64)

        return cls(group, total(votes), total(number), total(votes_squared), total(number_squared))

    def between(self) -> tuple[Values, Values]:
        """Of each group, over votes of two different edges: their products, and how many."""
        return self.votes**2 - self.votes_squared, self.number**2 - self.number_squared


@dataclass(frozen=True)
class Votes:
    """Votes of edges between products of different types.

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
    def of(cls, u: Rows, v: Rows, types: Rows, forward: Values, backward: Values) -> Votes:
        """Of (m,) edges u -> v, from how often either came first; `types` as in the graph."""
        own, number = forward - backward, forward + backward
        n, of, to = len(types), types[u].astype(np.int64), types[v].astype(np.int64)
        keys = of * n + to, to * n + u, of * n + v
        return cls(own, number, *(_Sums.of(key, own, number) for key in keys))

    def lean(self) -> tuple[Values, Values]:
        """What the types say of each edge before its own contexts are asked.

        Returns:
            (m,) expected vote, in [-1, 1]; (m,) variance that this leaves.
        """
        rho = self.correlations()
        place = self.same_types.group
        # of the same types without either product: whole numbers, so that nothing is exactly 0
        votes = self.own + self.same_types.votes[place]
        number = self.number + self.same_types.number[place]
        for sums in (self.from_product, self.to_product):
            votes = votes - sums.votes[sums.group]
            number = number - sums.number[sums.group]
        variance = self._inflation(rho)[place] + rho.apart * np.maximum(number - 1, 0)
        credibility = rho.apart * number / variance
        return credibility * votes / np.maximum(number, 1), rho.own - rho.apart * credibility

    def correlations(self) -> Correlations:
        """By moments; a group weighs by its number of votes, and not by the square of it."""
        several, types = self.number > 1, self.same_types
        votes, number = self.own[several], self.number[several]
        own = _ratio((votes**2 - number) / number, number - 1)
        shared = [sums.between() for sums in (self.from_product, self.to_product)]
        counts = np.concatenate([self.from_product.number, self.to_product.number])
        sharing = _ratio(*(np.concatenate(parts) / counts for parts in zip(*shared, strict=True)))
        votes, number = (
            whole - part for whole, part in zip(types.between(), self._shared(), strict=True)
        )
        apart = _ratio(votes / types.number, number / types.number)
        # the nearer two votes are, the more they have in common
        apart = min(apart, own)
        return Correlations(own, float(np.clip(sharing, apart, own)), apart)

    def _shared(self) -> tuple[Values, Values]:
        """`between` of edges that share a product, summed over those of the same types."""
        votes = number = np.zeros(len(self.same_types.number))
        for sums in (self.from_product, self.to_product):
            types = np.zeros(len(sums.number), dtype=np.int64)
            types[sums.group] = self.same_types.group
            products, pairs = sums.between()
            votes = votes + np.bincount(types, products, len(votes))
            number = number + np.bincount(types, pairs, len(number))
        return votes, number

    def _inflation(self, rho: Correlations) -> Values:
        """How much the votes of near edges add to the variance of a sum over the same types."""
        types, (_, shared) = self.same_types, self._shared()
        near = (rho.own - rho.apart) * (types.number_squared - types.number)
        near += (rho.sharing - rho.apart) * shared
        return np.asarray(1 + near / types.number)


def _ratio(votes: Values, number: Values) -> float:
    """A correlation: products of votes, summed, over how many, in [0, 1]; 0 of none."""
    total = float(number.sum())
    return float(np.clip(votes.sum() / total, 0, 1)) if total > 0 else 0.0
