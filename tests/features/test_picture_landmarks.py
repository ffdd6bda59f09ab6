"""Picture vectors as features: alike pictures share references; encoders without one change not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.features.attribute_encoder import AttributeEncoder
from goeswith.features.picture_landmarks import PictureLandmarks
from goeswith.features.product_vectors import LatentAttributes, SentenceVectors


def planted(products: int = 300, groups: int = 10, seed: int = 0) -> tuple[Catalog, np.ndarray]:
    """Pictures of groups in a narrow cone, as of image encoders; every tenth product has none."""
    rng = np.random.default_rng(seed)
    centres = 0.7 * rng.standard_normal((groups, 32)) + 2 * rng.standard_normal(32)
    group = np.arange(products) % groups
    vectors = centres[group] + 0.5 * rng.standard_normal((products, 32))
    records = [
        {"product_id": f"p{i}", "picture_vector": None if i % 10 == 9 else vectors[i].tolist()}
        for i in range(products)
    ]
    return Catalog.from_records(records), group


def test_the_nearest_pictures_are_of_the_same_group() -> None:
    catalog, group = planted()
    features = AttributeEncoder.fit(catalog).encode(catalog)
    has_picture = np.arange(len(group)) % 10 != 9
    assert not features[~has_picture].nnz
    cosines = (features @ features.T).toarray()
    np.testing.assert_allclose(cosines.diagonal()[has_picture], 1, rtol=1e-5)
    np.fill_diagonal(cosines, -1)
    nearest = np.argsort(-cosines[has_picture], axis=1)[:, :5]
    assert (group[nearest] == group[has_picture][:, None]).mean() > 0.95


def test_with_text_and_picture_the_cosine_is_the_mean_of_both() -> None:
    pictures, _ = planted(40)
    both = Catalog(pictures.frame.with_columns(title=pictures.ids.str.replace("p", "pan model ")))
    text = Catalog(both.frame.drop("picture_vector"))
    vectors = [AttributeEncoder.fit(c).encode(c) for c in (both, text, pictures)]
    cosines = [(v @ v.T).toarray()[:9, :9] for v in vectors]
    np.testing.assert_allclose(cosines[0], (cosines[1] + cosines[2]) / 2, atol=1e-5)


def test_without_pictures_nothing_changes() -> None:
    catalog = Catalog.from_records([{"product_id": "a", "title": "red pan"}])
    encoder = AttributeEncoder.fit(catalog)
    assert encoder.vocabulary.to_list() == ["pan", "red"]
    assert set(encoder.arrays()) == {"tokens", "token_ends", "idf"}


def test_new_products_and_stored_encoders_give_the_same_features(tmp_path: Path) -> None:
    catalog, _ = planted(60)
    encoder = AttributeEncoder.fit(catalog)
    save_arrays(encoder.arrays(), tmp_path / "encoder.safetensors")
    back = AttributeEncoder.restore(load_arrays(tmp_path / "encoder.safetensors"))
    new = Catalog(catalog.frame[5:8])
    expected = encoder.encode(catalog)[5:8].toarray()
    np.testing.assert_allclose(back.encode(new).toarray(), expected, atol=1e-6)
    without = Catalog(catalog.frame.select("product_id"))
    assert not back.encode(without).nnz
    other = Catalog.from_records([{"product_id": "n", "picture_vector": [1.0, 2.0]}])
    with pytest.raises(DataError, match="2 numbers where those of the catalogue have 32"):
        back.encode(other)


def test_equal_pictures_give_zeros_and_no_error() -> None:
    records = [{"product_id": f"p{i}", "picture_vector": [1.0, 2.0]} for i in range(3)]
    catalog = Catalog.from_records(records)
    assert not PictureLandmarks.fit(catalog).encode(catalog).nnz


def test_dense_vectors_hold_pictures_with_and_without_a_sentence_encoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catalog, group = planted(100, groups=4)

    def encode(self: SentenceVectors, texts: list[str]) -> np.ndarray:
        return np.zeros((len(texts), 6), dtype=np.float32)

    monkeypatch.setattr(SentenceVectors, "_encode", encode)
    monkeypatch.setattr("goeswith.features.product_vectors.save_arrays", lambda *_: None)
    sentences = SentenceVectors("any").fit(catalog)
    restored = SentenceVectors("any").restore(sentences.arrays())
    for encoder in (LatentAttributes(16).fit(catalog), sentences, restored):
        vectors = encoder.encode(catalog)[group == 0]
        vectors = vectors[vectors.any(axis=1)]
        assert len(vectors) > 10
        assert ((vectors @ vectors.T) > 0.5).mean() > 0.9
    text_only = Catalog(catalog.frame.select("product_id"))
    assert restored.encode(text_only).shape == (100, 38)
    assert SentenceVectors("any").fit(text_only).encode(text_only).shape == (100, 6)
