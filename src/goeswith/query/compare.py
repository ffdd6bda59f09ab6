"""Comparison of two products: the relation in both directions, with evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from goeswith.store.evidence import Evidence
from goeswith.text.evidence_text import comparison_text, complement_text

if TYPE_CHECKING:
    from goeswith.query.context import QueryContext

ComparisonRelation: TypeAlias = Literal["complement", "reverse", "mutual", "substitute", "none"]
"""Relation of a target to a source: complement; complement in the reverse direction only;
complement in both directions; substitute; or none."""


@dataclass(frozen=True)
class DirectedComparison:
    """One direction.

    Attributes:
        rank: rank of the second product among the stored recommendations for the first, from 1;
            None if it is not among them.
        score: of `model`; None if no model scores the pair.
        model: the model with the score: that of the stored recommendation, or the first model,
            online.
        fallback: whether it filled a place that the first one left empty.
        probability: that the second goes with the first, where the model's scores are such.
        evidence: of the pair.
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
class ProductComparison:
    """Two products.

    Attributes:
        relation: see `ComparisonRelation`.
        forward: of the target as an answer to the source.
        backward: of the source as an answer to the target.
        substitutes: whether they are substitutes: viewed as alternatives, or variants.
        why: one sentence that describes the relation.
    """

    relation: ComparisonRelation
    forward: DirectedComparison
    backward: DirectedComparison
    substitutes: bool
    why: str


def compare(bundle: QueryContext, source_id: str, target_id: str) -> ProductComparison:
    """See `Bundle.compare`."""
    source, target = bundle.products.row(source_id), bundle.products.row(target_id)
    codes = bundle.products.variant_codes
    variants = bool(codes[source] == codes[target] >= 0) and source != target
    substitutes = variants or bool(np.isin(target, bundle.substitutes(source)))
    forward, backward = (
        _compare_direction(bundle, source, target),
        _compare_direction(bundle, target, source),
    )
    goes_forward = _goes_with(bundle, forward, source, target)
    goes_back = _goes_with(bundle, backward, target, source)
    relation: ComparisonRelation = "none"
    if substitutes:
        relation = "substitute"
    elif goes_forward:
        relation = "mutual" if goes_back else "complement"
    elif goes_back:
        relation = "reverse"
    name, other = bundle.products.display_name(source), bundle.products.display_name(target)
    text = comparison_text(relation, (name, other), forward.evidence, variants=variants)
    return ProductComparison(relation, forward, backward, substitutes, text)


def _goes_with(bundle: QueryContext, side: DirectedComparison, source: int, target: int) -> bool:
    """Whether the data show the pair as complements, or the first model answers with it."""
    shown = bundle.evidence.complement(source, np.array([target], dtype=np.int32), either=False)
    return bool(shown[0]) or (side.rank is not None and not side.fallback)


def _compare_direction(bundle: QueryContext, source: int, target: int) -> DirectedComparison:
    place, score, model_index = bundle.top_k_lists.find(source, target)
    rank = None if place is None else place + 1
    shown_score: float | None = score if rank is not None else None
    if rank is None and source != target and bundle.online:
        shown_score = bundle.scorer.score_pair(source, target)
        model_index = -1 if shown_score is None else 0
    model = bundle.models[model_index] if model_index >= 0 else None
    is_probability = model in bundle.manifest.get("probabilities", [])
    evidence = bundle.pair_evidence(
        source, np.array([target], dtype=np.int32), np.array([model_index])
    )[0]
    name = bundle.products.display_name(source)
    text = complement_text(name, evidence, model)
    if rank is None and evidence.basis in {"popular", "model"}:  # nothing recommends it
        text = f"No direct evidence for {name}."
    return DirectedComparison(
        rank=rank,
        score=shown_score,
        model=model,
        fallback=model_index > 0,
        probability=shown_score if is_probability else None,
        evidence=evidence,
        why=text,
    )
