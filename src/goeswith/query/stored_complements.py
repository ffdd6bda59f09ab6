"""Complements of one product from its precomputed list, by live facts, rules and limits alone.

The frequent case, without the saved models and without arrays of the size of the catalogue.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from goeswith.query.recommendation import Recommendation, make_recommendation
from goeswith.query.recommendation_list import RecommendationList

if TYPE_CHECKING:
    from goeswith.query.constraints import Constraints
    from goeswith.query.context import QueryContext
    from goeswith.store.precomputed_topk import RankedList


def stored_complements(
    bundle: QueryContext, source: int, k: int
) -> RecommendationList[Recommendation] | None:
    """The k first that are available and that rules leave; fewer where the list ends.

    None where pins of rules apply, which need not be in the list.
    """
    targets, scores, model_index = bundle.top_k_lists.for_product(source, bundle.k)
    places = np.arange(len(targets))
    available = bundle.live.available(targets)
    if available is not None:
        places = places[available]
    moved: dict[int, list[str]] = {}
    applied: list[str] = []
    if bundle.rules.index is not None:
        from goeswith.rules.rule_run import RuleRun

        run = RuleRun(bundle.rules.index, [source], None, time.time())
        if run.pins:
            return None
        rows = targets[places]
        outcome = run.apply(rows, np.zeros(len(rows), dtype=np.int32))
        places, moved, applied = places[outcome.order], outcome.moved, outcome.applied(rows, k)
    places = places[:k]
    shown = targets[places], scores[places], model_index[places]
    return RecommendationList(recommend(bundle, source, shown, moved), rules=applied)


def limited_complements(
    bundle: QueryContext, source: int, k: int, constraints: Constraints
) -> RecommendationList[Recommendation] | None:
    """What `select` gives under a limit per type, diversity or neither; None for all else.

    The products of the list are tested one by one, not those of the catalogue.
    """
    from goeswith.core.ndcg import rank_discounts
    from goeswith.ranking.slate import build_slate

    c = constraints
    if c.where or c.ban or c.pin or c.market is not None or not bundle.is_as_fitted:
        return None
    if bundle.objectives.get("weights"):
        return None
    limits = c.resolve(bundle.slate_settings)
    targets, scores, model_index = bundle.top_k_lists.for_product(source, bundle.k)
    groups = bundle.products.variant_codes.data
    places, seen, shown_groups = list[int](), {source}, {groups[source]} - {-1}
    for place, row in enumerate(targets.tolist()):
        if row in seen or groups[row] in shown_groups or bundle.is_substitute(source, row):
            continue
        seen.add(row)
        places.append(place)
        if groups[row] >= 0:
            shown_groups.add(groups[row])
    types = bundle.products.type_codes[targets[places]]
    names = bundle.manifest.get("probabilities", [])
    if all(bundle.models[model] in names for model in set(model_index.tolist())):
        relevance = np.maximum(scores[places].astype(np.float64), 0)
    else:
        relevance = rank_discounts(len(targets))[places]
    if limits.diversity or (np.diff(relevance) > 0).any():
        chosen = build_slate(
            targets[places],
            types,
            k,
            relevance=relevance,
            per_type=limits.per_type,
            diversity=limits.diversity or 0.0,
        ).tolist()
    else:
        chosen = _first_of_types(types.tolist(), k, limits.per_type)
    at = [places[one] for one in chosen]
    return RecommendationList(recommend(bundle, source, (targets[at], scores[at], model_index[at])))


def _first_of_types(types: list[int], k: int, per_type: int | None) -> list[int]:
    """Positions of the k first, at most `per_type` of one type; -1 is no type."""
    counts: dict[int, int] = {}
    chosen: list[int] = []
    for place, kind in enumerate(types):
        if len(chosen) == k:
            break
        if kind >= 0 and per_type is not None:
            counts[kind] = counts.get(kind, 0) + 1
            if counts[kind] > per_type:
                continue
        chosen.append(place)
    return chosen


def recommend(
    bundle: QueryContext,
    source: int,
    ranked_list: RankedList,
    moved: dict[int, list[str]] | None = None,
) -> list[Recommendation]:
    """Recommendations of a ranked list of one product.

    Args:
        bundle: whose products.
        source: row of the queried product.
        ranked_list: what is shown.
        moved: row -> ids of the rules that moved it.
    """
    targets, scores, model_index = ranked_list
    evidence = bundle.evidence.for_pairs(source, targets, bundle.ranks_by_type[model_index])
    product_id = bundle.products.ids[source]
    name, with_ = bundle.products.display_name(source), (product_id,)
    return [
        make_recommendation(
            bundle,
            target,
            scored,
            pair,
            name,
            with_,
            product_id,
            rules=tuple(moved.get(target, ())) if moved else (),
            source=source,
        )
        for target, scored, pair in zip(
            targets.tolist(),
            zip(scores.tolist(), model_index.tolist(), strict=True),
            evidence,
            strict=True,
        )
    ]
