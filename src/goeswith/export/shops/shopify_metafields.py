"""Shopify: complementary products, as requests to the GraphQL Admin API.

Each line is one request: the mutation `metafieldsSet` with at most 25 metafields. The app Search &
Discovery and the themes read the metafield `complementary_products`, a list of product references.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from goeswith.export.shops.shop_format import ProductList, ShopFormat, in_batches

NAMESPACE: Final = "shopify--discovery--product_recommendation"
KEY: Final = "complementary_products"
MAX_METAFIELDS: Final = 25
"""Metafields of one mutation."""
_ID: Final = re.compile(r"(?:gid://shopify/Product/)?([1-9][0-9]{0,19})")
_MUTATION: Final = (
    "mutation SetComplementaryProducts($metafields: [MetafieldsSetInput!]!) { "
    "metafieldsSet(metafields: $metafields) { "
    "metafields { id } userErrors { field message code } } }"
)


def _problem(product_id: str) -> str | None:
    if _ID.fullmatch(product_id):
        return None
    return "not a Shopify product id (a number, or gid://shopify/Product/NUMBER)"


def _global_id(product_id: str) -> str:
    return f"gid://shopify/Product/{product_id.rpartition('/')[2]}"


def _metafield(item: ProductList) -> dict[str, Any]:
    return {
        "ownerId": _global_id(item.product_id),
        "namespace": NAMESPACE,
        "key": KEY,
        "type": "list.product_reference",
        "value": json.dumps([_global_id(target) for target in item.complements]),
    }


def _text(lists: Iterable[ProductList], _: int) -> Iterator[str]:
    for items in in_batches(lists, MAX_METAFIELDS):
        variables = {"metafields": [_metafield(item) for item in items]}
        yield json.dumps({"query": _MUTATION, "variables": variables}) + "\n"


SHOPIFY: Final = ShopFormat("shopify", 10, _problem, _text)
