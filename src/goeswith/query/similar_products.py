"""Substitutes of a product: what shoppers view as alternatives of it, then what is alike.

Viewed alternatives come first, by how often they were viewed together, those of the similarity
signal before other pairs; complements are excluded. Products of the same type follow, and where
kinds decide what is a substitute those of the same and of alternative kinds, by the cosine of their
attributes (`AttributeEncoder`), computed on request from a memory-mapped inverted index, rarest
tokens first. A list has one product of each variant group.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from goeswith.core.arrays import repeated_groups
from goeswith.query.recommendation import Recommendation
from goeswith.query.recommendation_list import RecommendationList
from goeswith.text.evidence_text import substitute_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from goeswith.core.arrays import Rows
    from goeswith.core.mapped_arrays import MappedArrays
    from goeswith.query.constraints import Constraints
    from goeswith.query.context import QueryContext
    from goeswith.query.resolved_constraints import ResolvedConstraints
    from goeswith.store.evidence import Basis

VIEW_MODEL: Final = "co_view"
ATTRIBUTE_MODEL: Final = "attribute_similarity"
"""What answers name as their model."""

_DEEPER: Final = 5
"""How many times as many similar products are looked at, of which variants are left out."""
_MAX_INDEX_ENTRIES: Final = 200_000
"""Entries of the inverted index that one question reads; the rarest tokens have them."""


def similars(
    bundle: QueryContext, product_id: str, k: int, constraints: Constraints | None
) -> RecommendationList[Recommendation]:
    """See `Bundle.similars`."""
    source = bundle.source_row(product_id)
    resolved, removed = _resolve(bundle, source, constraints), list[str]()
    allowed = None if resolved is None else resolved.allowed
    viewed, times = bundle.evidence.viewed_with(source)
    is_shown = np.ones(len(viewed), dtype=bool) if allowed is None else allowed[viewed]
    is_shown &= ~bundle.evidence.complement(source, viewed) & (viewed != source)
    viewed, times = viewed[is_shown], times[is_shown]
    cosines = _cosines(bundle.similar_arrays, source, viewed)
    signal = np.isin(viewed, bundle.evidence.substitutes(source))
    order = np.lexsort((viewed, -cosines, -times, ~signal))
    order = order[_not_banned(resolved, viewed[order], removed)]
    groups = bundle.products.variant_codes
    order = order[~repeated_groups(groups[viewed[order]][None])[0]][:k]
    rows, scores = viewed[order], times[order].astype(np.float64)
    results = _make_recommendations(bundle, source, rows, scores, VIEW_MODEL)
    if len(results) < k:
        used = np.concatenate([viewed, [source]])
        rows, scores = _attribute_neighbours(bundle, source, allowed, used, _DEEPER * k)
        stays = _not_banned(resolved, rows, removed)
        rows, scores = rows[stays], scores[stays]
        shown = np.concatenate([viewed, rows])
        is_first = ~repeated_groups(groups[shown][None])[0][len(viewed) :]
        rows, scores = (values[is_first][: k - len(results)] for values in (rows, scores))
        results += _make_recommendations(bundle, source, rows, scores, ATTRIBUTE_MODEL)
    skipped = [] if resolved is None else resolved.skipped
    return RecommendationList(results, skipped, dict.fromkeys(removed))


def _resolve(
    bundle: QueryContext, source: int, constraints: Constraints | None
) -> ResolvedConstraints | None:
    if bundle.is_as_fitted and (constraints is None or constraints.is_empty):
        return None
    from goeswith.query.resolved_constraints import ResolvedConstraints

    resolved = ResolvedConstraints.from_constraints(bundle, constraints, [])
    resolved.allowed[source] = False
    if bundle.rules.index is None:
        return resolved
    of_source = ResolvedConstraints.from_constraints(bundle, None, [source])
    return replace(resolved, rules=of_source.rules)


def _not_banned(
    resolved: ResolvedConstraints | None, rows: Rows, removed: list[str]
) -> npt.NDArray[np.intp]:
    """Positions of the products that no ban concerns; ids of the rules go to `removed`."""
    if resolved is None or resolved.rules is None or not len(rows):
        return np.arange(len(rows))
    banned = resolved.rules.bans(rows)
    removed += banned.values()
    return np.flatnonzero([row not in banned for row in rows.tolist()])


def _attribute_neighbours(
    bundle: QueryContext,
    source: int,
    allowed: npt.NDArray[np.bool_] | None,
    used: npt.NDArray[np.integer],
    k: int,
) -> tuple[Rows, npt.NDArray[np.float64]]:
    """The k products of the source's type, or kind, most alike in attributes; their cosines."""
    arrays = bundle.similar_arrays
    tokens, weights = _csr_row(arrays, "product", source)
    starts, stops = arrays["token.indptr"][tokens], arrays["token.indptr"][tokens + 1]
    cosine = np.zeros(len(bundle), dtype=np.float32)
    read = 0
    for i in np.argsort(stops - starts, kind="stable").tolist():
        start, stop = int(starts[i]), int(stops[i])
        read += stop - start
        if read > _MAX_INDEX_ENTRIES and cosine.any():
            break
        # a product has each token once, so that no row occurs twice in `indices`
        cosine[arrays["token.indices"][start:stop]] += weights[i] * arrays["token.data"][start:stop]
    codes = bundle.products.type_codes
    if codes[source] >= 0:
        other = codes != codes[source]
        if bundle.kinds_exclude:
            other[bundle.kinds.alternatives(source)] = False
        cosine[other] = 0
    if allowed is not None:
        cosine[~allowed] = 0
    cosine[used] = 0
    rows = np.flatnonzero(cosine).astype(np.int32)
    if len(rows) > k:
        rows = rows[np.argpartition(-cosine[rows], k - 1)[:k]]
    # the cosine of what was read is a lower bound where common tokens were left out
    exact = _cosines(arrays, source, rows)
    order = np.lexsort((rows, -exact))
    return rows[order], exact[order]


