"""One answer, with its evidence and the sentence that says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from goeswith.store.evidence import Evidence
from goeswith.text.evidence_text import why

if TYPE_CHECKING:
    from goeswith.query.context import QueryContext


@dataclass(frozen=True)
class Answer:
    """One complement of a product.

    Attributes:
        product_id: the complement.
        title: None where it has none.
        type: None where it has none.
        relation: what it is to the product asked about.
        score: of the model that produced it; comparable among answers of that model only.
        model: as it stands in the settings, for example `cocitation`.
        fallback: whether that model filled a place that the first one left empty.
        evidence: what the data say of the pair.
        why: one sentence, from the evidence alone.
        goes_with: ids of the products asked about that it goes with: of a basket those that have
            it among their answers. `evidence` and `why` are of the one it goes with best.
        pinned: whether the request put it there; `model` is then `pinned` where no model did too.
        explanation: one sentence for a shopper, where `goeswith explain` kept one; see
            docs/how-to/explanations.md.
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


class Hit(NamedTuple):
    """A complement without its evidence."""

    product_id: str
    score: float
    model: str


def answer(  # noqa: PLR0917
    bundle: QueryContext,
    target: int,
    scored: tuple[float, int],
    evidence: Evidence,
    name: str,
    goes_with: tuple[str, ...],
    best: str,
    *,
    pinned: bool = False,
) -> Answer:
    """One answer of a bundle.

    Args:
        bundle: whose product.
        target: its row.
        scored: score and place in the bundle's models of the one that gave it; -1 for none.
        evidence: of the pair.
        name: what a sentence calls the product asked about.
        goes_with: ids of the products asked about that it goes with.
        best: id of the one that it goes with best, of which evidence and name are.
        pinned: whether the request put it there.
    """
    score, origin = scored
    products = bundle.products
    return Answer(
        product_id=products.ids[target],
        title=products.title(target),
        type=products.type(target),
        relation="complement",
        score=score,
        model=bundle.models[origin] if origin >= 0 else "pinned",
        fallback=origin > 0,
        evidence=evidence,
        why=why(name, evidence),
        goes_with=goes_with,
        pinned=pinned,
        explanation=bundle.explanations.of(best, target, evidence),
    )
