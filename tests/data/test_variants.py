from __future__ import annotations

import numpy as np
import polars as pl

from goeswith.data.catalog import Catalog
from goeswith.data.variants import find_variants, variant_codes


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
