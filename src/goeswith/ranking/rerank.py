"""Re-ranking of a list by a second score: by ranks and within bounds.

A re-ranker may read hostile text. A product therefore moves by the difference of its ranks and by
at most `max_shift`, for any score.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows

PairScorer = Callable[[Rows, Rows], Floats]
"""Scores (m,) of m pairs, by the rows of their sources and targets."""


def rerank_positions(
    scores: Floats, *, weight: float = 0.5, max_shift: int | None = None
) -> npt.NDArray[np.int64]:
    """(b, c) the positions of lists of c products, in their new order.

    A product's new value is its position, moved by `weight` times the difference to its rank by
    score, at most `max_shift` positions; ties keep their order.

    Args:
        scores: (b, c) score at each position; -inf for an empty one, which comes last.
        weight: 0 keeps the order, 1 is the order of the scores.
        max_shift: see above; None for no bound.

    >>> rerank_positions(np.array([[1.0, 2.0, 3.0]]), weight=1.0).tolist()
    [[2, 1, 0]]
    """
    position = np.arange(scores.shape[1])[None, :]
    order = np.argsort(-scores, axis=1, kind="stable")
    new_rank = np.empty_like(order)
    np.put_along_axis(new_rank, order, np.broadcast_to(position, order.shape), axis=1)
    shift = (new_rank - position).astype(np.float64)
    if max_shift is not None:
        shift = shift.clip(-max_shift, max_shift)
    value = np.where(np.isfinite(scores), position + weight * shift, np.inf)
    return np.argsort(value, axis=1, kind="stable")


def score_within_budget(
    sources: Rows,
    products: Rows,
    score_pairs: PairScorer,
    *,
    milliseconds: float | None = None,
    sample: int = 32,
) -> Floats:
    """(b, c) scores of the products of lists, from the top as far as the time allows.

    Args:
        sources: (b,) rows.
        products: (b, c) rows, best first, -1 where there are no more.
        score_pairs: the scorer.
        milliseconds: for each source; the speed is measured on the first `sample` sources. None
            for no limit, and so equal results on every machine.
        sample: see above.

    Returns:
        scores, -inf for products without one: see `rerank_positions`.
    """
    scores = np.full(products.shape, -np.inf, dtype=np.float32)
    is_product = products >= 0
    if milliseconds is not None and len(sources):
        in_sample = is_product[:sample]
        started = time.perf_counter()
        scores[:sample][in_sample] = _score_products(
            sources[:sample], products[:sample], in_sample, score_pairs
        )
        elapsed_ms = 1000 * (time.perf_counter() - started)
        max_position = int(milliseconds * in_sample.sum() / max(elapsed_ms, 1e-9))
        is_product[:, max_position:] = False
        scores[~is_product] = -np.inf
        rest = slice(sample, None)
    else:
        rest = slice(None)
    scores[rest][is_product[rest]] = _score_products(
        sources[rest], products[rest], is_product[rest], score_pairs
    )
    return scores


def _score_products(
    sources: Rows, products: Rows, is_product: npt.NDArray[np.bool_], score_pairs: PairScorer
) -> Floats:
    row, _ = np.nonzero(is_product)
    return score_pairs(sources[row], products[is_product])
