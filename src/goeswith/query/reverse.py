"""What a product goes with: the products that have it among their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from goeswith.core.errors import BundleError
from goeswith.query.answer import Answer
from goeswith.text.evidence_text import why_reverse

if TYPE_CHECKING:
    from goeswith.query.context import QueryContext


def reverse(bundle: QueryContext, product_id: str, k: int) -> list[Answer]:
    """See `Bundle.reverse`.

    Raises:
        BundleError: the bundle was fitted before this was kept.
    """
    target = bundle.products.row(product_id)
    arrays = bundle.reverse_arrays
    if not len(arrays):
        raise BundleError(
            f"{bundle.path} was fitted by goeswith {bundle.manifest['goeswith']}, which kept no "
            "answers turned round; fit it again, or update it"
        )
    start, stop = arrays["indptr"][target : target + 2].tolist()
    products, name = bundle.products, bundle.products.name(target)
    found = []
    for source in arrays["indices"][start : min(stop, start + k)].tolist():
        _, score, origin = bundle.ranked.place(source, target)
        evidence = bundle.evidence_of(source, np.array([target]), np.array([origin]))[0]
        found.append(
            Answer(
                product_id=products.ids[source],
                title=products.title(source),
                type=products.type(source),
                relation="goes_with",
                score=score,
                model=bundle.models[origin],
                fallback=origin > 0,
                evidence=evidence,
                why=why_reverse(name, evidence),
                goes_with=(product_id,),
            )
        )
    return found
