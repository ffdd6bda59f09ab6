"""Rows of a table of products that are no products."""

from __future__ import annotations

import polars as pl
import pytest

from goeswith.data.config import DataConfig, IgnoreConfig
from goeswith.data.dataset import Dataset
from goeswith.data.mapping.placeholders import is_clearly_non_product, is_non_product

LINES = [
    "DOTCOM POSTAGE",
    "POSTAGE",
    "Carriage",
    "Next Day Carriage",
    "PACKING CHARGE",
    "AMAZON FEE",
    "Bank Charges",
    "CRUK Commission",
    "Manual",
    "Discount",
    "Adjust bad debt",
    "Adjustment by Peter on Jun 25 2010",
    "SAMPLES",
    "This is a test product.",
    "Gift Card",
    "gift wrapping",
    "Dotcomgiftshop Gift Voucher £10.00",
    "Gutschein 50 €",
    "Bottle deposit",
    "Pfand 0,25 €",
    "Express shipping fee",
    "DPD Versand",
    "Frais d'expédition",
    "10% off",
]
PRODUCTS = [
    "Baby carriage",
    "French carriage lantern",
    "Black baroque carriage clock",
    "Spaceboy gift wrap",
    "Set of three vintage gift wraps",
    "Gift card holder",
    "Thank you gift cards, pack of 12",
    "Vintage postage stamps",
    "Owner's manual",
    "Manual can opener",
    "Adjustable lamp",
    "Sample set of teas",
    "Shipping box 30 x 20",
    "Money bank, ceramic heart",
    "Bank account greeting card",
    "Phone charger",
    "Shopping bags",
    "Deposit box",
    "Birthday card £2",
    "Delivery van, toy",
]


@pytest.mark.parametrize("title", LINES)
def test_lines_of_an_order_are_no_products(title: str) -> None:
    assert pl.select(is_clearly_non_product(pl.lit(title))).item()


@pytest.mark.parametrize("title", PRODUCTS)
def test_products_are_products(title: str) -> None:
    assert not pl.select(is_non_product(pl.lit(title))).item()


def test_a_word_that_a_catalogue_may_mean_as_a_product_is_a_line_of_orders_alone() -> None:
    assert pl.select(is_non_product(pl.lit("Tips"))).item()
    assert not pl.select(is_clearly_non_product(pl.lit("Tips"))).item()


def shop(titles: list[str], **ignore: object) -> Dataset:
    """A shop whose products p0, p1, ... have these titles; each basket holds all of them."""
    ids = [f"p{i}" for i in range(len(titles))]
    events = pl.DataFrame({"basket_id": ["a"] * len(ids) + ["b"] * len(ids), "product_id": ids * 2})
    products = pl.DataFrame({"product_id": ids, "title": titles})
    settings = DataConfig(ignore=IgnoreConfig.model_validate(ignore))
    return Dataset.from_frames(events, products, settings=settings)


def test_a_table_of_products_loses_them_with_their_events_and_the_load_says_so() -> None:
    data = shop(["Mug", "DOTCOM POSTAGE", "Plate", "Amazon fee"])
    assert data.catalog.ids.to_list() == ["p0", "p2"]
    assert data.events is not None
    assert data.events["product"].to_list() == [0, 1, 0, 1]
    (note,) = data.report.notes
    assert "2 rows left out" in note
    assert "'DOTCOM POSTAGE', 'Amazon fee'" in note
    assert "non_products = false under [data.ignore]" in note
    counts = data.quarantine.counts()
    assert counts["expected"].all()
    assert counts["rows"].sum() == 2 + 4


def test_they_stay_where_a_shop_says_so() -> None:
    data = shop(["Mug", "DOTCOM POSTAGE", "Plate"], non_products=False)
    assert len(data.catalog) == 3
    assert not data.report.notes


def test_a_shop_of_gift_cards_sells_gift_cards() -> None:
    data = shop(["Mug"] * 100 + [f"Gift card £{amount}" for amount in range(25)])
    assert len(data.catalog) == 125
    assert "count as products, because they are more than 5%" in data.report.notes[0]


def test_what_a_shop_leaves_out_is_not_in_the_catalogue_either() -> None:
    data = shop(["Mug", "Brochure 2024", "Plate"], products=["brochure*"])
    assert data.catalog.ids.to_list() == ["p0", "p2"]
    assert data.events is not None
    assert data.events.height == 4
    assert data.quarantine.counts()["reason"].unique().to_list() == [
        "the product is left out by [data.ignore]"
    ]
