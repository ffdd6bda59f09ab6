"""Picture files to the column `picture_vector`, by an image encoder; vectors are cached on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.errors import ConfigError, DataError
from goeswith.core.trained_encoder import encoder_cache, encoder_files, load_encoder
from goeswith.data.catalog import Catalog
from goeswith.data.config import PictureConfig
from goeswith.data.pictures.column_name import PICTURE_VECTOR
from goeswith.data.pictures.picture_column import picture_length
from goeswith.data.pictures.picture_files import (
    PictureError,
    decode_picture,
    picture_paths,
    read_picture,
)
from goeswith.data.quarantine import Quarantine

_BATCH: Final = 64
"""Pictures in memory at a time."""
_SAVED: Final = 2048
"""Pictures after which vectors are saved: an interrupted run goes on from there."""


class PicturedCatalog(NamedTuple):
    """A catalogue with picture vectors.

    Attributes:
        catalog: the products.
        fingerprint: SHA-256 over the products and the contents of their pictures; empty without a
            folder of pictures in the settings.
    """

    catalog: Catalog
    fingerprint: str


def with_pictures(
    catalog: Catalog, config: PictureConfig, quarantine: Quarantine, cache: Path | None = None
) -> PicturedCatalog:
    """The catalogue with a vector of the picture of each product.

    Pictures that cannot be used are recorded under the name of their folder, by the row of their
    product in the catalogue, from 1; the products stay. Without a folder in the settings, the
    catalogue is returned as it is.

    Args:
        catalog: the products.
        config: the settings.
        quarantine: takes the pictures that cannot be used.
        cache: folder of stored vectors; None for the user's cache folder.

    Raises:
        DataError: there is no such folder or column, or the products have vectors, too.
        ConfigError: the encoder cannot be loaded, or does not read pictures.
    """
    if config.folder is None or config.encoder is None:
        return PicturedCatalog(catalog, "")
    if PICTURE_VECTOR in catalog.frame.columns:
        raise DataError(
            f"the products have a column {PICTURE_VECTOR!r}, and [data.pictures] names a folder of "
            "pictures; leave one of them out"
        )
    folder = Path(config.folder)
    paths = picture_paths(catalog, folder, config.column)
    reader = _PictureReader(config.encoder, cache or encoder_cache("pictures"))
    quarantine.count_read(folder.name, len(paths))
    digests: dict[int, bytes] = {}
    rejected: dict[int, str] = {}
    for row, digest, reason in reader.read(folder, paths):
        if reason:
            rejected[row] = reason
        else:
            digests[row] = digest
    for reason in sorted(set(rejected.values())):
        rows = [row for row, other in rejected.items() if other == reason]
        quarantine.add(
            folder.name,
            pl.Series([row + 1 for row in rows]),
            f"the picture {reason}; the product stays without a picture",
            pl.Series([paths[row] for row in rows]),
            kept=True,
        )
    fingerprint = hashlib.sha256()
    for row, digest in sorted(digests.items()):
        fingerprint.update(hashlib.sha256(catalog.ids[row].encode()).digest() + digest)
    if not digests:
        return PicturedCatalog(catalog, fingerprint.hexdigest())
    length = len(next(iter(reader.vectors.values())))
    vectors = [
        reader.vectors[digests[row]].tolist() if row in digests else None
        for row in range(len(catalog))
    ]
    column = pl.Series(PICTURE_VECTOR, vectors, dtype=pl.Array(pl.Float32, length))
    pictured = Catalog(catalog.frame.with_columns(column))
    return PicturedCatalog(pictured, fingerprint.hexdigest())


class _PictureReader:
    """Vectors of pictures by the SHA-256 of their content."""

    def __init__(self, encoder: str, cache: Path) -> None:
        name = "\0".join([encoder, *encoder_files(encoder)]).encode()
        self._encoder, self._file = encoder, cache / f"{hashlib.sha256(name).hexdigest()}.pictures"
        self._model: Any = None
        self.vectors: dict[bytes, Floats] = {}
        if self._file.exists():
            arrays = load_arrays(self._file)
            digests, vectors = arrays["digests"], arrays["vectors"]
            self.vectors = {d.tobytes(): v for d, v in zip(digests, vectors, strict=True)}

    def read(self, folder: Path, paths: dict[int, str]) -> Iterator[tuple[int, bytes, str]]:
        """Row, digest and an empty text of every picture, or the reason why it has no vector."""
        waiting: dict[bytes, Any] = {}
        unsaved = 0
        for row, name in paths.items():
            try:
                content = read_picture(folder, name)
                digest = hashlib.sha256(content).digest()
                if digest not in self.vectors and digest not in waiting:
                    waiting[digest] = decode_picture(content)
            except PictureError as error:
                yield row, b"", str(error)
                continue
            yield row, digest, ""
            if len(waiting) == _BATCH:
                unsaved += self._encode(waiting)
                waiting = {}
            if unsaved >= _SAVED:
                unsaved = self._save()
        if self._encode(waiting) or unsaved:
            self._save()

    def _encode(self, pictures: dict[bytes, Any]) -> int:
        if not pictures:
            return 0
        if self._model is None:
            self._model = load_encoder(self._encoder, "image encoder", "pictures")
        try:
            encoded = self._model.encode(list(pictures.values()), show_progress_bar=False)
            vectors = np.asarray(encoded, dtype=np.float32).reshape(len(pictures), -1)
        except (TypeError, ValueError, AttributeError, KeyError, RuntimeError) as error:
            raise ConfigError(
                f"the encoder {self._encoder!r} does not read pictures: {error}; set encoder under "
                "[data.pictures] to an image encoder, such as CLIP or SigLIP"
            ) from error
        if not np.isfinite(vectors).all():
            raise ConfigError(
                f"the encoder {self._encoder!r} returns values that are not finite numbers; use "
                "another one under [data.pictures]"
            )
        self.vectors |= dict(zip(pictures, vectors, strict=True))
        return len(pictures)

    def _save(self) -> int:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        digests = np.frombuffer(b"".join(self.vectors), dtype=np.uint8).reshape(-1, 32)
        save_arrays({"digests": digests, "vectors": np.stack([*self.vectors.values()])}, self._file)
        return 0


def picture_notes(catalog: Catalog, config: PictureConfig) -> list[str]:
    """A line on the products with and without pictures, for the report of a load."""
    if PICTURE_VECTOR not in catalog.frame.columns:
        if config.folder is None:
            return []
        return [f"pictures: no product has one that can be read in {config.folder}"]
    column = catalog.frame[PICTURE_VECTOR]
    length, count = picture_length(catalog.frame) or 0, column.count()
    missing = len(column) - count
    return [
        f"pictures: {count:,} products have a vector of {length:,} numbers, {missing:,} have none"
    ]
