"""What is said about a list for one shopper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LeftOut:
    """A product that the shopper bought, and that would be shown otherwise."""

    product_id: str
    reason: str


@dataclass(frozen=True)
class Personalization:
    """How a list was made for one shopper.

    Attributes:
        source: `history` of the request, or `user` of the bundle.
        known: whether there is any purchase to go by; if not, the list is that for all.
        products: distinct products that she bought.
        unknown: ids of the history that the bundle does not have; they are ignored.
        similar_shoppers: whether the bundle has histories that hers was compared with.
        left_out: products that she bought and that would be among the first k.
    """

    source: Literal["history", "user"]
    known: bool
    products: int
    unknown: int
    similar_shoppers: bool
    left_out: list[LeftOut]
