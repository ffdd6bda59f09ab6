"""WooCommerce and Magento: product CSV with the columns of linked products alone.

Both match products by SKU and separate SKUs by commas. Neither removes an apostrophe in front of a
formula, so that an id with which a spreadsheet would start a formula is left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from goeswith.export.shops.shop_format import ProductList, ShopFormat

FORMULA: Final = "a spreadsheet would compute it as a formula"
FORMULA_STARTS: Final = ("=", "+", "-", "@")
"""Of an id; a list that begins with -5 is no number."""
_MAGENTO_SKU: Final = 64
_MAGENTO_EMPTY: Final = "__EMPTY__VALUE__"
"""What Magento takes for: remove the value."""


def csv_line(fields: Sequence[str], separator: str = ",") -> str:
    """Fields as one line, quoted where they need it."""
    line = io.StringIO()
    csv.writer(line, delimiter=separator, lineterminator="\n").writerow(fields)
    return line.getvalue()


def _sku_problem(product_id: str) -> str | None:
    if product_id.startswith(FORMULA_STARTS):
        return FORMULA
    if product_id != product_id.strip() or not product_id.isprintable():
        return "it begins or ends with a space, or holds a character that is not printable"
    return None


def _woocommerce_problem(product_id: str) -> str | None:
    # PHP's `empty` holds for "0"; a backslash before a comma is an escape
    if product_id == "0" or "\\" in product_id:
        return "WooCommerce reads the id 0, and a backslash, as something else"
    return _sku_problem(product_id)


def _woocommerce_text(lists: Iterable[ProductList], _: int) -> Iterator[str]:
    yield csv_line(["SKU", "Cross-sells"])
    for product_id, complements in lists:
        cell = ", ".join(target.replace(",", "\\,") for target in complements)
        yield csv_line([product_id, cell])


def _magento_problem(product_id: str) -> str | None:
    if len(product_id) > _MAGENTO_SKU:
        return f"Magento's SKUs have at most {_MAGENTO_SKU} characters"
    if "," in product_id or product_id == _MAGENTO_EMPTY:
        return "Magento separates SKUs by commas"
    return _sku_problem(product_id)


def _magento_text(lists: Iterable[ProductList], _: int) -> Iterator[str]:
    yield csv_line(
        ["sku", "related_skus", "related_position", "crosssell_skus", "crosssell_position"]
    )
    for product_id, complements in lists:
        skus = ",".join(complements) or _MAGENTO_EMPTY
        positions = ",".join(str(place) for place in range(1, len(complements) + 1))
        yield csv_line([product_id, skus, positions, skus, positions])


WOOCOMMERCE: Final = ShopFormat("woocommerce", 100, _woocommerce_problem, _woocommerce_text)
MAGENTO: Final = ShopFormat("magento", 100, _magento_problem, _magento_text)
