"""What the shopper of a request bought: posted with the request, or stored in the bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from goeswith.core.errors import ConfigError

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows
    from goeswith.query.context import QueryContext

MAX_HISTORY: Final = 500
"""Products of a posted history."""


@dataclass(frozen=True)
class OwnPurchases:
    """What a shopper bought.

    Attributes:
        rows: (h,) distinct products.
        source: `history` of the request, or `user` of the bundle.
        known: whether there is any purchase to go by.
        unknown: ids of the history that the bundle does not have.
    """

    rows: Rows
    source: Literal["history", "user"]
    known: bool
    unknown: int = 0

    @classmethod
    def from_request(
        cls, bundle: QueryContext, history: Sequence[str] | None, user: str | None
    ) -> OwnPurchases:
        """The purchases that a request gives or refers to.

        Raises:
            ConfigError: there are both, none, or too many; or the bundle has no histories.
        """
        if (history is None) == (user is None):
            raise ConfigError("pass either the history of a shopper or a user id")
        if user is not None:
            return cls._stored(bundle, user)
        ids = list(dict.fromkeys(history or ()))
        if len(ids) > MAX_HISTORY:
            raise ConfigError(
                f"a history holds up to {MAX_HISTORY} products, {len(ids):,} were given; give the "
                "latest ones"
            )
        rows = [row for row in map(bundle.products.find, ids) if row is not None]
        return cls(
            np.array(rows, dtype=np.int32), "history", bool(rows), unknown=len(ids) - len(rows)
        )

    @classmethod
    def _stored(cls, bundle: QueryContext, user: str) -> OwnPurchases:
        if not bundle.online:
            raise ConfigError(
                "histories of shoppers are not loaded here; set serve.live = true, or post the "
                "history with the request"
            )
        store = bundle.shopper_reader.store
        row = store.find(user)
        if row is None:
            return cls(np.empty(0, dtype=np.int32), "user", known=False)
        own = store.histories.take(np.array([row])).counts.indices.astype(np.int32)
        return cls(own, "user", known=bool(len(own)))
