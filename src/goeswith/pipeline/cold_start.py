"""Insertion of new products into the recommendations of other products, after a stand-in.

A new product has no purchases, so that no count proposes it. Its stand-in is the product of the
same type with the largest cosine of TF-IDF attribute vectors. Where a source has the stand-in among
its recommendations, the new product is inserted directly after it, with the stand-in's score times
the cosine. At most one in ten recommendations of a list is a new product, the likeliest ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from goeswith.core.arrays import Rows, blocks
from goeswith.features.attribute_encoder import AttributeEncoder
from goeswith.models.paths import path_scores

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from goeswith.core.arrays import Floats
    from goeswith.data.catalog import Catalog
    from goeswith.pipeline.top_k_table import TopKTable

STAND_IN: Final = "stand_in"
"""What an answer names as its model; it has none."""

_MIN_COSINE: Final = 0.3
"""Minimum cosine of a stand-in."""
_BLOCK: Final = 256


def nearest_stand_ins(catalog: Catalog, new: Rows, existing: Rows) -> tuple[Rows, Floats]:
    """The stand-in of each new product.

    Args:
        catalog: all products.
        new: (m,) rows.
        existing: (u,) rows of possible stand-ins.

    Returns:
        rows (m,), -1 where none is of the same type and near enough, and cosines (m,).
    """
    vectors = AttributeEncoder.fit(catalog).encode(catalog)
    by_token = vectors[existing].T.tocsr()
    types = catalog.type_codes
    rows, cosines = [], []
    for block in blocks(new, _BLOCK):
        near = path_scores(vectors[block] @ by_token)
        near[types[block][:, None] != types[existing][None, :]] = -np.inf
        best = near.argmax(axis=1) if len(existing) else np.zeros(len(block), dtype=np.int64)
        cosine = near[np.arange(len(block)), best] if len(existing) else np.zeros(len(block))
        rows.append(np.where(cosine >= _MIN_COSINE, existing[best] if len(existing) else -1, -1))
        cosines.append(cosine)
    if not rows:
        return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
    return np.concatenate(rows).astype(np.int32), np.concatenate(cosines).astype(np.float32)


def insert_new_products(
    table: TopKTable,
    catalog: Catalog,
    new: Rows,
    allowed: Callable[[npt.NDArray[np.intp], int], npt.NDArray[np.bool_]],
) -> int:
    """Put new products into the answers of the others; see the module.

    Args:
        table: filled; changed in place.
        catalog: all products.
        new: rows of products without evidence of their own.
        allowed: for sources (b,) and a target, whether the target may be recommended for each.

    Returns:
        Places that new products have now.
    """
    unseen = new[~np.isin(new, table.products)]
    if not len(unseen):
        return 0
    existing = np.setdiff1d(np.unique(table.products[table.products >= 0]), new)
    stand_ins, cosines = nearest_stand_ins(catalog, unseen, existing.astype(np.int32))
    model_index = len([name for name in table.models if name != STAND_IN])
    max_new = max(table.k // 10, 1)
    used = np.count_nonzero(table.model_index == model_index, axis=1)
    # the likeliest first, so that they have the places
    for i in np.argsort(-cosines, kind="stable").tolist():
        if stand_ins[i] < 0:
            continue
        row, target = int(stand_ins[i]), int(unseen[i])
        # the last position has none after it
        sources, places = np.nonzero(table.products[:, :-1] == row)
        free = (used[sources] < max_new) & (sources != target) & allowed(sources, target)
        for source, place in zip(sources[free].tolist(), places[free].tolist(), strict=True):
            _insert(table, (source, place + 1), target, float(cosines[i]), model_index)
        used[sources[free]] += 1
    if used.any():
        table.models = [*table.models[:model_index], STAND_IN]
    return int(used.sum())


def _insert(
    table: TopKTable, at: tuple[int, int], target: int, cosine: float, model_index: int
) -> None:
    source, place = at
    score = table.scores[source, place - 1]
    for values, value in (
        (table.products, target),
        (table.scores, score * cosine if score > 0 else score),
        (table.model_index, model_index),
    ):
        values[source, place + 1 :] = values[source, place:-1]
        values[source, place] = value
