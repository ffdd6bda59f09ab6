"""A recommendation with its evidence and a sentence that explains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from goeswith.core.frozen_fields import from_fields
from goeswith.store.evidence import Evidence
from goeswith.store.kind_relations import Knowledge
from goeswith.text.evidence_text import complement_text
from goeswith.text.knowledge_text import knowledge_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy.typing as npt

    from goeswith.core.arrays import Rows
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


class QueriedProduct(NamedTuple):
    """What recommendations name of the product that they are for.

    Attributes:
        row: -1 for one outside the bundle.
        name: its display name.
        product_id: its id.
    """

    row: int
    name: str
    product_id: str


def make_for_product(
    bundle: QueryContext,
    query: QueriedProduct,
    ranked_list: tuple[Rows, npt.NDArray[Any], npt.NDArray[Any]],
    evidence: Sequence[Evidence],
    goes_with: Sequence[tuple[str, ...]],
    *,
    pinned: Collection[int] = (),
    rules: Mapping[int, Sequence[str]] | None = None,
) -> list[Recommendation]:
    """The recommendations for one product.

    Args:
        bundle: whose products.
        query: the product that they go with best, of which evidence is.
        ranked_list: rows, scores, and places in the bundle's models; -1 for none.
        evidence: of each pair.
        goes_with: of each, ids of the queried products that it is recommended for.
        pinned: rows that the request or a rule put there.
        rules: row -> ids of the rules that put it at its rank.
    """
    products, models = bundle.products, bundle.models
    label, variants = products.id_title_type, products.variant_count
    source, name, _ = query
    sentence = bundle.explanations.for_pair if bundle.explanations.is_shown else None
    known = bundle.kinds.knowledge if bundle.kinds.has_kinds else None
    made = []
    for target, score, model_index, pair, ids in zip(
        *(column.tolist() for column in ranked_list), evidence, goes_with, strict=True
    ):
        product_id, title, kind = label(target)
        model = models[model_index] if model_index >= 0 else "pinned"
        knowledge = known(source, target) if known else None
        why = complement_text(name, pair, model, has_knowledge=knowledge is not None)
        fields = {
            "product_id": product_id,
            "title": title,
            "type": kind,
            "relation": "complement",
            "score": score,
            "model": model,
            "fallback": model_index > 0,
            "evidence": pair,
            "why": f"{why} {knowledge_text(knowledge)}" if knowledge else why,
            "goes_with": ids,
            "pinned": target in pinned,
            "explanation": sentence(source, target, pair) if sentence else None,
            "knowledge": knowledge,
            "more_variants": variants(target) - 1,
            "rules": tuple(rules.get(target, ())) if rules else (),
        }
        made.append(from_fields(Recommendation, fields))
    return made
