from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from goeswith.core.arrays import repeated_groups
from goeswith.data.catalog import Catalog
from goeswith.data.variants import find_variants, shop_groups, variant_codes


def groups(records):
    codes = variant_codes(Catalog.from_records(records)).tolist()
    return [None if c < 0 else [i for i, d in enumerate(codes) if d == c] for c in codes]


def test_products_of_one_variant_group_are_variants() -> None:
    rows = [
        {"product_id": f"p{i}", "variant_group": group}
        for i, group in enumerate(["a", "b", "a", ""])
    ]
    assert groups([*rows, {"product_id": "x", "variant_group": None}]) == [
        [0, 2],
        None,
        [0, 2],
        None,
        None,
    ]


def test_title_and_brand_alike_but_for_case_and_spaces_are_variants() -> None:
    rows = [
        {"product_id": "a", "title": "Steel  Pot", "brand": "Mu"},
        {"product_id": "b", "title": "steel pot ", "brand": "mu"},
        {"product_id": "c", "title": "steel pot", "brand": "Nu"},
        {"product_id": "d", "title": None, "brand": "Mu"},
        {"product_id": "e", "title": "", "brand": "Mu"},
    ]
    assert groups(rows) == [[0, 1], [0, 1], None, None, None]


def test_group_and_title_together_link_variants() -> None:
    rows = [
        {"product_id": "a", "title": "pot", "variant_group": "1"},
        {"product_id": "b", "title": "pan", "variant_group": "1"},
        {"product_id": "c", "title": "pan", "variant_group": None},
    ]
    assert groups(rows) == [[0, 1, 2]] * 3


def test_a_placeholder_that_everything_shares_makes_no_variants() -> None:
    frame = pl.DataFrame({"product_id": [f"p{i}" for i in range(1001)], "title": "Unknown"})
    assert (variant_codes(Catalog(frame)) == -1).all()


def test_a_catalogue_without_titles_has_no_variants() -> None:
    assert groups([{"product_id": "a"}, {"product_id": "b"}]) == [None, None]


def test_variants_of_a_new_product_share_its_group_or_its_title_and_brand() -> None:
    known = pl.DataFrame(
        [
            {"product_id": "a", "title": "Steel  Pot", "brand": "Mu", "variant_group": None},
            {"product_id": "b", "title": "steel pot", "brand": "Nu", "variant_group": None},
            {"product_id": "c", "title": "pan", "brand": None, "variant_group": "7"},
            {"product_id": "d", "title": None, "brand": "Mu", "variant_group": ""},
        ]
    )
    every = np.arange(4, dtype=np.int32)

    def variants(**attributes: str) -> list[int]:
        product = Catalog.from_records([{"product_id": "new", **attributes}])
        return find_variants(product, known, every).tolist()

    assert variants(title="steel pot ", brand="mu") == [0]
    assert variants(title="Pan") == [2]
    assert variants(title="Wok", variant_group="7") == [2]
    assert variants(title="steel pot", brand="nu", variant_group="7") == [1, 2]
    assert variants(title="", brand="Mu", variant_group="") == []
    assert (
        find_variants(
            Catalog.from_records([{"product_id": "new", "title": "Pan"}]), known, every[:2]
        ).tolist()
        == []
    )


BRIEF, BRA = ("aurora", "Lumi", "brief", None), ("aurora", "Lumi", "bra", None)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # a shared title of two types is the name of a collection
        ([BRA, BRIEF], [None, None]),
        ([BRA, ("Aurora ", "lumi", "Bra", None), BRIEF], [[0, 1], [0, 1], None]),
        ([BRA, BRIEF, ("aurora", "Lumi", None, None)], [None, None, None]),
        ([("aurora", None, "bra", None), ("aurora", None, "brief", None)], [None, None]),
        # one type is known: what has none may be of it
        ([BRA, ("aurora", "Lumi", None, None)], [[0, 1], [0, 1]]),
        # two groups of the shop are two products, whatever their titles
        ([("a b", "X", "bra", "1"), ("a b", "X", "bra", "2")], [None, None]),
        (
            [("a b", "X", "bra", "1"), ("a b", "X", "bra", "2"), ("a b", "X", "bra", None)],
            [None, None, None],
        ),
        ([("a", "X", "bra", "1"), ("b", "X", "brief", "1")], [[0, 1], [0, 1]]),
        # colour, size and pack, within a type and brand
        ([("Teacup pink 2", "X", "cup", None), ("Blue teacup 2", "X", "cup", None)], [[0, 1]] * 2),
        ([("Model 0 S", "X", "shirt", None), ("Model 0 XL", "X", "shirt", None)], [[0, 1]] * 2),
        ([("Model 0 S", "X", "shirt", None), ("Model 1 S", "X", "shirt", None)], [None, None]),
        (
            [("Oak milk 1 l", "X", "milk", None), ("Oak milk 500ml", "X", "milk", None)],
            [[0, 1]] * 2,
        ),
        (
            [("Hiking boot EU 38", "X", "boot", None), ("Hiking boot EU 39", "X", "boot", None)],
            [[0, 1]] * 2,
        ),
        (
            [("Napkins set of 20 pcs", "X", "n", None), ("Paper napkins", "X", "n", None)],
            [None, None],
        ),
        ([("Teacup pink 2", "X", "cup", None), ("Teacup blue 2", "Y", "cup", None)], [None, None]),
        ([("Teacup pink 2", "X", "cup", None), ("Teacup blue 2", "X", "mug", None)], [None, None]),
        ([("Teacup pink 2", "X", None, None), ("Teacup blue 2", "X", None, None)], [None, None]),
        # without a type two words have to remain
        (
            [("Bench Oslo grün", "X", None, None), ("Bench Oslo grau", "X", None, None)],
            [[0, 1]] * 2,
        ),
        (
            [("Robe courte noire", "X", None, None), ("Robe courte", "X", "robe", None)],
            [[0, 1]] * 2,
        ),
        (
            [("Bench Oslo grün", "X", None, None), ("Bench Oslo grau", "Y", None, None)],
            [None, None],
        ),
        (
            [
                ("Slip dentelle – taille M", "X", None, None),
                ("Slip dentelle taille L", "X", None, None),
            ],
            [[0, 1]] * 2,
        ),
        ([("Red", "X", "wine", None), ("White", "X", "wine", None)], [None, None]),
    ],
)
def test_variants_by_title_are_of_one_type(rows, expected) -> None:
    names = ("title", "brand", "type", "variant_group")
    records = [
        {"product_id": f"p{i}", **dict(zip(names, row, strict=True))} for i, row in enumerate(rows)
    ]
    assert groups(records) == expected


def test_the_groups_of_the_shop_alone_are_counted_together() -> None:
    records = [
        {"product_id": f"p{i}", "title": "pot", "variant_group": group}
        for i, group in enumerate(["a", " b", None, "b ", "c", ""])
    ]
    assert shop_groups(Catalog.from_records(records)).tolist() == [0, 1, 2, 1, 4, 5]
    assert shop_groups(Catalog.from_records([{"product_id": "a"}])).tolist() == [0]


@pytest.mark.parametrize(
    ("codes", "repeated"),
    [
        ([[1, 1, 2, 1]], [[False, True, False, True]]),
        ([[-1, -1, -1]], [[False, False, False]]),
        ([[3, -1, 3], [0, 1, 0]], [[False, False, True], [False, False, True]]),
        (np.zeros((1, 0), dtype=int), np.zeros((1, 0), dtype=bool).tolist()),
    ],
)
def test_groups_that_were_there_before(codes, repeated) -> None:
    assert repeated_groups(np.array(codes)).tolist() == repeated
