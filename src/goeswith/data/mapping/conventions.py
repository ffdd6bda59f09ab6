"""How a shop writes its events, as the events of a fit show it and those of a day may not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Conventions:
    """What was recognised in events; an update reads its file in the same way.

    Attributes:
        date_order: order of day, month and year in text (dmy, mdy, ymd); None if none shows it.
        order_columns: columns that stand on the first line of an order only.
        unique_ids: basket or session column -> what makes its values unique: `user`, `place`,
            `time`.
        guests: user ids that stand for many people.
    """

    date_order: str | None = None
    order_columns: list[str] = field(default_factory=list)
    unique_ids: dict[str, list[str]] = field(default_factory=dict)
    guests: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Conventions:
        """Those of `dataclasses.asdict`; without fields that this version does not have."""
        names = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in names})
