"""Product attributes as dense vectors of one length, the input of trained models.

Two encoders, one interface. Rows have length 1, so that inner products are cosines, or are zeros
for a product without attributes; products outside the catalogue of `fit` are encoded alike.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, Protocol, Self

import numpy as np
import polars as pl

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import Arrays, load_arrays, save_arrays
from goeswith.core.errors import DataError
from goeswith.core.trained_encoder import encoder_cache, encoder_files, load_encoder
from goeswith.data.catalog import Catalog
from goeswith.data.pictures.picture_column import picture_vectors
from goeswith.features.attribute_encoder import AttributeEncoder

_SENTENCE_COLUMNS: Final = ("title", "type", "brand", "categories")


class ContentEncoder(Protocol):
    """Attributes to dense vectors."""

    def fit(self, catalog: Catalog) -> Self:
        """Learn the encoding from a catalogue."""

    def encode(self, catalog: Catalog) -> Floats:
        """(m, d) float32 of the m products of a catalogue."""

    def arrays(self) -> Arrays:
        """The learned arrays, by name."""

    def restore(self, arrays: Arrays) -> Self:
        """Restore from `arrays`; other names in it are ignored."""


def content_encoder(sentences: str | None, dimension: int, seed: int) -> ContentEncoder:
    """The sentence encoder `sentences`, or latent attributes of length `dimension` for None."""
    return SentenceVectors(sentences) if sentences else LatentAttributes(dimension, seed)


class LatentAttributes:
    """TF-IDF of all attributes, reduced by a truncated SVD (Deerwester et al., 1990).

    Args:
        dimension: d; the last columns are zeros where products or tokens are fewer.
        seed: of the randomised SVD (Halko, Martinsson & Tropp, 2011).
    """

    def __init__(self, dimension: int = 128, seed: int = 0) -> None:
        self.dimension, self.seed = dimension, seed

    def fit(self, catalog: Catalog) -> Self:
        """Learn tokens, their weights and the d directions that hold most of them."""
        from sklearn.utils.extmath import randomized_svd

        self.attributes = AttributeEncoder.fit(catalog)
        matrix = self.attributes.encode(catalog)
        rank = min(self.dimension, *matrix.shape)
        self.components = np.zeros((self.dimension, matrix.shape[1]), dtype=np.float32)
        if rank:
            self.components[:rank] = randomized_svd(matrix, rank, n_iter=5, random_state=self.seed)[
                2
            ]
        return self

    def encode(self, catalog: Catalog) -> Floats:
        """(m, d) float32; zeros for a product without a token of the vocabulary."""
        return _normalize_rows(self.attributes.encode(catalog) @ self.components.T)

    def arrays(self) -> Arrays:
        """Tokens, their weights and the components."""
        return {**self.attributes.arrays(), "components": self.components}

    def restore(self, arrays: Arrays) -> Self:
        """Restore from `arrays`."""
        self.attributes = AttributeEncoder.restore(arrays)
        self.components = arrays["components"]
        return self


class SentenceVectors:
    """Title, type, brand and categories as one text, through a sentence encoder.

    After `fit` on a catalogue with picture vectors, these follow the text's entries: text and
    picture have length 1 each, before both are scaled to length 1.

    Encoding is slow, so vectors are cached on disk, by a hash of the texts and of the model.

    Args:
        model: folder or hub id of a sentence-transformers model.
        cache: folder of cached vectors; None for the user's cache folder.
    """

    def __init__(self, model: str, cache: Path | None = None) -> None:
        self.model, self.cache = model, cache or encoder_cache("sentences")
        self.picture_length = 0

    def fit(self, catalog: Catalog) -> Self:
        """Read the length of the picture vectors; the model comes trained."""
        self.picture_length = picture_vectors(catalog.frame)[1].shape[1]
        return self

    def encode(self, catalog: Catalog) -> Floats:
        """(m, d) float32; zeros for a product without any of the four attributes.

        Raises:
            ConfigError: the `language` extra is not installed, or the model cannot be loaded.
            DataError: the pictures are of another encoder than those of `fit`.
        """
        vectors = self._texts(catalog)
        if not self.picture_length:
            return vectors
        rows, pictures = picture_vectors(catalog.frame)
        if len(rows) and pictures.shape[1] != self.picture_length:
            raise DataError(
                f"the picture vectors have {pictures.shape[1]:,} numbers where those of the fit "
                f"had {self.picture_length:,}; use the same image encoder"
            )
        all_pictures = np.zeros((len(catalog), self.picture_length), dtype=np.float32)
        if len(rows):
            all_pictures[rows] = pictures
        return _normalize_rows(np.hstack([vectors, all_pictures]))

    def _texts(self, catalog: Catalog) -> Floats:
        texts = sentences(catalog)
        cache_file = self.cache / f"{self._fingerprint(texts)}.safetensors"
        if cache_file.exists():
            return np.asarray(load_arrays(cache_file)["vectors"], dtype=np.float32)
        distinct, text_index = np.unique(np.array(texts, dtype=object), return_inverse=True)
        encoded = np.asarray(self._encode(distinct.tolist()), dtype=np.float32)
        vectors = _normalize_rows(
            encoded[text_index] * np.array([bool(text) for text in texts])[:, None]
        )
        save_arrays({"vectors": vectors}, cache_file)
        return vectors

    def arrays(self) -> Arrays:
        """The length of the picture vectors, if any; the model is a setting."""
        return {"picture_length": np.array(self.picture_length)} if self.picture_length else {}

    def restore(self, arrays: Arrays) -> Self:
        """Restore from `arrays`; models that were stored before pictures have none."""
        self.picture_length = int(arrays.get("picture_length", 0))
        return self

    def _encode(self, texts: list[str]) -> Floats:
        encoder = load_encoder(self.model, "sentence encoder", "language")
        vectors: Floats = encoder.encode(texts, show_progress_bar=False)
        return vectors

    def _fingerprint(self, texts: list[str]) -> str:
        digest = hashlib.sha256()
        for part in (self.model, *encoder_files(self.model), *texts):
            digest.update(part.encode() + b"\0")
        return digest.hexdigest()


def sentences(catalog: Catalog) -> list[str]:
    """Title, type, brand and categories of every product as one text, empty where it has none.

    >>> pot = {"product_id": "p1", "brand": "Mu", "title": "Steel pot", "categories": ["Kitchen"]}
    >>> sentences(Catalog.from_records([pot]))
    ['Steel pot. Mu. Kitchen']
    """
    columns = [
        pl.col(name).list.drop_nulls().list.join(", ")
        if isinstance(catalog.frame.schema[name], pl.List)
        else pl.col(name).cast(pl.String)
        for name in _SENTENCE_COLUMNS
        if name in catalog.frame.columns
    ]
    if not columns:
        return [""] * len(catalog)
    non_empty = [pl.when(column.str.strip_chars() != "").then(column) for column in columns]
    joined = pl.concat_str(non_empty, separator=". ", ignore_nulls=True)
    return catalog.frame.select(text=joined)["text"].to_list()


def _normalize_rows(vectors: Floats) -> Floats:
    """Rows scaled to length 1; rows of rounding errors become zeros."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    non_zero = length > 1e-6
    return np.where(non_zero, vectors / np.where(non_zero, length, 1), 0).astype(np.float32)
