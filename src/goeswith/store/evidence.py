"""Evidence for a recommendation: what the log has of a pair, and how strong that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Basis: TypeAlias = Literal[
    "bought_together",
    "bought_before",
    "linked",
    "alike",
    "types",
    "popular",
    "model",
    "viewed_together",
    "attributes",
]
"""What an answer rests on, the strongest that the data have: bought together; the source bought
with the target in the other direction only; a product that links the two; a product of the
source's type bought with the target; their types bought together; the target bought often; or the
model alone. Of substitutes: viewed together as alternatives, or alike in attributes."""

Strength: TypeAlias = Literal["strong", "medium", "weak"]
"""How well the counts support a pair, see `Evidence.strength`."""
STRONG: Final = (3.0, 10, 5)
MEDIUM: Final = (1.5, 3, 2)
"""Minimum of the lower bound of the lift, of contexts and of customers for that strength."""

ContextUnit: TypeAlias = Literal["baskets", "sessions", "users"]
"""What a context of co-purchases is."""


@dataclass(frozen=True)
class Link:
    """A product between source and target.

    Attributes:
        with_source: contexts in which it was bought with the source; 0 where it is only of the
            source's type.
        with_target: contexts in which it was bought with the target.
    """

    product_id: str
    title: str | None
    type: str | None
    with_source: int
    with_target: int


@dataclass(frozen=True)
class TypePairCount:
    """How often products of two types were bought together."""

    source: str
    target: str
    bought_together: int


@dataclass(frozen=True)
class Evidence:
    """The evidence for a source and a target.

    Attributes:
        basis: see `Basis`; `link` and `types` are there where the answer rests on them.
        bought_together: contexts (baskets, sessions, users) with both products; 1 for a pair from
            a list without counts.
        source_first: contexts in which the source was bought strictly earlier; None if the order is
            not recorded.
        viewed_together: contexts in which the two were viewed as alternatives, in either order.
        confidence: share of the source's contexts with the target; this and the two below are None
            if the pair was never bought together or contexts are not recorded.
        lift: how many times as often as chance.
        pmi_lower: lower 95 % bound of the pointwise mutual information, nats.
        purchases: contexts that hold the target; for lists, the lists that name it.
        counted: whether the counts are of contexts; lists only state that there is an edge.
        unit: what the contexts of co-purchases are; None if the bundle does not record it.
        target_first: like `source_first`, of the target; all other contexts have no order.
        customers: distinct customers of the contexts with both products, each anonymous one being
            a customer of its own, and a customer of two updates two; None if they are unknown.
        strength: strong where the lower bound of the lift is at least 3 in 10 contexts of 5
            customers, medium where it is 1.5 in 3 contexts of 2, otherwise weak. None of lists
            without counts and of pairs that only their popularity or the model supports.

    Where old contexts count less, the counts of a pair are of contexts all the same; the measures
    and `purchases`, rounded, are of their weights.
    """

    basis: Basis
    bought_together: int
    source_first: int | None
    viewed_together: int
    confidence: float | None
    lift: float | None
    pmi_lower: float | None
    purchases: int
    counted: bool
    link: Link | None = None
    types: TypePairCount | None = None
    unit: ContextUnit | None = None
    target_first: int | None = None
    customers: int | None = None
    strength: Strength | None = None


def pair_strength(
    basis: str, contexts: int, customers: int | None, pmi_lower: float | None
) -> Strength | None:
    """See `Evidence.strength`; unknown customers are one for each context."""
    if basis in {"popular", "model"}:
        return None
    if pmi_lower is not None:
        lift, fewest = math.exp(pmi_lower), contexts if customers is None else customers
        if lift >= STRONG[0] and contexts >= STRONG[1] and fewest >= STRONG[2]:
            return "strong"
        if lift >= MEDIUM[0] and contexts >= MEDIUM[1] and fewest >= MEDIUM[2]:
            return "medium"
    return "weak"
