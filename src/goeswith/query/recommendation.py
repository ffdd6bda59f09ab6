"""A recommendation with its evidence and a sentence that explains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from goeswith.core.frozen_fields import from_fields
from goeswith.store.evidence import Evidence
from goeswith.store.kind_relations import Knowledge
from goeswith.text.evidence_text import complement_text
from goeswith.text.knowledge_text import knowledge_text

if TYPE_CHECKING:
    from goeswith.query.context import QueryContext


@dataclass(frozen=True)
class Recommendation:
    """One complement of a product.

    Attributes:
        product_id: the complement.
        title: None where it has none.
        type: None where it has none.
        relation: relation to the queried product.
        score: of the model that produced it; comparable among answers of that model only.
        model: as written in the settings, for example `cocitation`.
        fallback: whether that model filled a place that the first one left empty.
        evidence: of the pair.
        why: one sentence, from the evidence alone.
        goes_with: ids of the queried products that it is recommended for; for a basket, those with
            it among their recommendations. `evidence` and `why` are of the best one.
        pinned: whether the request or a rule put it there; `model` is then `pinned` where no model
            did too.
        explanation: one sentence for a shopper from `goeswith explain`, if the bundle has one; see
            docs/how-to/explanations.md.
        knowledge: what is generally known of the kinds of the two products, where something is; it
            is never evidence of what customers did.
        more_variants: how many variants it has besides, in other sizes or colours; a list shows one
            product of each variant group.
        rules: ids of the rules that put it at its rank.
    """

    product_id: str
    title: str | None
    type: str | None
    relation: str
    score: float
    model: str
    fallback: bool
    evidence: Evidence
    why: str
    goes_with: tuple[str, ...] = ()
    pinned: bool = False
    explanation: str | None = None
    knowledge: Knowledge | None = None
    more_variants: int = 0
    rules: tuple[str, ...] = ()


class Hit(NamedTuple):
    """A complement without its evidence."""

    product_id: str
    score: float
    model: str


def make_recommendation(  # noqa: PLR0917
    bundle: QueryContext,
    target: int,
    scored: tuple[float, int],
    evidence: Evidence,
    name: str,
    goes_with: tuple[str, ...],
    best: str,
    *,
    pinned: bool = False,
    rules: tuple[str, ...] = (),
    source: int | None = None,
) -> Recommendation:
    """One answer of a bundle.

    Args:
        bundle: whose product.
        target: its row.
        scored: score and place in the bundle's models of the one that gave it; -1 for none.
        evidence: of the pair.
        name: display name of the queried product.
        goes_with: ids of the queried products that it is recommended for.
        best: id of the one that it goes with best, of which evidence and name are.
        pinned: whether the request or a rule put it there.
        rules: ids of the rules that put it at its rank.
        source: row of `best`, where it is known.
    """
    score, model_index = scored
    products = bundle.products
    model = bundle.models[model_index] if model_index >= 0 else "pinned"
    if source is None:
        found = products.find(best)
        source = -1 if found is None else found
    knowledge = bundle.kinds.knowledge(source, target)
    why = complement_text(name, evidence, model, has_knowledge=knowledge is not None)
    product_id, title, kind = products.id_title_type(target)
    fields = {
        "product_id": product_id,
        "title": title,
        "type": kind,
        "relation": "complement",
        "score": score,
        "model": model,
        "fallback": model_index > 0,
        "evidence": evidence,
        "why": f"{why} {knowledge_text(knowledge)}" if knowledge else why,
        "goes_with": goes_with,
        "pinned": pinned,
        "explanation": bundle.explanations.for_pair(source, target, evidence),
        "knowledge": knowledge,
        "more_variants": products.variant_count(target) - 1,
        "rules": rules,
    }
    return from_fields(Recommendation, fields)
