"""Complements of one product from its precomputed list, by live facts and rules alone.

The frequent case, without the saved models and without arrays of the size of the catalogue.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from goeswith.query.recommendation import Recommendation, make_recommendation
from goeswith.query.recommendation_list import RecommendationList

if TYPE_CHECKING:
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
    moved = moved or {}
    return [
        make_recommendation(
            bundle,
            target,
            (float(scores[i]), int(model_index[i])),
            evidence[i],
            name,
            with_,
            product_id,
            rules=tuple(moved.get(target, ())),
            source=source,
        )
        for i, target in enumerate(targets.tolist())
    ]
