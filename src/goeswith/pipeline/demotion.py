"""Recommendations that the counts do not support move behind the others.

Two kinds of recommendations need evidence of their own: that the pair is bought together more
often than by chance, and than the sizes of the baskets explain (lower bounds of the lift above 1,
`Relation.lift_bounds` and `sized_lift_lower`).

- **Hubs**: a product among the first five of more than a twentieth of all lists, which stays there
  in no more than those of its strongest pairs. What is in every
  tenth basket is bought together with everything, and says nothing about the queried product.
  A fallback model may give thousands of products one list. Where all of it has moved down, each
  product returns to a twentieth of the lists, and no more.
- **Products of the queried product's type**, where no views show which products are alternatives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows, Sparse
from goeswith.relations.measures import Z_95
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.pipeline.top_k_table import TopKTable
    from goeswith.relations.graph import RelationGraph

HEAD: Final = 5
"""Ranks of which a hub may not have too many."""
_HUB_SHARE: Final = 0.05
"""Share of all lists above which a product is a hub."""
_HUB_LISTS: Final = 50
"""Least number of them: in a small shop much is in every twentieth list."""
_MAX_ROUNDS: Final = 60


def demote_unsupported(table: TopKTable, catalog: Catalog, graph: RelationGraph) -> Rows:
    """Move what the counts do not support behind the other recommendations, in order.

    Its scores become at most those before it, so that scores order a list as it is shown. Lists
    without counts stay as they are.

    Returns:
        Rows of the hubs, those in most lists first.
    """
    bought = graph[CO_PURCHASE]
    if not bought.counted or not len(bought):
        return np.zeros(0, dtype=np.int32)
    lower = np.minimum(bought.lift_bounds(Z_95)[0], bought.sized_lift_lower())
    supported = bought.filter(lower > 1).count.astype(np.float64)
    supported.data = lower[lower > 1]
    if CO_VIEW not in graph:
        _demote(table, supported, _of_one_type(table, catalog.type_codes))
    hubs: list[int] = []
    for _ in range(_MAX_ROUNDS):
        # what moves up may be a hub as well
        more = _in_many_lists(table, graph.n).tolist()
        if not more:
            break
        new = [row for row in more if row not in hubs]
        for rows, least in ((new, 0.0), ([row for row in more if row in hubs], -1.0)):
            _demote(table, supported, np.isin(table.products, rows), _most_lists(table), least)
        hubs += new
    return np.array(hubs, dtype=np.int32)


def _of_one_type(table: TopKTable, types: Rows) -> npt.NDArray[np.bool_]:
    return np.asarray(
        (table.products >= 0) & (types[:, None] >= 0) & (types[table.products] == types[:, None])
    )


def _in_many_lists(table: TopKTable, n: int) -> Rows:
    """Products among the first of too many lists, those in most lists first."""
    head = table.products[:, :HEAD]
    counts = np.bincount(head[head >= 0], minlength=n)
    order = np.argsort(-counts, kind="stable")
    return order[counts[order] > _most_lists(table)].astype(np.int32)


def _most_lists(table: TopKTable) -> int:
    lists = np.count_nonzero(table.products[:, 0] >= 0)
    return int(max(_HUB_SHARE * lists, _HUB_LISTS))


def _demote(
    table: TopKTable,
    supported: Sparse,
    mask: npt.NDArray[np.bool_],
    most: int | None = None,
    least: float = 0.0,
) -> None:
    """Move the recommendations of a mask (n, k) with a support of `least` or below to the end.

    If a product with more is among the first of more than `most` lists, only its strongest pairs
    keep their places. The support of a pair without one is 0.
    """
    source, place = np.nonzero(mask)
    if not len(source):
        return
    target = table.products[source, place]
    value = np.asarray(supported[source, target]).ravel()
    unsupported = value <= least
    if most is not None:
        in_head = np.flatnonzero((place < HEAD) & ~unsupported)
        in_head = in_head[np.lexsort((-value[in_head], target[in_head]))]
        starts = np.searchsorted(target[in_head], target[in_head])
        unsupported[in_head[np.arange(len(in_head)) - starts >= most]] = True
    moved = np.zeros(table.products.shape, dtype=np.int8)
    moved[source[unsupported], place[unsupported]] = 1
    moved[table.products < 0] = 2
    rows = np.flatnonzero((moved == 1).any(axis=1))
    order = np.tile(np.arange(moved.shape[1]), (len(moved), 1))
    order[rows] = np.argsort(moved[rows], axis=1, kind="stable")
    table.reorder(order)
    scores = table.scores[rows]
    is_moved = np.take_along_axis(moved[rows], order[rows], axis=1) == 1
    least = np.where(np.isfinite(scores) & ~is_moved, scores, np.inf).min(axis=1, keepdims=True)
    table.scores[rows] = np.where(is_moved, np.minimum(scores, least), scores)
