"""Google Merchant Center and Meta: feeds that add attributes to products of the main feed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from goeswith.export.shops.shop_csv import FORMULA, FORMULA_STARTS, csv_line
from goeswith.export.shops.shop_format import ProductList, ShopFormat

_GOOGLE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,50}")
_MAX_LABELS: Final = 5
_MAX_LABEL: Final = 100
"""Characters of a custom label, and of an id, in a catalogue of Meta."""


def _google_problem(product_id: str) -> str | None:
    if product_id.startswith(FORMULA_STARTS):
        return FORMULA
    if _GOOGLE_ID.fullmatch(product_id):
        return None
    return "Google's related products have ids of 1 to 50 letters, digits, _ and -"


def _google_text(lists: Iterable[ProductList], _: int) -> Iterator[str]:
    related = "related_product(relationship_type:identifier_type:identifier)"
    yield csv_line(["id", related], "\t")
    for product_id, complements in lists:
        values = ",".join(f"often_bought_with:id:{target}" for target in complements)
        yield csv_line([product_id, values], "\t")


def _meta_problem(product_id: str) -> str | None:
    if product_id.startswith(FORMULA_STARTS):
        return FORMULA
    if len(product_id) <= _MAX_LABEL and product_id.isprintable():
        return None
    return f"Meta's ids and labels have at most {_MAX_LABEL} printable characters"


def _meta_text(lists: Iterable[ProductList], k: int) -> Iterator[str]:
    yield csv_line(["id", *(f"custom_label_{place}" for place in range(k))])
    for product_id, complements in lists:
        yield csv_line([product_id, *complements, *[""] * (k - len(complements))])


GOOGLE: Final = ShopFormat("google", 30, _google_problem, _google_text, only_bought_together=True)
META: Final = ShopFormat("meta", _MAX_LABELS, _meta_problem, _meta_text)
