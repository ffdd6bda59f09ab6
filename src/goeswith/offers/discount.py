"""Price, margin and suggested discount of a set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_STEPS: Final = ((0.3, 0.0), (0.1, 0.05), (0.0, 0.10))
"""(expected attach from which on, discount): who buys all anyway needs no discount."""


@dataclass(frozen=True)
class SetPrice:
    """What a set costs.

    Attributes:
        price: sum of the prices; None if one is unknown.
        discount: suggested, as a share of the price.
        offer_price: after the discount.
        margin: share of the offer price that is left after costs; None if a cost is unknown.
        break_even_attach: attach from which on the discount pays for itself, because baskets that
            would have held all products get it too; None as the margin.
    """

    price: float | None
    discount: float
    offer_price: float | None
    margin: float | None
    break_even_attach: float | None


def set_price(
    prices: list[float | None],
    costs: list[float | None] | None,
    attach: float,
    min_margin: float | None,
) -> SetPrice | None:
    """The price of a set with a suggested discount; None if no discount keeps the margin.

    The discount is 10 % below an attach of 0.1, 5 % below 0.3, and none above; less where the
    margin would fall below the minimum.
    """
    discount = next(share for start, share in _STEPS if attach >= start)
    known = [price for price in prices if price is not None]
    if len(known) < len(prices):
        return None if min_margin is not None else SetPrice(None, discount, None, None, None)
    price = sum(known)
    cost = None
    if costs is not None and None not in costs:
        cost = sum(one for one in costs if one is not None)
    if cost is None:
        if min_margin is not None:
            return None
        return SetPrice(price, discount, price * (1 - discount), None, None)
    while True:
        offer = price * (1 - discount)
        margin = (offer - cost) / offer if offer else 0.0
        if min_margin is None or margin >= min_margin:
            break
        if discount == 0.0:
            return None
        discount = round(discount - 0.05, 2)
    left = offer - cost
    needed = attach * (price - cost) / left if left > 0 else None
    return SetPrice(price, discount, offer, margin, needed)
