"""How much the contexts of one user, and those of long ago, may say."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self

from goeswith.core.errors import DataError
from goeswith.relations import expressions
from goeswith.relations.config import MiningConfig
from goeswith.relations.expressions import Table

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Votes:
    """What the votes of a log are worth.

    Attributes:
        per_user: contexts of one user in which a product counts, at most; "auto": as many as the
            median user has.
        half_life: microseconds; None where age does not matter.
        newest: microseconds since the epoch, of the newest event; 0 where age does not matter.
    """

    per_user: int | Literal["auto"]
    half_life: int | None = None
    newest: int = 0

    @classmethod
    def of(cls, events: Table, known: Set[str], config: MiningConfig) -> Self:
        """The votes of a log under a configuration.

        Args:
            events: as `mine_table` takes them.
            known: columns of it that hold a value.
            config: how votes are weighed.

        Raises:
            DataError: a half-life is set, and the events have no timestamps.
        """
        if config.half_life_days is None:
            return cls(config.per_user_cap)
        if "time" not in known:
            raise DataError(
                f"half_life_days = {config.half_life_days:g} needs events with a timestamp, which "
                "these do not have; add the column or leave half_life_days out"
            )
        half_life = timedelta(days=config.half_life_days) // _MICROSECOND
        return cls(config.per_user_cap, half_life, int(events.time.max().to_pyarrow().as_py()))

    def of_contexts(self, occurrences: Table, events: Table) -> Table:
        """Occurrences that count, with a weight where age matters.

        Args:
            occurrences: context, product and more.
            events: context, and where they are known user_id and time.
        """
        owned = expressions.owners(events)
        if "user_id" in owned.columns:
            cap = _contexts_of_median(owned) if self.per_user == "auto" else self.per_user
            occurrences = expressions.at_most_per_user(occurrences, owned, cap)
        if self.half_life is None:
            return occurrences
        return expressions.weighted_by_age(occurrences, owned, self.newest, self.half_life)

    def of_purchases(self, dated: Table) -> Table:
        """Like `of_contexts` where a user's whole history is one context, and so has one vote."""
        if self.half_life is None:
            return dated
        return expressions.purchases_by_age(dated, self.newest, self.half_life)


def _contexts_of_median(owned: Table) -> int:
    """How many contexts the median user has: the lower of the two where users are even."""
    counts = expressions.contexts_of_users(owned).to_pyarrow()["contexts"].to_pylist()
    return int(sorted(counts)[(len(counts) - 1) // 2]) if counts else 1
