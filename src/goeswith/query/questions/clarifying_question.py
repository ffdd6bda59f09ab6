"""The question that divides recommendations best, with answers that are filters.

In the manner of conversational path reasoning (SCPR; Lei et al., KDD 2020): of all attributes, the
one whose answer reduces the entropy of which candidate is wanted most, candidates weighed by their
scores. There is no policy that is learned; the caller decides whether to put the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from goeswith.kinds.fit_check import device_phrases
from goeswith.query.questions.attribute_splits import DEVICE, attribute_splits
from goeswith.query.questions.split import Choice
from goeswith.query.recommendation_list import RecommendationList, Skipped
from goeswith.query.resolved_constraints import ResolvedConstraints

if TYPE_CHECKING:
    from goeswith.query.constraints import Constraints
    from goeswith.query.context import QueryContext
    from goeswith.query.recommendation import Recommendation

MIN_BITS: Final = 0.5
"""A question that is worth less is not put."""
_KINDS: Final = ("kind", "type")
_OF_ALL_KINDS: Final = frozenset({*_KINDS, DEVICE, "brand", "categories", "price"})
"""Attributes that mean the same for products of different kinds, unlike a size or a colour."""
_TEXTS: Final = {
    "categories": "Which category?",
    "device": "For which device?",
    "kind": "Which kind of product?",
    "price": "At what price?",
    "type": "Which type of product?",
}


@dataclass(frozen=True)
class Question:
    """A question about the recommendations of a product.

    Attributes:
        attribute: a column of the catalogue, or `device`, which titles have.
        text: in English.
        choices: the answers, likeliest first; prices ascend.
        bits: by which the answer reduces the entropy of which candidate is wanted, on average.
        candidates: how many recommendations it divides.
    """

    attribute: str
    text: str
    choices: list[Choice]
    bits: float
    candidates: int


@dataclass(frozen=True)
class Clarification:
    """What to put to a shopper.

    Attributes:
        question: None where no attribute divides the recommendations by `MIN_BITS` or more.
        skipped: filters and bans that were not applied.
    """

    question: Question | None
    skipped: list[Skipped]


def clarify(
    bundle: QueryContext,
    product_id: str,
    answers: RecommendationList[Recommendation],
    constraints: Constraints | None,
) -> Clarification:
    """The question that divides those of the recommendations that meet constraints.

    Args:
        bundle: whose products.
        product_id: what the recommendations are for.
        answers: best first, as a shopper saw them: a request with filters scores more of them.
        constraints: of which the filters and bans are applied.
    """
    skipped, row = list(answers.skipped), bundle.products.row
    if constraints is not None:
        resolved = ResolvedConstraints.from_constraints(bundle, constraints, [row(product_id)])
        skipped = [*dict.fromkeys([*skipped, *resolved.skipped])]
        answers = RecommendationList(a for a in answers if resolved.allowed[row(a.product_id)])
    title = bundle.live.attributes(row(product_id)).get("title") or ""
    question = _best_question(bundle, answers, names_device=bool(device_phrases(title)))
    return Clarification(question, skipped)


def without_filters(constraints: Constraints | None) -> Constraints | None:
    """The rest of constraints; None if there is none."""
    if constraints is None:
        return None
    plain = constraints.model_copy(update={"where": (), "ban": ()})
    return None if plain.is_empty else plain


def _best_question(
    bundle: QueryContext, answers: Sequence[Recommendation], *, names_device: bool
) -> Question | None:
    if len(answers) < 2:
        return None
    rows = np.array([bundle.products.row(one.product_id) for one in answers], dtype=np.int32)
    frame = bundle.live.rows_frame(rows, bundle.live.column_names())
    chances = _chances(answers, bundle)
    gains = [
        (split, split.gain(chances))
        for split in attribute_splits(frame, chances)
        # the title of the queried product answers which device
        if not (split.attribute == DEVICE and names_device)
    ]
    worth = [(split, bits) for split, bits in gains if bits >= MIN_BITS]
    if any(split.attribute in _KINDS for split, _ in worth):
        worth = [one for one in worth if one[0].attribute in _OF_ALL_KINDS]
    if not worth:
        return None
    split, bits = max(worth, key=lambda one: round(one[1], 3))
    text = _TEXTS.get(split.attribute, f"Which {split.attribute.replace('_', ' ')}?")
    return Question(split.attribute, text, split.choices(chances), round(bits, 3), len(answers))


def _chances(answers: Sequence[Recommendation], bundle: QueryContext) -> npt.NDArray[np.float64]:
    """(c,) chance that each is the wanted one: by probability if all have one, else by rank."""
    probabilities = bundle.manifest.get("probabilities", [])
    if all(one.model in probabilities and one.score > 0 for one in answers):
        weights = np.array([one.score for one in answers])
    else:
        weights = 1 / np.arange(1.0, len(answers) + 1)
    chances: npt.NDArray[np.float64] = weights / weights.sum()
    return chances
