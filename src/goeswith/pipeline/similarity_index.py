"""The inverted index from attribute tokens to products, for similar products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from goeswith.features.attribute_encoder import AttributeEncoder

if TYPE_CHECKING:
    import numpy.typing as npt

    from goeswith.data.catalog import Catalog


def similarity_arrays(catalog: Catalog) -> dict[str, npt.NDArray[Any]]:
    """What `alike` reads: the TF-IDF vectors of all products, by product and by token."""
    vectors = AttributeEncoder.fit(catalog).encode(catalog)
    arrays = {}
    for name, matrix in (("product", vectors), ("token", vectors.T.tocsr())):
        arrays[f"{name}.indptr"] = matrix.indptr.astype(np.int64)
        arrays[f"{name}.indices"] = matrix.indices.astype(np.int32)
        arrays[f"{name}.data"] = matrix.data.astype(np.float32)
    return arrays
