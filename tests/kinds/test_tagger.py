"""From titles to kinds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.data.catalog import Catalog
from goeswith.kinds.catalog_kinds import tag_catalog, with_kinds
from goeswith.kinds.fit_check import mismatch
from goeswith.kinds.tagger import MIN_CONFIDENCE, Tagger, category_first, shared_tagger
from goeswith.kinds.text_classifier import tag_by_text


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return shared_tagger()


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("CHOCOLATE HOT WATER BOTTLE", "hot_water_bottle"),
        ("Baking Mixes, Layer Cake Mix, 18.25 Oz", "cake_mix"),
        ("SET OF 2 TEA TOWELS PING MICROWAVE", "tea_towel"),
        (
            "HP 62XL Tri-color Original Ink Cartridge (C2P07AN) for HP ENVY",
            "ink_cartridge",
        ),
        ("Slim leather case for the Samsung Galaxy S4 smartphone", "phone_case"),
        ("Sony DPF-D95 9-Inch LED Digital Photo Frame with Remote (Black)", "digital_photo_frame"),
        ("DOORMAT RED RETROSPOT", "doormat"),
        ("ECCO Men's Race Sneaker, Shadow White, 42 EU", "sneaker"),
        ("White Spirit 2L", "white_spirit"),
        ("Sandpaper Assorted Grit 25 Sheets", "sandpaper"),
        ("Flexible Wall & Floor Grout Grey 5kg", "grout"),
        ("Plastic Tile Spacers 3mm 250 Pack", "tiling_tool"),
        ("SanDisk Extreme PRO 128GB SDXC UHS-I Card", "memory_card"),
        ("Budgie Seed Mix 2kg", "cage_bird_food"),
        ("Short Sleeve Bodysuits 5 Pack White 3-6 Months", "baby_bodysuit"),
        ("DJI Mini 4 Pro ND Filter Set", "drone_accessory"),
    ],
)
def test_titles_have_the_kind_that_a_person_would_say(
    tagger: Tagger, title: str, kind: str
) -> None:
    assert tagger.tag(title).kind == kind


def test_the_name_of_a_kind_is_tagged_as_that_kind(tagger: Tagger) -> None:
    kinds = [kind for kind in tagger.table.kinds.values() if not kind.group]
    wrong = [kind.id for kind in kinds if tagger.tag(kind.name).kind != kind.id]
    assert len(wrong) <= len(kinds) / 200, wrong


def test_a_title_that_says_nothing_has_no_kind(tagger: Tagger) -> None:
    assert tagger.tag("Dagamed").kind is None
    assert tagger.tag("").kind is None
    assert tagger.tag(None, type="Frosting").kind == "frosting"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_a_kind_of_the_table_or_none(text: str) -> None:
    tag = shared_tagger().tag(text)
    assert 0 <= tag.confidence <= 1
    if tag.kind is not None:
        assert tag.confidence >= MIN_CONFIDENCE
        assert not shared_tagger().table.kinds[tag.kind].group


def test_a_category_in_front_is_recognised() -> None:
    shop = [f"Baking Mixes, Mix {i}" for i in range(15)] + [f"Soup, Soup {i}" for i in range(15)]
    assert category_first(shop)
    assert not category_first([f"Mug {i}, red" for i in range(40)])


def test_titles_without_a_phrase_follow_those_that_share_their_words(tagger: Tagger) -> None:
    taught = [f"Zorblax {i} frying pan" for i in range(5)] + [f"Quux {i} teapot" for i in range(5)]
    titles = [*taught, "Zorblax pan deluxe", "something else"]
    tags = tag_by_text(titles, tagger.tag_many(titles))
    assert [tag.kind for tag in tags[:2]] == ["frying_pan"] * 2
    assert tags[-1].kind is None


def test_a_catalogue_without_types_has_the_names_of_kinds_as_types() -> None:
    shop = Catalog.from_records(
        [{"product_id": "a", "title": "RED TEAPOT"}, {"product_id": "b", "title": "Dagamed"}]
    )
    tagged = with_kinds(shop, tag_catalog(shop))
    assert tagged.frame["kind"].to_list() == ["teapot", None]
    assert tagged.frame["type"].to_list() == ["teapot", None]
    # what a shop says itself stays
    typed = Catalog(shop.frame.with_columns(type=tagged.frame["product_id"]))
    assert with_kinds(typed, tag_catalog(typed)).frame["type"].to_list() == ["a", "b"]


@pytest.mark.parametrize(
    ("source", "target", "match", "fits"),
    [
        ("Apple iPhone 6", "Case for Samsung Galaxy S4", ["device"], False),
        ("Apple iPhone 6", "Clear case for iPhone 6", ["device", "model"], True),
        ("Apple iPad", "Case for iPad mini", ["device"], True),
        ("Canon EF 50mm lens, 58mm thread", "UV filter 77mm", ["mount"], False),
        ("HP Envy printer", "Brother TN450 toner", ["brand"], False),
        ("Camera", "Memory card", ["device"], True),
        ("Dog collar", "Cat lead", ["species"], False),
        ("A4 ring binder", "A5 sheet protectors", ["size"], False),
        ("Women's running shoe", "Men's running socks", ["gender"], False),
    ],
)
def test_only_a_contradiction_does_not_fit(
    source: str, target: str, match: list[str], fits: bool
) -> None:
    assert (mismatch(source, target, match) is None) == fits
