"""A fit takes the kinds of a shop's map before those of titles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from goeswith.data.dataset import Dataset
from goeswith.kinds.catalog_kinds import tag_catalog
from goeswith.pipeline.kind_tags import tag_products
from goeswith.settings.sections import KindSettings


def test_the_map_of_the_folder_decides_the_kinds_of_a_bundle(tmp_path: Path) -> None:
    products = pl.DataFrame(
        {
            "product_id": ["a", "b", "c"],
            "title": ["Teapot", "Doormat", "Frying pan"],
            "type": ["Pots", "Floor", "Pans"],
        }
    )
    events = pl.DataFrame({"basket_id": [1, 1], "product_id": ["a", "b"]})
    data = replace(Dataset.from_frames(events=events, products=products), folder=tmp_path)
    (tmp_path / "kinds.csv").write_text("type,kind\nPots,saucepan\nFloor,none\n", encoding="utf-8")
    tagged, facts = tag_products(data, KindSettings())
    assert tagged.catalog.frame["kind"].to_list() == ["saucepan", "none", "frying_pan"]
    assert facts["used"]
    # a later step reads the column, and tags nothing that the shop says has no kind
    assert [tag.kind for tag in tag_catalog(tagged.catalog)] == ["saucepan", None, "frying_pan"]
    untouched, facts = tag_products(data, KindSettings(use="none"))
    assert untouched is data
    assert not facts["used"]


def test_types_alone_are_enough_with_a_map(tmp_path: Path) -> None:
    products = pl.DataFrame({"product_id": ["a", "b"], "type": ["Pots", "Floor"]})
    events = pl.DataFrame({"basket_id": [1, 1], "product_id": ["a", "b"]})
    data = Dataset.from_frames(events=events, products=products)
    (tmp_path / "m.csv").write_text("type,kind\nPots,teapot\nFloor,doormat\n", encoding="utf-8")
    tagged, _ = tag_products(data, KindSettings(map=str(tmp_path / "m.csv")))
    assert tagged.catalog.frame["kind"].to_list() == ["teapot", "doormat"]