def _csr_row(arrays: MappedArrays, name: str, row: int) -> tuple[Rows, npt.NDArray[np.float32]]:
    start, stop = arrays[f"{name}.indptr"][row : row + 2].tolist()
    return arrays[f"{name}.indices"][start:stop], arrays[f"{name}.data"][start:stop]


def _cosines(arrays: MappedArrays, source: int, rows: Rows) -> npt.NDArray[np.float64]:
    tokens, weights = _csr_row(arrays, "product", source)
    cosines = np.zeros(len(rows))
    for i, row in enumerate(rows.tolist()):
        others, theirs = _csr_row(arrays, "product", row)
        _, mine, them = np.intersect1d(tokens, others, assume_unique=True, return_indices=True)
        cosines[i] = weights[mine].astype(np.float64) @ theirs[them]
    return cosines


def _make_recommendations(
    bundle: QueryContext, source: int, rows: Rows, scores: npt.NDArray[np.float64], model: str
) -> list[Recommendation]:
    products = bundle.products
    basis: Basis = "viewed_together" if model == VIEW_MODEL else "attributes"
    evidence = bundle.evidence.for_pairs(source, rows, np.ones(len(rows), dtype=bool))
    name = products.display_name(source)
    recommendations = []
    for i, row in enumerate(rows.tolist()):
        pair = replace(evidence[i], basis=basis, link=None, types=None)
        recommendations.append(
            Recommendation(
                product_id=products.ids[row],
                title=products.title(row),
                type=products.type(row),
                relation="similar",
                score=float(scores[i]),
                model=model,
                fallback=model != VIEW_MODEL,
                evidence=pair,
                why=substitute_text(name, pair, float(scores[i])),
                goes_with=(),
                more_variants=products.variant_count(row) - 1,
            )
        )
    return recommendations


def check_similars(bundle: QueryContext) -> None:
    """Refuse a bundle without similar products.

    Raises:
        BundleError: the bundle must be fitted again.
    """
    if not len(bundle.similar_arrays):
        raise bundle.missing("similars", "similar products")
