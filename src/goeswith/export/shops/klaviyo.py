"""Klaviyo: metadata of catalogue items, for templates of e-mails.

Each line is the body of one request that creates a catalog-item-bulk-update-job of at most 100
items. Metadata are flat: `goes_with_1` is the best complement.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from goeswith.export.shops.shop_format import ProductList, ShopFormat, in_batches

MAX_ITEMS: Final = 100
"""Items of one job."""


def _problem(product_id: str) -> str | None:
    if len(product_id) <= 200 and product_id.isprintable():
        return None
    return "Klaviyo's ids have at most 200 printable characters"


def _item(item: ProductList, k: int) -> dict[str, Any]:
    complements = [*item.complements, *[""] * (k - len(item.complements))]
    metadata = {f"goes_with_{rank}": target for rank, target in enumerate(complements, start=1)}
    return {
        "type": "catalog-item",
        "id": f"$custom:::$default:::{item.product_id}",
        "attributes": {"custom_metadata": metadata},
    }


def _text(lists: Iterable[ProductList], k: int) -> Iterator[str]:
    for items in in_batches(lists, MAX_ITEMS):
        data = {
            "type": "catalog-item-bulk-update-job",
            "attributes": {"items": {"data": [_item(item, k) for item in items]}},
        }
        yield json.dumps({"data": data}, ensure_ascii=False) + "\n"


KLAVIYO: Final = ShopFormat("klaviyo", 20, _problem, _text)
