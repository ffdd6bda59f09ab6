"""Two products side by side: what one is to the other, in either direction, and what says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from goeswith.store.evidence import Evidence
from goeswith.text.evidence_text import why, why_compared

if TYPE_CHECKING:
    from goeswith.query.context import QueryContext

Compared: TypeAlias = Literal["complement", "reverse", "mutual", "substitute", "none"]
"""What a target is to a source: it goes with it; only the source goes with the target; either goes
with the other; one stands for the other; or nothing is known."""


@dataclass(frozen=True)
class Side:
    """One direction.

    Attributes:
        rank: place of the second product among the answers kept for the first, from 1; None where
            it is not among them.
        score: of `model`; None where no model that was asked says anything.
        model: that gave the score: one of the kept answers, or the first one asked now.
        fallback: whether it filled a place that the first one left empty.
        probability: that the second goes with the first, where the model's scores are such.
        evidence: what the data say.
        why: one sentence from the evidence.
    """

    rank: int | None
    score: float | None
    model: str | None
    fallback: bool
    probability: float | None
    evidence: Evidence
    why: str


@dataclass(frozen=True)
class Comparison:
    """Two products.

    Attributes:
        relation: see `Compared`.
        forward: of the target as an answer to the source.
        backward: of the source as an answer to the target.
        substitutes: whether they stand for one another: viewed as alternatives, or variants.
        why: one sentence that says the relation.
    """

    relation: Compared
    forward: Side
    backward: Side
    substitutes: bool
    why: str


def compare(bundle: QueryContext, source_id: str, target_id: str) -> Comparison:
    """See `Bundle.compare`."""
    source, target = bundle.products.row(source_id), bundle.products.row(target_id)
    codes = bundle.products.variant_codes
    variants = bool(codes[source] == codes[target] >= 0) and source != target
    substitutes = variants or bool(np.isin(target, bundle.evidence.substitutes(source)))
    forward, backward = _side(bundle, source, target), _side(bundle, target, source)
    ahead = _goes_with(bundle, forward, source, target)
    back = _goes_with(bundle, backward, target, source)
    relation: Compared = "none"
    if substitutes:
        relation = "substitute"
    elif ahead:
        relation = "mutual" if back else "complement"
    elif back:
        relation = "reverse"
    name, other = bundle.products.name(source), bundle.products.name(target)
    text = why_compared(relation, (name, other), forward.evidence, variants=variants)
    return Comparison(relation, forward, backward, substitutes, text)


def _goes_with(bundle: QueryContext, side: Side, source: int, target: int) -> bool:
    """Whether the data show the pair as complements, or the first model answers with it."""
    shown = bundle.evidence.complement(source, np.array([target], dtype=np.int32), either=False)
    return bool(shown[0]) or (side.rank is not None and not side.fallback)


def _side(bundle: QueryContext, source: int, target: int) -> Side:
    place, score, origin = bundle.ranked.place(source, target)
    rank = None if place is None else place + 1
    given: float | None = score if rank is not None else None
    if rank is None and source != target and bundle.online:
        given = bundle.scorer.score_of(source, target)
        origin = -1 if given is None else 0
    model = bundle.models[origin] if origin >= 0 else None
    probable = model in bundle.manifest.get("probabilities", [])
    evidence = bundle.evidence_of(source, np.array([target], dtype=np.int32), np.array([origin]))[0]
    name = bundle.products.name(source)
    # nobody proposed it: the sentence for an answer of a model would say so
    unknown = model is None and evidence.basis == "model"
    text = f"Nothing links it to {name}." if unknown else why(name, evidence)
    return Side(
        rank=rank,
        score=given,
        model=model,
        fallback=origin > 0,
        probability=given if probable else None,
        evidence=evidence,
        why=text,
    )
