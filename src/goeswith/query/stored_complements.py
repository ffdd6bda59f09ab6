"""Complements of one product from its precomputed list, by live facts, rules and limits alone.

The frequent case, without the saved models and without arrays of the size of the catalogue.
"""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from goeswith.core.ndcg import rank_discounts
from goeswith.query.recommendation import QueriedProduct, Recommendation, make_for_product
from goeswith.query.recommendation_list import RecommendationList
from goeswith.ranking.slate import slate_places

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
    c = constraints
    if c.where or c.ban or c.pin or c.market is not None or not bundle.is_as_fitted:
        return None
    if bundle.objectives.get("weights"):
        return None
    limits = c.resolve(bundle.slate_settings)
    targets, scores, model_index = bundle.top_k_lists.for_product(source, bundle.k)
    rows, groups = targets.tolist(), bundle.products.variant_codes.data
    left_out = {source, *bundle.substitutes_among(source, rows)}
    places, shown_groups = list[int](), {groups[source]}
    for place, row in enumerate(rows):
        if row in left_out or ((group := groups[row]) >= 0 and group in shown_groups):
            continue
        left_out.add(row)
        shown_groups.add(group)
        places.append(place)
    names = bundle.manifest.get("probabilities", [])
    if names and all(bundle.models[model] in names for model in set(model_index.tolist())):
        relevance = [max(score, 0.0) for score in scores.tolist()]
    else:
        relevance = _discounts(len(rows))
    types = bundle.products.type_codes.data
    at = slate_places(
        places,
        [types[row] for row in rows],
        relevance,
        k,
        per_type=limits.per_type,
        diversity=limits.diversity or 0.0,
    )
    return RecommendationList(recommend(bundle, source, (targets[at], scores[at], model_index[at])))


@cache
def _discounts(count: int) -> list[float]:
    """`rank_discounts` as plain numbers."""
    discounts: list[float] = rank_discounts(count).tolist()
    return discounts


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
    targets, _, model_index = ranked_list
    evidence = bundle.evidence.for_pairs(source, targets, bundle.ranks_by_type[model_index])
    product_id = bundle.products.ids[source]
    query = QueriedProduct(source, bundle.products.display_name(source), product_id)
    goes_with = [(product_id,)] * len(evidence)
    return make_for_product(bundle, query, ranked_list, evidence, goes_with, rules=moved)
