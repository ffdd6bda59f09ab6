from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, composite

from goeswith.core.errors import ConfigError
from goeswith.query.bundle import Bundle
from goeswith.store.search_index import SearchIndex, search_arrays
from goeswith.store.tokenizer import fold_case, index_words, query_words

LETTERS = st.characters(exclude_categories=["Cs"])
SCRIPTS = st.text("aeéßÅstž 0-'カメラ卓上กขשкниа्िग", max_size=30)


def index(
    titles: list[str], ids: list[str] | None = None, bought: list[int] | None = None
) -> SearchIndex:
    ids = ids or [f"#{i}" for i in range(len(titles))]
    return SearchIndex(search_arrays(ids, titles, np.array(bought or [0] * len(titles))))


@composite
def titles(draw: DrawFn) -> list[str]:
    return draw(st.lists(SCRIPTS | st.text(LETTERS, max_size=12), min_size=1, max_size=12))


@settings(max_examples=60)
@given(titles())
@example(["İstanbul ŉ ﬁ 𝐀 ΐ"])
def test_every_product_is_found_by_each_word_of_its_title(names: list[str]) -> None:
    found = index(names)
    for row, title in enumerate(names):
        for word in index_words(title):
            assert row in found.find(word, len(names)), word


@settings(max_examples=60)
@given(titles(), st.integers(1, 8))
def test_every_product_is_found_by_the_beginning_of_a_word(names: list[str], length: int) -> None:
    found = index(names)
    for row, title in enumerate(names):
        for word in index_words(title):
            if len(word) > 2:
                assert row in found.find(word[:length], len(names)), word


@settings(max_examples=60)
@given(st.lists(st.text(LETTERS, min_size=1, max_size=12), min_size=1, max_size=12, unique=True))
def test_every_product_is_found_by_its_id(ids: list[str]) -> None:
    found = index([""] * len(ids), ids)
    for row, product_id in enumerate(ids):
        if fold_case(product_id).strip():
            assert row in found.find(product_id, len(ids)), product_id


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.text("ab", min_size=4, max_size=6), max_size=3), min_size=1, max_size=30),
    st.data(),
)
def test_a_short_list_is_the_start_of_a_long_one(
    words: list[list[str]], data: st.DataObject
) -> None:
    found = index([" ".join(title) for title in words])
    wrong, *others = data.draw(st.sampled_from([title for title in words if title] or [["abab"]]))
    at = data.draw(st.integers(0, len(wrong) - 1))
    # no title has the word with a q, so that near words are compared
    query = " ".join([f"{wrong[:at]}q{wrong[at + 1 :]}", *others])
    every = found.find(query, 1000)
    for count in range(1, 6):
        assert found.find(query, count) == every[:count]


@settings(max_examples=100)
@given(st.text("abcdefgh", min_size=5, max_size=12), st.data())
def test_a_long_word_is_found_with_one_letter_wrong(word: str, data: st.DataObject) -> None:
    others = data.draw(st.lists(st.text("abcdefgh", min_size=1, max_size=12), max_size=20))
    found = index([f"x {word}", *others])
    at = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abcdefghz"))
    swapped = word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :]
    for wrong in (
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at:],
        swapped,
    ):
        assert 0 in found.find(wrong, 21), wrong


@settings(max_examples=60)
@given(st.text(LETTERS, max_size=40))
def test_folding_a_word_twice_changes_nothing(text: str) -> None:
    for word in index_words(text):
        assert query_words(word) == [word]


def test_more_words_come_first_then_better_spelling_then_what_is_bought_more() -> None:
    names = ["steel bottles", "steel bottle", "steel bottel", "steel pan", "red steel bottle"]
    found = index(names, bought=[1, 1, 9, 9, 5])
    assert found.find("steel bottle", 5) == [4, 1, 0, 2, 3]
    assert found.find("steel bottle", 2) == [4, 1]
    assert found.find("steel bottle", 5, every_word=True) == [4, 1, 0, 2]


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("CREME brulee", "Crème Brûlée"),
        ("カメラ", "デジタルカメラ"),
        ("ｷｬﾉﾝ", "キヤノン キャノン"),
        ("strasse", "Straße 7"),
        ("หมวก", "ขายหมวกแดง"),
        ("किताब", "नई किताबें"),
        ("ключ", "Гаечный Ключ 12"),
        ("usbc", "USB-C usbc cable"),
        ("camra", "Compact Camera"),
    ],
)
def test_titles_are_found_in_any_language(words: str, title: str) -> None:
    assert index(["something else", title]).find(words, 1) == [1]


@pytest.mark.parametrize("text", ["", " ", "---", "\0", "\ud800", "(((", "a" * 10**6, "字" * 10**5])
def test_odd_queries_find_nothing_and_do_no_harm(text: str) -> None:
    assert index(["lamp", "table"]).find(text, 3) == []


def test_a_title_of_a_megabyte_is_found_by_its_beginning() -> None:
    assert index(["lamp " + "very " * 200_000 + "long", "x"]).find("lamp", 3) == [0]


def test_a_catalogue_without_titles_is_searched_by_ids() -> None:
    found = SearchIndex(search_arrays(["A-100", "A-200", "B-100"], None, np.zeros(3)))
    assert found.find("a-1", 3)[0] == 0
    assert found.find("b-10", 3)[0] == 2


def test_a_bundle_finds_its_products_and_tells_what_they_are(shop_bundle: Path) -> None:
    bundle = Bundle.open(shop_bundle)
    found = bundle.search("camera 3", 3)
    assert (found[0].product_id, found[0].title) == ("camera-3", "Camera 3")
    assert (found[0].type, found[0].brand, found[0].price) == ("camera", "brand 0", 8.0)
    assert bundle.search("camera-3", 1) == found[:1]
    assert {brief.type for brief in bundle.search("camear", 10)} == {"camera"}
    for row in range(len(bundle)):
        product_id = bundle.products.ids[row]
        assert bundle.search(product_id, 1)[0].product_id == product_id
    with pytest.raises(ConfigError, match="1 to 100 products, but k is 0"):
        bundle.search("camera", 0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bounds_give_what_adding_up_gives(data: st.DataObject) -> None:
    words = st.text("abc", min_size=3, max_size=7)
    vocabulary = data.draw(st.lists(words, min_size=3, max_size=12, unique=True))
    some = st.lists(st.sampled_from(vocabulary), min_size=1, max_size=4)
    names = [" ".join(title) for title in data.draw(st.lists(some, min_size=8, max_size=40))]
    query = " ".join(data.draw(st.lists(st.sampled_from(vocabulary) | words, max_size=3)))
    found, count = index(names), data.draw(st.integers(1, 9))
    every_word = data.draw(st.booleans())
    with pytest.MonkeyPatch.context() as patch:
        results = []
        for first in (len(names), data.draw(st.integers(1, len(names) // 2))):
            patch.setattr("goeswith.store.search_index.FIRST_PRODUCTS", first)
            results.append(found.find(query, count, every_word=every_word))
    assert results[0] == results[1]
