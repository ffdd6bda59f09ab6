"""Recommendations reversed: for every product, the products that it is recommended for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from goeswith.pipeline.top_k_table import TopKTable


def reverse_arrays(table: TopKTable) -> dict[str, npt.NDArray[Any]]:
    """Reverse lists: for every product, the products that it is recommended for.

    Recommendations of the first model come before those of fallbacks, those of one model by score,
    then by rank. A reverse list is at most as long as a list of recommendations: a popular product
    is recommended for most others.

    Returns:
        indptr (n + 1,) int64 and indices int32, rows of the sources.
    """
    n, k = table.products.shape
    source, place = np.nonzero(table.products >= 0)
    target = table.products[source, place]
    model_index, score = table.model_index[source, place], table.scores[source, place]
    order = np.lexsort((source, place, -score, model_index, target))
    counts = np.bincount(target, minlength=n)
    starts = np.concatenate([[0], np.cumsum(counts)])
    is_kept = np.arange(len(order)) - np.repeat(starts[:-1], counts) < k
    sizes = np.minimum(counts, k)
    return {
        "indptr": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        "indices": source[order][is_kept].astype(np.int32),
    }
