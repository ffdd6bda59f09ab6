"""Dense content vectors: alike products are near, unknown ones are encoded, slow ones are kept."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.features.attribute_encoder import AttributeEncoder
from goeswith.features.product_vectors import (
    LatentAttributes,
    SentenceVectors,
    content_encoder,
    sentences,
)
from goeswith.relations.graph import RelationGraph

Shop = tuple[Catalog, RelationGraph]


def test_rows_have_length_one_and_products_of_a_type_are_nearest(shop: Shop) -> None:
    catalog = shop[0]
    vectors = LatentAttributes(16).fit(catalog).encode(catalog)
    assert vectors.shape == (100, 16)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    assert np.mean(catalog.type_codes[cosines.argmax(axis=1)] == catalog.type_codes) > 0.95


def test_enough_dimensions_keep_every_cosine_of_the_attributes(shop: Shop) -> None:
    catalog = shop[0]
    exact = AttributeEncoder.fit(catalog).encode(catalog).toarray()
    vectors = LatentAttributes(200).fit(catalog).encode(catalog)
    np.testing.assert_allclose(vectors @ vectors.T, exact @ exact.T, atol=1e-4)


def test_products_unknown_at_fit_are_encoded_and_those_without_known_tokens_are_zeros(
    shop: Shop,
) -> None:
    encoder = LatentAttributes(16).fit(shop[0])
    new = Catalog.from_records(
        [
            {"product_id": "new", "type": "case", "brand": "brand 1"},
            {"product_id": "alien", "type": "submarine", "brand": "other"},
        ]
    )
    vectors = encoder.encode(new)
    nearest = (vectors[0] @ encoder.encode(shop[0]).T).argmax()
    assert shop[0].ids[int(nearest)].startswith("case-")
    assert not vectors[1].any()


def test_latent_attributes_are_the_same_for_a_seed_and_after_saving(
    shop: Shop, tmp_path: Path
) -> None:
    catalog = shop[0]
    first, second = (LatentAttributes(8, seed=3).fit(catalog) for _ in range(2))
    save_arrays(first.arrays(), tmp_path / "encoder.safetensors")
    loaded = LatentAttributes(8).restore(load_arrays(tmp_path / "encoder.safetensors"))
    assert np.array_equal(first.encode(catalog), second.encode(catalog))
    np.testing.assert_allclose(first.encode(catalog), loaded.encode(catalog), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("products", [0, 1, 3])
def test_few_or_bare_products_give_vectors_of_the_requested_length(products: int) -> None:
    bare = Catalog(
        pl.DataFrame({"product_id": [f"p{i}" for i in range(products)]}, schema={"product_id": str})
    )
    assert LatentAttributes(4).fit(bare).encode(bare).tolist() == [[0.0] * 4] * products
    typed = Catalog(bare.frame.with_columns(type=pl.lit("pot")))
    vectors = LatentAttributes(4).fit(typed).encode(typed)
    assert vectors.shape == (products, 4)
    np.testing.assert_allclose(vectors @ vectors.T, 1, rtol=1e-5)


class Letters:
    """A sentence encoder that counts letters, and how often it was asked."""

    calls = 0

    def __init__(self, name: str) -> None:
        if name == "no/such":
            raise OSError("no such model")

    def encode(self, texts: list[str], show_progress_bar: bool) -> np.ndarray:
        type(self).calls += 1
        return np.array([[text.count("a"), text.count("e"), 1.0] for text in texts])


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> type[Letters]:
    module = ModuleType("sentence_transformers")
    monkeypatch.setattr(module, "SentenceTransformer", Letters, raising=False)
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    monkeypatch.setattr(Letters, "calls", 0)
    return Letters


def pans() -> Catalog:
    return Catalog.from_records(
        [
            {"product_id": "a", "title": "pan", "brand": "Mu", "categories": ["Cook", "Bake"]},
            {"product_id": "b", "title": None, "brand": None, "categories": None},
        ]
    )


def test_texts_hold_title_type_brand_and_categories_and_nothing_that_is_missing() -> None:
    assert sentences(pans()) == ["pan. Mu. Cook, Bake", ""]
    assert sentences(Catalog(pl.DataFrame({"product_id": ["p"]}))) == [""]


def test_sentences_are_encoded_once_and_again_when_texts_or_model_change(
    letters: type[Letters], tmp_path: Path
) -> None:
    catalog = pans()
    first = SentenceVectors("some/model", tmp_path).fit(catalog).encode(catalog)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), [1, 0], rtol=1e-6)
    again = SentenceVectors("some/model", tmp_path).encode(catalog)
    assert np.array_equal(first, again)
    assert letters.calls == 1
    SentenceVectors("other/model", tmp_path).encode(catalog)
    changed = Catalog(catalog.frame.with_columns(brand=pl.lit("Nu")))
    SentenceVectors("some/model", tmp_path).encode(changed)
    assert letters.calls == 3


def test_a_model_that_changes_in_its_folder_is_called_again(
    letters: type[Letters], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for weights in ("old", "newer"):
        (folder / "weights").write_text(weights)
        SentenceVectors(str(folder), tmp_path / "cache").encode(pans())
    assert letters.calls == 2


def test_a_model_that_cannot_be_loaded_is_named(letters: type[Letters], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no/such"):
        SentenceVectors("no/such", tmp_path).encode(pans())


def test_without_the_extra_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r"goeswith\[language\]"):
        SentenceVectors("some/model", tmp_path).encode(pans())


def test_a_named_sentence_encoder_is_used_and_else_latent_attributes() -> None:
    assert isinstance(content_encoder("some/model", 8, 0), SentenceVectors)
    assert isinstance(content_encoder(None, 8, 0), LatentAttributes)
