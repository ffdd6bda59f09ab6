"""Weights of contexts: a cap a user, and decay with age."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self

from goeswith.core.errors import DataError
from goeswith.relations import expressions
from goeswith.relations.config import MiningConfig
from goeswith.relations.engines import fetch
from goeswith.relations.expressions import Table

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class VoteWeights:
    """The weights of votes in a log.

    Attributes:
        per_user: maximum of contexts of one user in which a product counts; "auto": as many as the
            median user has.
        half_life: microseconds; None without decay.
        newest: microseconds since the epoch, of the newest event; 0 without decay.
    """

    per_user: int | Literal["auto"]
    half_life: int | None = None
    newest: int = 0

    @classmethod
    def from_log(cls, events: Table, columns: Set[str], config: MiningConfig) -> Self:
        """The weights of a log under a configuration.

        Args:
            events: as `mine_table` takes them.
            columns: its columns with a value.
            config: settings of mining.

        Raises:
            DataError: a half-life is set, and the events have no timestamps.
        """
        if config.half_life_days is None:
            return cls(config.per_user_cap)
        if "time" not in columns:
            raise DataError(
                f"half_life_days = {config.half_life_days:g} needs events with a timestamp, which "
                "these do not have; add the column or leave half_life_days out"
            )
        half_life = timedelta(days=config.half_life_days) // _MICROSECOND
        (newest,) = fetch(events.aggregate(time=events.time.max())).to_dicts()
        return cls(config.per_user_cap, half_life, int(newest["time"]))

    def weigh_contexts(
        self, occurrences: Table, events: Table, *, customers: bool = False
    ) -> Table:
        """The occurrences within the cap, with a weight if there is decay.

        Args:
            occurrences: context, product and more.
            events: context, and if present user_id and time.
            customers: whether to add `customer` if there are users.
        """
        owner_table = expressions.context_owners(events)
        if "user_id" in owner_table.columns:
            cap = _median_contexts(owner_table) if self.per_user == "auto" else self.per_user
            occurrences = expressions.cap_per_user(occurrences, owner_table, cap)
            if customers:
                occurrences = expressions.with_customers(occurrences, owner_table)
        if self.half_life is None:
            return occurrences
        return expressions.weighted_by_age(occurrences, owner_table, self.newest, self.half_life)

    def weigh_purchases(self, dated_events: Table) -> Table:
        """Like `weigh_contexts`, for a user's complete history as one context."""
        if self.half_life is None:
            return dated_events
        return expressions.purchases_by_age(dated_events, self.newest, self.half_life)


def _median_contexts(owner_table: Table) -> int:
    """Number of contexts of the median user: the lower of the two for an even number of users."""
    counts = fetch(expressions.contexts_of_users(owner_table))["contexts"].to_list()
    return int(sorted(counts)[(len(counts) - 1) // 2]) if counts else 1
