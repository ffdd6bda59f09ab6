"""What mining counted, and what it left out."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class MinedRelation:
    """The counts behind one relation.

    Attributes:
        relation: its name.
        contexts_are: what has one vote for a pair: baskets, sessions or users.
        contexts: how many took part.
        giants: how many more were left out for their size (see `MiningConfig.max_basket`).
        capped: times that a product stood in a context and was not counted, for its user had
            enough others with it (see `MiningConfig.per_user_cap`).
        unplaced: events that belong to no context, for want of an id or a time.
        pairs: distinct pairs seen, unordered where the relation is symmetric.
        least: in how many contexts a pair must have been seen to become an edge.
        below_support: how many of those were seen too rarely to become an edge.
        edges: directed edges.
        order_known: whether any context tells which product came first.
    """

    relation: str
    contexts_are: str
    contexts: int
    giants: int
    capped: int
    unplaced: int
    pairs: int
    least: int
    below_support: int
    edges: int
    order_known: bool


@dataclass
class MiningReport:
    """What `mine` fills in: one entry a relation, and notes on what the data did not allow."""

    relations: list[MinedRelation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
