"""The evaluation protocols, by name. Each makes the cases to fit and measure models on."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final, Protocol

from goeswith.core.errors import ConfigError
from goeswith.data.dataset import Dataset
from goeswith.evaluation.protocols import (
    basket_protocol,
    cold_start_protocol,
    held_out_edges,
    human_bundles,
    judged_protocol,
    next_basket,
    next_product,
    time_protocol,
)
from goeswith.evaluation.protocols.case import BenchmarkCase, BenchmarkData
from goeswith.models import MODELS
from goeswith.models.registry import Registry
from goeswith.sequential import SESSION_MODELS
from goeswith.shoppers import SHOPPER_MODELS


class MakeCases(Protocol):
    """A protocol: a function from data and a seed to cases (several for folds)."""

    def __call__(self, data: BenchmarkData, seed: int) -> Iterator[BenchmarkCase[Any]]:
        """Make the cases, with a leak check of each."""


PROTOCOLS: Final[dict[str, MakeCases]] = {
    "edges": held_out_edges.edges,
    "cold": cold_start_protocol.cold,
    "direction": held_out_edges.direction,
    "time": time_protocol.time_protocol,
    "basket": basket_protocol.basket_protocol,
    "judged": judged_protocol.judged,
    "gold": human_bundles.gold,
    "leave_one_out": next_product.leave_one_out,
    "given": next_product.predefined_test,
    "sessions": next_product.sessions,
    "next_basket": next_basket.next_basket,
}

NEXT_PRODUCT: Final = frozenset({"leave_one_out", "given", "sessions"})
"""Protocols of the next product of a session, for the models of `goeswith.sequential`."""

NEXT_BASKET: Final = "next_basket"
"""The protocol of the next basket of a shopper, for the models of `goeswith.shoppers`."""

OF_PEOPLE: Final = NEXT_PRODUCT | {NEXT_BASKET}
"""Protocols whose models do not recommend complements."""

MAIN_METRIC: Final = {
    "direction": "direction_accuracy",
    "gold": "auc",
    "basket": "attach@10",
    "judged": "complements@5",
}
"""The metric of the bootstrap, if it is not ndcg@10."""

UNSEEDED: Final = frozenset({"time", "judged", "leave_one_out", "given", NEXT_BASKET})
"""Protocols whose split is the same for every seed."""


def protocol(name: str) -> MakeCases:
    """A protocol by name.

    Raises:
        ConfigError: there is no such protocol.
    """
    if name not in PROTOCOLS:
        near = get_close_matches(name, PROTOCOLS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ConfigError(f"there is no protocol {name!r}{hint} Protocols: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def models_for(name: str) -> Registry[Any]:
    """The models of a protocol."""
    if name == NEXT_BASKET:
        return SHOPPER_MODELS
    return SESSION_MODELS if name in NEXT_PRODUCT else MODELS


def default_protocol(dataset: Dataset) -> str:
    """Basket for events with purchases, else edges."""
    events = dataset.events
    if events is None or dataset.relations is not None:
        return "edges"
    has_purchases = "event" not in events.columns or (events["event"] == "purchase").any()
    return "basket" if has_purchases else "edges"
