"""Picture vectors as sparse features: the reference pictures that a picture is most similar to.

References are pictures of the catalogue, drawn at random (landmarks, as in anchor graphs; Liu, He &
Chang, 2010). A picture is described by its cosines with the most similar of them, after the mean
picture is subtracted: image encoders give any two photographs a high cosine. Similar pictures share
references, as similar titles share words, so that whatever reads words reads pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Sparse, blocks
from goeswith.core.arrays_file import Arrays
from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.pictures.column_name import PICTURE_VECTOR
from goeswith.data.pictures.picture_column import picture_vectors

_LANDMARKS: Final = 1024
"""Reference pictures at most."""
_NEAREST: Final = 16
"""References that describe a picture at most."""
_BLOCK: Final = 4096


@dataclass(frozen=True)
class PictureLandmarks:
    """Reference pictures.

    Attributes:
        mean: (d,) of the catalogue's pictures; d = 0 without pictures.
        landmarks: (k, d) reference pictures, less the mean, rows of length 1.
    """

    mean: Floats
    landmarks: Floats

    @classmethod
    def fit(cls, catalog: Catalog) -> Self:
        """Draw references from the pictures of a catalogue."""
        _, vectors = picture_vectors(catalog.frame)
        mean = vectors.mean(axis=0) if len(vectors) else np.zeros(0, dtype=np.float32)
        drawn = np.random.default_rng(0).permutation(len(vectors))[:_LANDMARKS]
        return cls(mean.astype(np.float32), _centred(vectors[np.sort(drawn)], mean))

    def __len__(self) -> int:
        return len(self.landmarks)

    @property
    def names(self) -> list[str]:
        """Names of the features, as of tokens."""
        return [f"{PICTURE_VECTOR}={i}" for i in range(len(self))]

    def encode(self, catalog: Catalog) -> Sparse:
        """(m, k) CSR float32, rows of length 1; zeros for a product without a picture.

        Raises:
            DataError: its pictures are of another encoder.
        """
        rows, vectors = picture_vectors(catalog.frame)
        shape = (len(catalog), len(self))
        if not len(rows) or not len(self):
            return sparse.csr_matrix(shape, dtype=np.float32)
        if vectors.shape[1] != len(self.mean):
            raise DataError(
                f"a {PICTURE_VECTOR} has {vectors.shape[1]:,} numbers where those of the catalogue "
                f"have {len(self.mean):,}; encode it with the catalogue's encoder"
            )
        nearest = min(_NEAREST, len(self))
        parts: list[tuple[npt.NDArray[Any], ...]] = []
        for block in blocks(np.arange(len(rows), dtype=np.int32), _BLOCK):
            cosines = _centred(vectors[block], self.mean) @ self.landmarks.T
            columns = np.argpartition(-cosines, nearest - 1, axis=1)[:, :nearest]
            values = np.maximum(np.take_along_axis(cosines, columns, axis=1), 0)
            norms = np.linalg.norm(values, axis=1, keepdims=True)
            values = values / np.maximum(norms, np.float32(1e-12))
            parts.append((values.ravel(), np.repeat(rows[block], nearest), columns.ravel()))
        values, row, column = (np.concatenate(part) for part in zip(*parts, strict=True))
        encoded = sparse.csr_matrix((values.astype(np.float32), (row, column)), shape=shape)
        encoded.eliminate_zeros()
        return encoded

    def arrays(self) -> Arrays:
        """The arrays of `restore`; none without pictures."""
        if not len(self):
            return {}
        return {"picture_mean": self.mean, "picture_landmarks": self.landmarks}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`; models that were stored before pictures have none."""
        if "picture_landmarks" not in arrays:
            return cls(np.zeros(0, dtype=np.float32), np.zeros((0, 0), dtype=np.float32))
        return cls(arrays["picture_mean"], arrays["picture_landmarks"])


def _centred(vectors: Floats, mean: Floats) -> Floats:
    """Vectors less the mean, of length 1; zeros where that leaves rounding errors."""
    centred = vectors - mean
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: Floats = np.where(norms > 1e-5, centred / np.maximum(norms, 1e-5), 0).astype(np.float32)
    return unit
