"""A shop's own types, and the kinds of all their products."""

from __future__ import annotations

import csv
import warnings
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.kinds.catalog_kinds import tag_catalog
from goeswith.kinds.shop_map import (
    apply_map,
    map_text,
    propose_map,
    read_map,
    types_of,
    with_shop_kinds,
)

PRODUCTS = [
    ("a", "Red teapot", "Pots"),
    ("b", "Blue teapot", "Pots"),
    ("c", "Dagamed", "Pots"),
    ("d", "Frying pan", "Mixed"),
    ("e", "Doormat", "Mixed"),
    ("f", "Dagamed two", None),
]


@pytest.fixture
def shop() -> Catalog:
    return Catalog(pl.DataFrame(PRODUCTS, schema=["product_id", "title", "type"], orient="row"))


def test_a_type_has_the_kind_that_nearly_all_its_products_have(shop: Catalog) -> None:
    pots, mixed = propose_map(shop, tag_catalog(shop))
    assert (pots.type, pots.products, pots.share) == ("Pots", 3, pytest.approx(2 / 3, abs=1e-3))
    assert pots.kind == ""  # a person has to say so
    assert pots.others == ("teapot 67%",)
    assert mixed.kind == ""
    assert set(mixed.others) == {"frying_pan 50%", "doormat 50%"}
    assert mixed.examples == ("Frying pan", "Doormat")
    (only,) = propose_map(Catalog(shop.frame.head(2)), tag_catalog(Catalog(shop.frame.head(2))))
    assert (only.kind, only.share) == ("teapot", 1.0)


def test_a_map_wins_over_the_tagger(shop: Catalog) -> None:
    mapped = apply_map(shop, {"Pots": "saucepan", "Mixed": "none"})
    tags = tag_catalog(mapped)
    assert [tag.kind for tag in tags] == ["saucepan"] * 3 + [None] * 3
    assert [tag.source for tag in tags[:5]] == ["shop"] * 5
    # what it does not map stays with the tagger
    tags = tag_catalog(apply_map(shop, {"Pots": "saucepan"}))
    assert [tag.kind for tag in tags[3:5]] == ["frying_pan", "doormat"]


def test_a_column_of_another_meaning_is_left_to_the_tagger(shop: Catalog) -> None:
    other = Catalog(shop.frame.with_columns(kind=pl.lit("new")))
    assert tag_catalog(other) == tag_catalog(shop)


def test_a_written_map_is_read_after_an_edit(shop: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "kinds.csv"
    file.write_text(map_text(propose_map(shop, tag_catalog(shop))), encoding="utf-8")
    assert read_map(file) == {}
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [row["type"] for row in rows] == ["Pots", "Mixed"]
    rows[0]["kind"] = "Tea pot"  # a name is good enough
    with file.open("w", encoding="utf-8-sig") as out:  # as spreadsheets write it
        writer = csv.DictWriter(out, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    assert read_map(file) == {"Pots": "teapot"}


def test_categories_stand_for_types() -> None:
    shop = Catalog(pl.DataFrame({"product_id": ["a", "b"], "categories": [["Home", "Pots"], []]}))
    assert types_of(shop) == ["Pots", None]
    with pytest.raises(DataError, match="add a column `type`"):
        propose_map(Catalog(pl.DataFrame({"product_id": ["a"]})), [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type,products\nPots,3\n", "kinds.csv:1: there is no column kind"),
        (
            "type,kind\nPots,teapto\n",
            r"kinds.csv:2: there is no kind 'teapto'; did you mean teapot",
        ),
        ("type,kind\nPots,tea_coffee_ware\n", "kinds.csv:2: 'tea_coffee_ware' is a group"),
        ("type,kind\nPots," + "x" * 200_000 + "\n", "kinds.csv:2: cannot be read: field larger"),
        ("type,kind\nPots,mug\nPots,teapot\n", "kinds.csv:3: the type 'Pots' has the kinds"),
    ],
)
def test_a_map_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "kinds.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_map(tmp_path / "kinds.csv")


def test_the_setting_wins_over_the_file_in_the_folder(shop: Catalog, tmp_path: Path) -> None:
    data = Dataset.from_frames(events=pl.DataFrame({"product_id": ["a"], "basket_id": [1]}))
    data = replace(data, catalog=shop)
    assert with_shop_kinds(data) is data
    (tmp_path / "kinds.csv").write_text("type,kind\nPots,saucepan\n", encoding="utf-8")
    data = replace(data, folder=tmp_path)
    assert tag_catalog(with_shop_kinds(data).catalog)[0].kind == "saucepan"
    (tmp_path / "mine.csv").write_text("type,kind\nPots,jug\n", encoding="utf-8")
    assert tag_catalog(with_shop_kinds(data, tmp_path / "mine.csv").catalog)[0].kind == "jug"
    with pytest.raises(DataError, match=r"absent\.csv: cannot be read"):
        with_shop_kinds(data, tmp_path / "absent.csv")


def test_types_of_no_product_are_named(shop: Catalog) -> None:
    with pytest.warns(UserWarning, match=r"1 of 2 types are those of no product, such as 'Pans'"):
        apply_map(shop, {"Pots": "teapot", "Pans": "frying_pan"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apply_map(shop, {"Pots": "teapot"})
