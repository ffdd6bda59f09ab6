"""Attributes to vectors: tokens, weights, and products met after the fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.data.catalog import Catalog
from goeswith.features.attribute_encoder import AttributeEncoder, attribute_tokens


def tokens(**columns: object) -> list[str]:
    return attribute_tokens(Catalog.from_records([{"product_id": "p", **columns}]))[
        "token"
    ].to_list()


def test_whole_values_are_named_after_their_column_and_texts_are_split_into_words() -> None:
    assert tokens(type="Hair Dryers", brand=" Conair ", title="Ionic dryer 2000-W") == [
        "type=hair dryers",
        "brand=conair",
        "ionic",
        "dryer",
        "2000",
        "w",
    ]


def test_each_category_is_a_token_and_an_unknown_column_of_strings_is_an_attribute() -> None:
    assert tokens(categories=["Beauty", "Nails", None, ""], colour="Red") == [
        "categories=beauty",
        "categories=nails",
        "colour=red",
    ]


def test_a_brand_and_a_type_of_the_same_name_are_not_alike() -> None:
    assert not set(tokens(brand="apple")) & set(tokens(type="apple"))


def test_markup_in_a_description_is_not_read_as_words() -> None:
    assert tokens(description='<p class="x">Soft<br/>case</p>') == ["soft", "case"]


def test_letters_of_any_language_make_words() -> None:
    assert tokens(title="Crème für Hände 手霜") == ["crème", "für", "hände", "手霜"]


@pytest.mark.parametrize("value", [3.5, 7, True, None, "", "   ", [], [1, 2]])
def test_numbers_and_missing_or_empty_values_give_no_token(value: object) -> None:
    assert tokens(attribute=value) == []


def test_categorical_columns_are_read_as_strings() -> None:
    frame = pl.DataFrame({"product_id": ["a", "b"], "season": ["Winter", None]})
    frame = frame.with_columns(pl.col("season").cast(pl.Categorical))
    assert attribute_tokens(Catalog(frame)).rows() == [(0, "season=winter")]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefg"), max_size=6), min_size=1, max_size=8))
def test_vectors_are_those_of_scikit_learn(texts: list[list[str]]) -> None:
    titles = [" ".join(words) for words in texts]
    catalog = Catalog(
        pl.DataFrame({"product_id": [str(i) for i in range(len(titles))], "title": titles})
    )
    encoder = AttributeEncoder.fit(catalog)
    ours = encoder.encode(catalog)
    if not any(texts):
        assert ours.shape == (len(titles), 0)
        return
    oracle = TfidfVectorizer(token_pattern=r"\w+")
    expected = oracle.fit_transform(titles)
    assert encoder.vocabulary.to_list() == sorted(oracle.vocabulary_)
    np.testing.assert_allclose(ours.toarray(), expected.toarray(), rtol=1e-5, atol=1e-6)


def test_a_product_met_later_is_encoded_by_the_words_that_are_known() -> None:
    known = Catalog.from_records(
        [{"product_id": "a", "title": "steel pot"}, {"product_id": "b", "title": "steel pan"}]
    )
    encoder = AttributeEncoder.fit(known)
    later = Catalog.from_records(
        [{"product_id": "c", "title": "copper pot", "brand": "new"}, {"product_id": "d"}]
    )
    vectors = encoder.encode(later).toarray()
    assert vectors.shape == (2, 3)
    assert vectors[0].tolist() == [0, 1, 0]  # pan, pot, steel
    assert not vectors[1].any()


def test_an_encoder_comes_back_from_arrays_without_pickle(tmp_path: Path) -> None:
    catalog = Catalog.from_records(
        [
            {"product_id": "a", "title": "Crème brûlée", "brand": "line\nbreak"},
            {"product_id": "b", "title": "crème", "brand": ""},
        ]
    )
    encoder = AttributeEncoder.fit(catalog)
    save_arrays(encoder.arrays(), tmp_path / "encoder.safetensors")
    back = AttributeEncoder.restore(load_arrays(tmp_path / "encoder.safetensors"))
    assert back.vocabulary.to_list() == ["brand=line\nbreak", "brûlée", "crème"]
    assert np.array_equal(back.encode(catalog).toarray(), encoder.encode(catalog).toarray())


def test_a_catalogue_without_attributes_gives_vectors_of_length_none() -> None:
    catalog = Catalog(pl.DataFrame({"product_id": ["a", "b"]}))
    encoder = AttributeEncoder.fit(catalog)
    assert encoder.encode(catalog).shape == (2, 0)
    assert AttributeEncoder.restore(encoder.arrays()).vocabulary.len() == 0
