"""Recommendations reversed: for every product, the products that it is recommended for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from goeswith.pipeline.precompute import Answers


def reverse_arrays(answers: Answers) -> dict[str, npt.NDArray[Any]]:
    """Answers turned round: for every product, the products that it is an answer to.

    Answers of the first model stand before those of fallbacks; of one model they stand by score,
    then by the place that the product has in their lists. At most as many are kept of each product
    as it has answers itself: what everybody buys goes with everything.

    Returns:
        indptr (n + 1,) int64 and indices int32, rows of the sources.
    """
    n, k = answers.products.shape
    source, place = np.nonzero(answers.products >= 0)
    target = answers.products[source, place]
    origin, score = answers.origin[source, place], answers.scores[source, place]
    order = np.lexsort((source, place, -score, origin, target))
    counts = np.bincount(target, minlength=n)
    starts = np.concatenate([[0], np.cumsum(counts)])
    kept = np.arange(len(order)) - np.repeat(starts[:-1], counts) < k
    sizes = np.minimum(counts, k)
    return {
        "indptr": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        "indices": source[order][kept].astype(np.int32),
    }
