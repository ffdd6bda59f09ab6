"""The report of mining: contexts, pairs and edges of each relation."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_OLD_KEYS: Final = {"giants": "oversized", "unplaced": "without_context"}
"""Former name -> name of entries in a manifest."""


@dataclass(frozen=True)
class MinedRelation:
    """The numbers of one mined relation.

    Attributes:
        relation: the name.
        contexts_are: the unit of contexts, each with one vote for a pair: baskets, sessions or
            users.
        contexts: number of counted contexts.
        oversized: number of contexts excluded for their size (see `MiningConfig.max_basket`).
        capped: occurrences of products excluded by the cap a user (`MiningConfig.per_user_cap`).
        without_context: events without an id or a time, and so without a context.
        pairs: distinct pairs, unordered if the relation is symmetric.
        least: minimum support: contexts that a pair needs to become an edge.
        below_support: pairs below the minimum support.
        edges: directed edges.
        order_known: whether any context has an order.
    """

    relation: str
    contexts_are: str
    contexts: int
    oversized: int
    capped: int
    without_context: int
    pairs: int
    least: int
    below_support: int
    edges: int
    order_known: bool


@dataclass
class MiningReport:
    """Filled in by `mine`: one entry a relation, and notes on limits of the data."""

    relations: list[MinedRelation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_mined_relations(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The mined relations of a manifest, with former names replaced.

    Former names are read for one more version, with a FutureWarning.
    """
    mined = [dict(entry) for entry in entries]
    for entry in mined:
        for old, new in _OLD_KEYS.items():
            if old in entry:
                warnings.warn(
                    f"the manifest key mined.{old} is now mined.{new}; fit the bundle again",
                    FutureWarning,
                    stacklevel=2,
                )
                entry[new] = entry.pop(old)
    return mined
