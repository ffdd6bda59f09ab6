"""Substitutes of a product: what shoppers view as alternatives of it, then what is alike.

Alternatives come first, by how often they were viewed together, those of the similarity signal
before other pairs; a pair that the data show as complements is none. Behind them stand products of
the same type by the cosine of their attributes (`AttributeEncoder`), found when they are asked for:
an inverted index from token to products is mapped, and its rarest tokens are read first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from goeswith.core.errors import BundleError
from goeswith.query.answer import Answer
from goeswith.text.evidence_text import why_similar

if TYPE_CHECKING:
    import numpy.typing as npt

    from goeswith.core.arrays import Rows
    from goeswith.core.mapped_arrays import MappedArrays
    from goeswith.query.constraints import Constraints
    from goeswith.query.context import QueryContext
    from goeswith.store.evidence import Basis

VIEWED: Final = "co_view"
ALIKE: Final = "attribute_similarity"
"""What answers name as their model."""

_MOST_READ: Final = 200_000
"""Entries of the inverted index that one question reads; the rarest tokens have them."""


def similars(
    bundle: QueryContext, product_id: str, k: int, constraints: Constraints | None
) -> list[Answer]:
    """See `Bundle.similars`."""
    source = bundle.products.row(product_id)
    allowed = _allowed(bundle, source, constraints)
    viewed, times = bundle.evidence.viewed_with(source)
    kept = np.ones(len(viewed), dtype=bool) if allowed is None else allowed[viewed]
    kept &= ~bundle.evidence.complement(source, viewed) & (viewed != source)
    viewed, times = viewed[kept], times[kept]
    cosines = _cosines(bundle.similar_arrays, source, viewed)
    signal = np.isin(viewed, bundle.evidence.substitutes(source))
    order = np.lexsort((viewed, -cosines, -times, ~signal))[:k]
    rows, scores = viewed[order], times[order].astype(np.float64)
    found = _answers(bundle, source, rows, scores, VIEWED)
    if len(found) < k:
        taken = np.concatenate([viewed, [source]])
        rows, scores = _alike(bundle, source, allowed, taken, k - len(found))
        found += _answers(bundle, source, rows, scores, ALIKE)
    return found


def _allowed(
    bundle: QueryContext, source: int, constraints: Constraints | None
) -> npt.NDArray[np.bool_] | None:
    if constraints is None or constraints.plain:
        return None
    from goeswith.query.select import Wanted

    allowed = Wanted.of(bundle, constraints, []).allowed
    allowed[source] = False
    return allowed


def _alike(
    bundle: QueryContext,
    source: int,
    allowed: npt.NDArray[np.bool_] | None,
    taken: npt.NDArray[np.integer],
    k: int,
) -> tuple[Rows, npt.NDArray[np.float64]]:
    """The k products of the source's type most alike in attributes, and their cosines."""
    arrays = bundle.similar_arrays
    tokens, weights = _entries(arrays, "product", source)
    starts, stops = arrays["token.indptr"][tokens], arrays["token.indptr"][tokens + 1]
    cosine = np.zeros(len(bundle), dtype=np.float32)
    read = 0
    for i in np.argsort(stops - starts, kind="stable").tolist():
        start, stop = int(starts[i]), int(stops[i])
        read += stop - start
        if read > _MOST_READ and cosine.any():
            break
        # a product has a token once: no row stands twice among the indices
        cosine[arrays["token.indices"][start:stop]] += weights[i] * arrays["token.data"][start:stop]
    codes = bundle.products.type_codes
    if codes[source] >= 0:
        cosine[codes != codes[source]] = 0
    if allowed is not None:
        cosine[~allowed] = 0
    cosine[taken] = 0
    rows = np.flatnonzero(cosine).astype(np.int32)
    if len(rows) > k:
        rows = rows[np.argpartition(-cosine[rows], k - 1)[:k]]
    # the cosine of what was read is a lower bound where common tokens were left out
    whole = _cosines(arrays, source, rows)
    order = np.lexsort((rows, -whole))
    return rows[order], whole[order]


def _entries(arrays: MappedArrays, name: str, row: int) -> tuple[Rows, npt.NDArray[np.float32]]:
    start, stop = arrays[f"{name}.indptr"][row : row + 2].tolist()
    return arrays[f"{name}.indices"][start:stop], arrays[f"{name}.data"][start:stop]


def _cosines(arrays: MappedArrays, source: int, rows: Rows) -> npt.NDArray[np.float64]:
    tokens, weights = _entries(arrays, "product", source)
    found = np.zeros(len(rows))
    for i, row in enumerate(rows.tolist()):
        others, theirs = _entries(arrays, "product", row)
        _, mine, them = np.intersect1d(tokens, others, assume_unique=True, return_indices=True)
        found[i] = weights[mine].astype(np.float64) @ theirs[them]
    return found


def _answers(
    bundle: QueryContext, source: int, rows: Rows, scores: npt.NDArray[np.float64], model: str
) -> list[Answer]:
    products = bundle.products
    basis: Basis = "viewed_together" if model == VIEWED else "attributes"
    evidence = bundle.evidence.of(source, rows, np.ones(len(rows), dtype=bool))
    name = products.name(source)
    found = []
    for i, row in enumerate(rows.tolist()):
        pair = replace(evidence[i], basis=basis, link=None, types=None)
        same = products.type(row) if products.type(row) == products.type(source) else None
        found.append(
            Answer(
                product_id=products.ids[row],
                title=products.title(row),
                type=products.type(row),
                relation="similar",
                score=float(scores[i]),
                model=model,
                fallback=model != VIEWED,
                evidence=pair,
                why=why_similar(name, pair, same, float(scores[i])),
                goes_with=(),
            )
        )
    return found


def check_similars(bundle: QueryContext) -> None:
    """Refuse a bundle that was fitted before there were similars.

    Raises:
        BundleError: says to fit it again.
    """
    if not len(bundle.similar_arrays):
        raise BundleError(
            f"{bundle.path} was fitted by goeswith {bundle.manifest['goeswith']}, which kept no "
            "similar products; fit it again, or update it"
        )
