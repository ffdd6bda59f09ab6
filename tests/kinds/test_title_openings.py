"""Kinds that the first words of a title name in the other titles of a shop."""

import pytest

from goeswith.kinds.tagger import SHOP, Tag, shared_tagger
from goeswith.kinds.title_openings import tag_by_opening

DOORMATS = [
    "DOORMAT STRIPES",
    "DOORMAT SPOTS",
    "DOORMAT KEEP CALM",
    "DOORMAT HEARTS",
    "DOORMAT TOPIARY",
]


@pytest.fixture(scope="module")
def tagger():
    return shared_tagger()


def kinds(tagger, titles):
    return [tag.kind for tag in tag_by_opening(titles, tagger.tag_many(titles), tagger)]


@pytest.mark.parametrize("title", ["DOORMAT FAIRY CAKE", "DOORMAT UNION FLAG"])
def test_the_design_behind_the_noun_is_not_the_kind(tagger, title):
    assert tagger.tag(title).kind != "doormat"
    assert kinds(tagger, [*DOORMATS, title])[-1] == "doormat"


def test_four_titles_are_too_few(tagger):
    titles = [*DOORMATS[:4], "DOORMAT FAIRY CAKE"]
    assert kinds(tagger, titles)[-1] == tagger.tag(titles[-1]).kind


def test_one_title_of_many_products_counts_once(tagger):
    titles = [*DOORMATS[:1] * 9, "DOORMAT FAIRY CAKE"]
    assert kinds(tagger, titles)[-1] == tagger.tag(titles[-1]).kind


def test_certain_titles_and_those_of_the_shop_keep_their_kind(tagger):
    titles = [*DOORMATS, "DOORMAT HOOK", "DOORMAT FAIRY CAKE"]
    own = [Tag("coat_rack", 0.8, "hook"), Tag(None, 1.0, source=SHOP)]
    tags = [*tagger.tag_many(titles)[:-2], *own]
    assert tag_by_opening(titles, tags, tagger)[-2:] == own


def test_an_opening_of_several_kinds_names_none(tagger):
    titles = [*DOORMATS, "DOORMAT HOOK", "DOORMAT UNION FLAG"]
    tags = tagger.tag_many(titles)
    tags[-2] = Tag("coat_rack", 0.8, "hook")
    assert tag_by_opening(titles, tags, tagger)[-1] == tags[-1]


def test_an_opening_is_a_phrase_and_not_its_first_word(tagger):
    titles = [f"WALL CLOCK {name}" for name in ("PARIS", "ROME", "OSLO", "BONN", "KIEL")]
    assert kinds(tagger, [*titles, "WALL FLARN"])[-1] is None
