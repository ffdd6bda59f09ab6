"""Recommendations in the file formats that shop systems and marketing platforms import."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from goeswith.export.shops.shop_format import ShopFormat

_MODULES: Final = {
    "shopify": "shopify_metafields",
    "woocommerce": "shop_csv",
    "magento": "shop_csv",
    "google": "supplemental_feeds",
    "meta": "supplemental_feeds",
    "klaviyo": "klaviyo",
}
SHOP_FORMATS: Final = tuple(_MODULES)
"""Names of the formats."""


def shop_format(name: str) -> ShopFormat:
    """The format of a name in `SHOP_FORMATS`."""
    module = import_module(f"goeswith.export.shops.{_MODULES[name]}")
    found: ShopFormat = getattr(module, name.upper())
    return found
