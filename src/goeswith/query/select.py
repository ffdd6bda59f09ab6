"""From the ranked answers of one product or several to the slate that is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.query.recommendation import QueriedProduct, Recommendation, make_for_product
from goeswith.query.recommendation_list import RecommendationList
from goeswith.query.resolved_constraints import ResolvedConstraints
from goeswith.query.similar_products import similars
from goeswith.query.slate_order import Candidates, Slate, make_slate
from goeswith.ranking.slate import reciprocal_ranks
from goeswith.store.precomputed_topk import RankedList

if TYPE_CHECKING:
    from goeswith.query.constraints import Constraints
    from goeswith.query.context import QueryContext
    from goeswith.query.shopper.personal_order import PersonalOrder
    from goeswith.store.evidence import Evidence


def fuse(
    lists: list[RankedList],
    is_probability: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64] | None = None,
) -> Candidates:
    """One ranking out of the lists of several products.

    If scores are probabilities p that a pair goes together, the score of a candidate is the
    noisy-or of its pairs, 1 - prod(1 - p) (Pearl, 1988, section 4.3); candidates of fallbacks,
    which have no probability, come behind. Among those, and if no scores are probabilities,
    reciprocal rank fusion is used. A single list stays as it is.

    Args:
        lists: one for each queried product.
        is_probability: by place of a model, whether its scores are probabilities.
        weights: of each list, 0 to 1: what its probabilities and reciprocal ranks are multiplied
            with; 1 where left out.
    """
    products = np.concatenate([rows for rows, _, _ in lists]).astype(np.int32)
    scores = np.concatenate([score for _, score, _ in lists]).astype(np.float64)
    model_index = np.concatenate([place for _, _, place in lists]).astype(np.int32)
    source = np.repeat(np.arange(len(lists), dtype=np.int32), [len(f) for f, _, _ in lists])
    ranks = np.concatenate([reciprocal_ranks(len(rows)) for rows, _, _ in lists])
    calibrated = is_probability[model_index] if len(model_index) else np.zeros(0, dtype=bool)
    probability = np.where(calibrated, np.clip(scores, 0, 1), 0)
    if weights is not None:
        ranks, probability = ranks * weights[source], probability * weights[source]

    distinct, place = np.unique(products, return_inverse=True)
    missed = np.ones(len(distinct))
    np.multiply.at(missed, place, 1 - probability)
    combined = 1 - missed
    fused = np.bincount(place, ranks, len(distinct))
    goes_with = np.zeros((len(distinct), len(lists)), dtype=bool)
    goes_with[place, source] = True
    # the entry a candidate owes most to: of most probability, then of best rank, then the first
    order = np.lexsort((-ranks, -probability, place))
    first = order[np.unique(place[order], return_index=True)[1]]
    by_value = np.lexsort((first, -fused, -combined))
    if len(lists) == 1:
        by_value = np.argsort(first)
        fused_scores = scores[first]
    else:
        fused_scores = np.where(combined > 0, combined, fused)
    return Candidates(
        products=distinct[by_value],
        scores=fused_scores[by_value],
        model_index=model_index[first][by_value],
        best=source[first][by_value],
        goes_with=goes_with[by_value],
        comparable=bool(calibrated.all()),
    )


def select(
    bundle: QueryContext,
    sources: list[int],
    k: int,
    constraints: Constraints | None,
    personal: PersonalOrder | None = None,
) -> RecommendationList[Recommendation]:
    """The answers to show for one product or a basket; see `Bundle.basket`.

    The slate is selected from the precomputed recommendations. If filters, bans, rules and products
    that are not available leave too few of them, the saved models score the allowed products.

    Args:
        bundle: whose answers.
        sources: distinct rows of the queried products.
        k: maximum number of recommendations.
        constraints: None for the settings of the bundle.
        personal: the order for one shopper; None for that for all.
    """
    resolved = ResolvedConstraints.from_constraints(bundle, constraints, sources)
    substitutes = [bundle.substitutes(row) for row in sources]
    allowed = resolved.allowed.copy()
    for rows in substitutes:
        allowed[rows] = False
    first = sold_out_alternatives(bundle, sources, k, constraints)
    shown, k = k, k - len(first)
    own = 0 if personal is None else int(personal.left_out.sum())
    is_probability = probability_mask(bundle)
    candidates = fuse(
        [bundle.top_k_lists.for_product(row, bundle.k) for row in sources], is_probability
    )
    if resolved.is_filtered:
        candidates = _with_allowed_variants(bundle, candidates, allowed)
    for_all = allowed
    candidates = _by_objectives(bundle, sources, candidates)
    if personal is not None:
        allowed = allowed & ~personal.left_out
        candidates = personal.apply(candidates, for_all)
    slate = make_slate(bundle, candidates, resolved, allowed, k)
    if len(slate) < k and (resolved.is_filtered or own) and bundle.online:
        lists = []
        for i, row in enumerate(sources):
            for_source = for_all.copy()
            if resolved.rules is not None:
                resolved.rules.restrict(for_source, i)
            lists.append(bundle.scorer.top_k(row, for_source, bundle.k + own))
        candidates = _by_objectives(bundle, sources, fuse(lists, is_probability))
        if personal is not None:
            candidates = personal.apply(candidates, for_all)
        slate = make_slate(bundle, candidates, resolved, allowed, k)

    def evidence(best: int, targets: Rows, model_index: Rows) -> list[Evidence]:
        return bundle.pair_evidence(sources[best], targets, model_index)

    names = [bundle.products.display_name(row) for row in sources]
    ids = [bundle.products.ids[row] for row in sources]
    answers = make_recommendations(bundle, slate, evidence, names, ids, rows=sources)
    if personal is None:
        return slate.as_list([*first, *answers], resolved)
    result = slate.as_list(personal.explain([*first, *answers], len(first)), resolved)
    result.personal = personal.report(result, shown)
    return result


def _by_objectives(bundle: QueryContext, sources: list[int], candidates: Candidates) -> Candidates:
    """Candidates in the order of the objectives, by the values that hold now."""
    weights = bundle.objectives.get("weights")
    if not weights:
        return candidates
    from goeswith.ranking.objectives import objective_columns, objective_order, objective_values

    columns = objective_columns(weights)
    rows = np.concatenate([candidates.products, np.array(sources, dtype=np.int32)])
    frame, count = bundle.live.rows_frame(rows, columns), len(candidates.products)
    prices = np.full(len(sources), np.nan)
    if "price" in frame.columns:
        prices = frame["price"][count:].cast(float).to_numpy()
    values = objective_values(frame[:count], weights, prices[candidates.best])
    order = objective_order(
        candidates.scores,
        candidates.model_index,
        values,
        weights,
        float(bundle.objectives.get("floor", 1)),
    )
    # slates may weigh scores, which are of relevance alone
    is_moved = bool((order != np.arange(count)).any())
    comparable = candidates.comparable and not is_moved
    return replace(candidates.take(order), comparable=comparable)


def _with_allowed_variants(
    bundle: QueryContext, candidates: Candidates, allowed: npt.NDArray[np.bool_]
) -> Candidates:
    """Candidates that filters exclude, as the first variant of theirs that filters allow.

    A stored list has one product of each variant group; a filter may want another size.
    """
    codes = bundle.products.variant_codes
    products = candidates.products.copy()
    for place in np.flatnonzero((codes[products] >= 0) & ~allowed[products]).tolist():
        variants = np.flatnonzero((codes == codes[products[place]]) & allowed)
        if len(variants):
            products[place] = variants[0]
    return replace(candidates, products=products)


def sold_out_alternatives(
    bundle: QueryContext, sources: list[int], k: int, constraints: Constraints | None
) -> list[Recommendation]:
    """Alternatives to show first, where a single queried product is sold out."""
    count = bundle.slate_settings.get("when_sold_out")
    if constraints is not None and constraints.when_sold_out is not None:
        count = constraints.when_sold_out
    if not count or len(sources) != 1 or not bundle.live.is_sold_out(sources[0]):
        return []
    if not len(bundle.similar_arrays):
        return []
    return similars(bundle, bundle.products.ids[sources[0]], min(count, k), constraints)


def probability_mask(bundle: QueryContext) -> npt.NDArray[np.bool_]:
    """By place of a model, whether its scores are probabilities."""
    names = bundle.manifest.get("probabilities", [])
    return np.array([name in names for name in bundle.models], dtype=bool)


def make_recommendations(
    bundle: QueryContext,
    slate: Slate,
    evidence: Callable[[int, Rows, Rows], list[Evidence]],
    names: list[str],
    ids: list[str],
    *,
    rows: list[int] | None = None,
) -> list[Recommendation]:
    """What is shown, each with the evidence of the product that it goes with best.

    Args:
        bundle: whose products.
        slate: what to show.
        evidence: of the recommendations for the queried product at a position, from their rows and
            model indexes.
        names: display name of each queried product.
        ids: of the queried products.
        rows: of the queried products, where they are in the bundle.
    """
    candidates = slate.candidates
    goes_with = [
        tuple(ids[j] for j in np.flatnonzero(one).tolist()) for one in candidates.goes_with
    ]
    made: dict[int, Recommendation] = {}
    for best in np.unique(candidates.best).tolist():
        at = np.flatnonzero(candidates.best == best)
        query = QueriedProduct(rows[best] if rows else -1, names[best], ids[best])
        part = candidates.take(at)
        ranked_list = part.products, part.scores, part.model_index
        of_best = make_for_product(
            bundle,
            query,
            ranked_list,
            evidence(best, part.products, part.model_index),
            [goes_with[i] for i in at.tolist()],
            pinned=slate.pinned,
            rules=slate.rules,
        )
        made.update(zip(at.tolist(), of_best, strict=True))
    return [made[i] for i in range(len(made))]
