"""The words for what is generally known of a pair, always marked as knowledge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from goeswith.store.kind_relations import Knowledge

_PHRASES: Final = {
    "accessory": "an accessory for it",
    "consumable": "used up with it",
    "part": "a part for it",
    "power": "powers it",
    "protection": "protects it",
    "storage": "stores or carries it",
    "care": "cares for it",
    "installation": "needed to install it",
    "ingredient": "an ingredient to use with it",
    "served_with": "served with it",
    "set_piece": "a piece of the same set",
    "outfit": "worn with it",
    "occasion": "for the same occasion",
    "gift_wrap": "wraps it as a gift",
}


def knowledge_text(knowledge: Knowledge) -> str:
    """A sentence, such as: General knowledge: served with it."""
    return f"General knowledge: {_PHRASES[knowledge.reason]}."
