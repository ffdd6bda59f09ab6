"""What a product goes with: the products that have it among their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from goeswith.core.errors import BundleError
from goeswith.query.answer import Answer
from goeswith.text.evidence_text import why_reverse

if TYPE_CHECKING:
    import numpy.typing as npt

    from goeswith.pipeline.precompute import Answers
    from goeswith.query.bundle import Bundle


def reverse_arrays(answers: Answers) -> dict[str, npt.NDArray[Any]]:
    """Answers turned round: for every product, the products that it is an answer to.

    Answers of the first model stand before those of fallbacks; of one model they stand by score,
    then by the place that the product has in their lists. At most as many are kept of each product
    as it has answers itself: what everybody buys goes with everything.

    Returns:
        indptr (n + 1,) int64 and indices int32, rows of the sources.
    """
    n, k = answers.products.shape
    source, place = np.nonzero(answers.products >= 0)
    target = answers.products[source, place]
    origin, score = answers.origin[source, place], answers.scores[source, place]
    order = np.lexsort((source, place, -score, origin, target))
    counts = np.bincount(target, minlength=n)
    starts = np.concatenate([[0], np.cumsum(counts)])
    kept = np.arange(len(order)) - np.repeat(starts[:-1], counts) < k
    sizes = np.minimum(counts, k)
    return {
        "indptr": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        "indices": source[order][kept].astype(np.int32),
    }


def reverse(bundle: Bundle, product_id: str, k: int) -> list[Answer]:
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
