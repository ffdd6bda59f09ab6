"""Types of titles that the table of kinds does not hold."""

import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.kinds.catalog_kinds import tag_catalog, with_kinds
from goeswith.kinds.tagger import Tag
from goeswith.kinds.title_clusters import head_noun, title_clusters


@pytest.mark.parametrize(
    ("title", "noun"),
    [
        ("Rose canvas screen", "screen"),
        ("Bird Screen, white", "screen"),
        ("SCREEN FOR WINDOW", "screen"),
        ("Screen 3", "screen"),
        ("Quux zorbel blue 250 ml", "zorbel"),
        ("nan", None),
        ("", None),
        (None, None),
        ("12345", None),
        ("x y", None),
    ],
)
def test_the_head_noun_says_what_a_product_is(title, noun):
    assert head_noun(title) == noun


def test_a_noun_of_fewer_than_three_products_is_no_type():
    titles = ["blue zorbel", "red zorbel", "zorbel 3", "big quux", "quux", None]
    assert title_clusters(titles) == ["zorbel"] * 3 + [None] * 3
    # stable: more products change no type that is there
    more = [*titles, "old quux", "flarn"]
    assert title_clusters(more)[:3] == ["zorbel"] * 3


def test_products_without_a_kind_have_a_type_unless_the_shop_has_types():
    titles = ["Blue zorbel", "Red zorbel", "Zorbel 3", "Coffee maker", "Flarn"]
    frame = pl.DataFrame({"product_id": [str(i) for i in range(5)], "title": titles})
    catalog = Catalog(frame)
    tags = [Tag(None, 1.0)] * 3 + tag_catalog(catalog)[3:4] + [Tag(None, 1.0)]
    assert with_kinds(catalog, tags).frame["type"].to_list()[:3] == ["zorbel"] * 3
    own = Catalog(frame.with_columns(type=pl.lit("thing")))
    assert with_kinds(own, tags).frame["type"].to_list() == ["thing"] * 5
