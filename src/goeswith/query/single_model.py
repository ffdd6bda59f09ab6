"""One model of a bundle asked alone, to see it beside another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from goeswith.core.errors import ConfigError
from goeswith.query.select import Wanted, answers, fuse, probable_models, slate

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows
    from goeswith.query.answer import Answer
    from goeswith.query.constraints import Constraints
    from goeswith.query.context import QueryContext
    from goeswith.store.evidence import Evidence


def complements_by(
    bundle: QueryContext, model: str, product_id: str, k: int, constraints: Constraints | None
) -> list[Answer]:
    """See `Bundle.complements_by`."""
    if not bundle.online:
        raise ConfigError(
            "one model alone is asked live, and models are not kept in memory here; set "
            "serve.live = true"
        )
    names = bundle.scorer.specs
    if model not in names:
        raise ConfigError(f"this bundle has no model {model[:60]!r}; it has {', '.join(names)}")
    source = bundle.products.row(product_id)
    wanted = Wanted.of(bundle, constraints, [source])
    allowed = wanted.allowed.copy()
    allowed[bundle.evidence.substitutes(source)] = False
    found = bundle.scorer.top_k(source, allowed, bundle.k, only=names.index(model))
    chosen = slate(bundle, fuse([found], probable_models(bundle)), wanted, allowed, k)

    def evidence(best: int, targets: Rows, origin: Rows) -> list[Evidence]:
        return bundle.evidence_of(source, targets, origin)

    told = answers(bundle, chosen, evidence, [bundle.products.name(source)], [product_id])
    # asked alone, it fills nobody's place
    return [replace(answer, fallback=False) for answer in told]
