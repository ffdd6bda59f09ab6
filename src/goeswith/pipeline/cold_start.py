"""New products in the answers of others, beside the known product that they are most like.

Nobody has bought a new product yet, so that no count proposes it. It stands where its stand-in
stands: the product of the same type whose attributes are nearest by cosine of TF-IDF. Where a
source has the stand-in among its answers, the new product comes directly behind it, with the
stand-in's score times the cosine. New products have at most one place in ten of a list, the
likeliest of them, and so cannot crowd out what is known.
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
    from goeswith.pipeline.precompute import Answers

STAND_IN: Final = "stand_in"
"""What an answer names as its model; it has none."""

_LEAST: Final = 0.3
"""Least cosine of a stand-in."""
_BLOCK: Final = 256


def nearest_known(catalog: Catalog, new: Rows, known: Rows) -> tuple[Rows, Floats]:
    """The product that stands in for each new one.

    Args:
        catalog: all products.
        new: (m,) rows.
        known: (u,) rows of those that may stand in.

    Returns:
        rows (m,), -1 where none is of the same type and near enough, and cosines (m,).
    """
    vectors = AttributeEncoder.fit(catalog).encode(catalog)
    by_token = vectors[known].T.tocsr()
    types = catalog.type_codes
    rows, cosines = [], []
    for block in blocks(new, _BLOCK):
        near = path_scores(vectors[block] @ by_token)
        near[types[block][:, None] != types[known][None, :]] = -np.inf
        best = near.argmax(axis=1) if len(known) else np.zeros(len(block), dtype=np.int64)
        cosine = near[np.arange(len(block)), best] if len(known) else np.zeros(len(block))
        rows.append(np.where(cosine >= _LEAST, known[best] if len(known) else -1, -1))
        cosines.append(cosine)
    if not rows:
        return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
    return np.concatenate(rows).astype(np.int32), np.concatenate(cosines).astype(np.float32)


def propose(
    answers: Answers,
    catalog: Catalog,
    new: Rows,
    allowed: Callable[[npt.NDArray[np.intp], int], npt.NDArray[np.bool_]],
) -> int:
    """Put new products into the answers of the others; see the module.

    Args:
        answers: filled; changed in place.
        catalog: all products.
        new: rows of products without evidence of their own.
        allowed: tells for sources (b,) and a target whether the target may be an answer of each.

    Returns:
        Places that new products have now.
    """
    unseen = new[~np.isin(new, answers.products)]
    if not len(unseen):
        return 0
    known = np.setdiff1d(np.unique(answers.products[answers.products >= 0]), new)
    stand_ins, cosines = nearest_known(catalog, unseen, known.astype(np.int32))
    origin = len([name for name in answers.models if name != STAND_IN])
    most = max(answers.k // 10, 1)
    used = np.count_nonzero(answers.origin == origin, axis=1)
    # the likeliest first, so that they have the places
    for i in np.argsort(-cosines, kind="stable").tolist():
        if stand_ins[i] < 0:
            continue
        row, target = int(stand_ins[i]), int(unseen[i])
        # behind the last place there is none
        sources, places = np.nonzero(answers.products[:, :-1] == row)
        free = (used[sources] < most) & (sources != target) & allowed(sources, target)
        for source, place in zip(sources[free].tolist(), places[free].tolist(), strict=True):
            _insert(answers, (source, place + 1), target, float(cosines[i]), origin)
        used[sources[free]] += 1
    if used.any():
        answers.models = [*answers.models[:origin], STAND_IN]
    return int(used.sum())


def _insert(answers: Answers, at: tuple[int, int], target: int, cosine: float, origin: int) -> None:
    source, place = at
    score = answers.scores[source, place - 1]
    for values, value in (
        (answers.products, target),
        (answers.scores, score * cosine if score > 0 else score),
        (answers.origin, origin),
    ):
        values[source, place + 1 :] = values[source, place:-1]
        values[source, place] = value
