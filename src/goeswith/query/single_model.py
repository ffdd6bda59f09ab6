"""Recommendations of one model of a bundle, for comparison with another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from goeswith.core.errors import ConfigError
from goeswith.query.resolved_constraints import ResolvedConstraints
from goeswith.query.select import (
    fuse,
    make_recommendations,
    probability_mask,
)
from goeswith.query.slate_order import make_slate

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows
    from goeswith.query.constraints import Constraints
    from goeswith.query.context import QueryContext
    from goeswith.query.recommendation import Recommendation
    from goeswith.query.recommendation_list import RecommendationList
    from goeswith.store.evidence import Evidence


def complements_by(
    bundle: QueryContext, model: str, product_id: str, k: int, constraints: Constraints | None
) -> RecommendationList[Recommendation]:
    """See `Bundle.complements_by`."""
    if not bundle.online:
        raise ConfigError(
            "a single model is scored online, and models are not loaded here; set serve.live = true"
        )
    names = bundle.scorer.specs
    if model not in names:
        raise ConfigError(f"this bundle has no model {model[:60]!r}; it has {', '.join(names)}")
    source = bundle.source_row(product_id)
    resolved = ResolvedConstraints.from_constraints(bundle, constraints, [source])
    allowed = resolved.allowed.copy()
    allowed[bundle.substitutes(source)] = False
    ranked_list = bundle.scorer.top_k(source, allowed, bundle.k, only=names.index(model))
    slate = make_slate(bundle, fuse([ranked_list], probability_mask(bundle)), resolved, allowed, k)

    def evidence(best: int, targets: Rows, model_index: Rows) -> list[Evidence]:
        return bundle.pair_evidence(source, targets, model_index)

    recommendations = make_recommendations(
        bundle,
        slate,
        evidence,
        [bundle.products.display_name(source)],
        [product_id],
        rows=[source],
    )
    # a single model has no fallbacks
    return slate.as_list([replace(answer, fallback=False) for answer in recommendations], resolved)
