"""Sentences about what a shopper bought, from counts alone."""

from __future__ import annotations


def again_text(times: int, baskets: int, interval: float | None, ago: float | None) -> str:
    """Why a product that a shopper bought before may be in the next basket.

    Args:
        times: baskets of the shopper with the product.
        baskets: of the shopper.
        interval: mean days between them; None if there is one, or without times.
        ago: days since the last one; None without times.

    >>> again_text(4, 9, 12.2, 15.0)
    'Bought in 4 of 9 baskets, every 12 days, last 15 days ago.'
    """
    parts = [f"Bought in {times:,} of {baskets:,} {'basket' if baskets == 1 else 'baskets'}"]
    if interval is not None and interval >= 0.5:
        parts.append("every day" if interval < 1.5 else f"every {interval:,.0f} days")
    if ago is not None:
        parts.append(_ago(ago))
    return ", ".join(parts) + "."


def new_text(shoppers: int, beside: tuple[str, int] | None) -> str:
    """Why a product that a shopper never bought is proposed.

    Args:
        shoppers: of all, those who bought it.
        beside: display name of the product of hers that it is most often bought with, and the
            baskets with both; None if there is none.

    >>> new_text(41, ("Coffee", 12))
    'New for this shopper: 41 shoppers bought it, in 12 baskets together with Coffee.'
    """
    who = f"{shoppers:,} {'shopper' if shoppers == 1 else 'shoppers'} bought it"
    if beside is None:
        return f"New for this shopper: {who}."
    name, count = beside
    baskets = "1 basket" if count == 1 else f"{count:,} baskets"
    return f"New for this shopper: {who}, in {baskets} together with {name}."


def _ago(days: float) -> str:
    count = round(days)
    if count < 1:
        return "last today"
    return "last yesterday" if count == 1 else f"last {count:,} days ago"
