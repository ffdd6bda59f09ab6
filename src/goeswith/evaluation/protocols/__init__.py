"""The protocols, by name. Each makes the cases that a model is fitted on and measured by."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final, Protocol

from goeswith.core.errors import ConfigError
from goeswith.evaluation.protocols import cold_start_protocol as cold
from goeswith.evaluation.protocols import held_out_edges as warm
from goeswith.evaluation.protocols import human_bundles as gold
from goeswith.evaluation.protocols import next_product
from goeswith.evaluation.protocols import time_split as over_time
from goeswith.evaluation.protocols.case import AnyCase, Ground
from goeswith.models import MODELS
from goeswith.models.registry import Registry
from goeswith.sequential import SESSION_MODELS


class MakeCases(Protocol):
    """What a protocol is: a function from data and a seed to cases (several for folds)."""

    def __call__(self, ground: Ground, seed: int) -> Iterator[AnyCase[Any]]:
        """Make the cases; each is checked for leaks before it is handed out."""


PROTOCOLS: Final[dict[str, MakeCases]] = {
    "edges": warm.edges,
    "cold": cold.cold,
    "direction": warm.direction,
    "time": over_time.over_time,
    "gold": gold.gold,
    "leave_one_out": next_product.leave_one_out,
    "given": next_product.given,
    "sessions": next_product.sessions,
}

NEXT_PRODUCT: Final = frozenset({"leave_one_out", "given", "sessions"})
"""Protocols that ask for the next product of a session, of the models of `goeswith.sequential`."""

FIRST_METRIC: Final = {"direction": "direction_accuracy", "gold": "auc"}
"""The metric that models are compared by, where it is not ndcg@10."""

UNSEEDED: Final = frozenset({"time", "leave_one_out", "given"})
"""Protocols whose split is the same for every seed."""


def protocol(name: str) -> MakeCases:
    """A protocol by name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in PROTOCOLS:
        near = get_close_matches(name, PROTOCOLS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ConfigError(f"there is no protocol {name!r}{hint} Protocols: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def models_for(name: str) -> Registry[Any]:
    """The models that a protocol asks."""
    return SESSION_MODELS if name in NEXT_PRODUCT else MODELS
