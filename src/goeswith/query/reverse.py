"""What a product goes with: the products that have it among their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from goeswith.query.recommendation import Recommendation
from goeswith.text.evidence_text import reverse_text

if TYPE_CHECKING:
    from goeswith.query.context import QueryContext


def reverse(bundle: QueryContext, product_id: str, k: int) -> list[Recommendation]:
    """See `Bundle.reverse`.

    Raises:
        BundleError: the bundle was fitted without reverse lists.
    """
    target = bundle.source_row(product_id)
    arrays = bundle.reverse_arrays
    if not len(arrays):
        raise bundle.missing("reverse", "reverse lists")
    start, stop = arrays["indptr"][target : target + 2].tolist()
    products, name = bundle.products, bundle.products.display_name(target)
    recommendations = []
    sources = arrays["indices"][start:stop]
    is_shown = bundle.live.available(sources[: 100 * k])
    shown = sources[:k] if is_shown is None else sources[: 100 * k][is_shown][:k]
    for source in shown.tolist():
        _, score, model_index = bundle.top_k_lists.find(source, target)
        evidence = bundle.pair_evidence(source, np.array([target]), np.array([model_index]))[0]
        recommendations.append(
            Recommendation(
                product_id=products.ids[source],
                title=products.title(source),
                type=products.type(source),
                relation="goes_with",
                score=score,
                model=bundle.models[model_index],
                fallback=model_index > 0,
                evidence=evidence,
                why=reverse_text(name, evidence, bundle.models[model_index]),
                goes_with=(product_id,),
            )
        )
    return recommendations
