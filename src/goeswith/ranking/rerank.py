"""A second opinion on a ranked list: by places, within bounds, so that no score can run away.

What re-ranks reads text, and text may be hostile. A product therefore moves by how far the two
rankings are apart and by no more than `reach`, whatever it scores.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows

Opinion = Callable[[Rows, Rows], Floats]
"""Scores (m,) of m pairs, by the rows of their sources and targets."""


def new_order(
    opinions: Floats, *, weight: float = 0.5, reach: int | None = None
) -> npt.NDArray[np.int64]:
    """(b, c) the places of lists of c products, in their new order.

    A product's new value is its place, moved by `weight` times how much better the opinion places
    it, at most `reach` places; ties keep their order.

    Args:
        opinions: (b, c) scores of what stands at each place; -inf where nothing does: it is last.
        weight: 0 keeps the order, 1 takes that of the opinion.
        reach: see above; no bound where left out.

    >>> new_order(np.array([[1.0, 2.0, 3.0]]), weight=1.0).tolist()
    [[2, 1, 0]]
    """
    place = np.arange(opinions.shape[1])[None, :]
    order = np.argsort(-opinions, axis=1, kind="stable")
    opined = np.empty_like(order)
    np.put_along_axis(opined, order, np.broadcast_to(place, order.shape), axis=1)
    shift = (opined - place).astype(np.float64)
    if reach is not None:
        shift = shift.clip(-reach, reach)
    value = np.where(np.isfinite(opinions), place + weight * shift, np.inf)
    return np.argsort(value, axis=1, kind="stable")


def opinions_within(
    sources: Rows,
    products: Rows,
    opinion: Opinion,
    *,
    milliseconds: float | None = None,
    sample: int = 32,
) -> Floats:
    """(b, c) opinions of the products of lists, of as many from the top as there is time for.

    Args:
        sources: (b,) rows.
        products: (b, c) rows, best first, -1 where there are no more.
        opinion: what to ask.
        milliseconds: for each source; its speed is measured on the first `sample` sources. No limit
            where left out, and then equal on every machine.
        sample: see above.

    Returns:
        opinions, -inf where nobody was asked: see `new_order`.
    """
    found = np.full(products.shape, -np.inf, dtype=np.float32)
    asked = products >= 0
    if milliseconds is not None and len(sources):
        some = asked[:sample]
        started = time.perf_counter()
        found[:sample][some] = _ask(sources[:sample], products[:sample], some, opinion)
        spent = 1000 * (time.perf_counter() - started)
        affordable = int(milliseconds * some.sum() / max(spent, 1e-9))
        asked[:, affordable:] = False
        found[~asked] = -np.inf
        rest = slice(sample, None)
    else:
        rest = slice(None)
    found[rest][asked[rest]] = _ask(sources[rest], products[rest], asked[rest], opinion)
    return found


def _ask(sources: Rows, products: Rows, asked: npt.NDArray[np.bool_], opinion: Opinion) -> Floats:
    row, _ = np.nonzero(asked)
    return opinion(sources[row], products[asked])
