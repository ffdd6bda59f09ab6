"""Supported explanations: a model's sentence is checked, generated again, or replaced."""

from __future__ import annotations

from collections.abc import Sequence

from goeswith.text.claims import Claim, tidy, unsupported_claims, weaken
from goeswith.text.explanation import TEMPLATE, Explainer, Explanation, ProductPair
from goeswith.text.product_words import ProductWords
from goeswith.text.templates import evidence_counts, template_sentence


def explain_pairs(
    pairs: Sequence[ProductPair],
    explainer: Explainer | None = None,
    brands: frozenset[str] = frozenset(),
) -> list[Explanation]:
    """One sentence for each pair, of which the data hold everything.

    Args:
        pairs: which.
        explainer: used up to `max_tries` times for each pair; None for templates alone.
        brands: of the catalogue, in lower case.
    """
    explanations: list[Explanation | None] = [None] * len(pairs)
    refused: list[list[Claim]] = [[] for _ in pairs]
    remaining = list(range(len(pairs))) if explainer is not None else []
    sides = {i: (ProductWords(pairs[i].source), ProductWords(pairs[i].target)) for i in remaining}
    tries = 0
    while explainer is not None and remaining and tries < explainer.max_tries:
        written = explainer.write([pairs[i] for i in remaining], tries)
        tries += 1
        for i, text in zip(remaining, map(tidy, written), strict=True):
            sentence = weaken(text, *sides[i])
            evidence = pairs[i].evidence
            claims = unsupported_claims(
                sentence,
                *sides[i],
                evidence_counts(evidence),
                brands,
                count_unit=evidence.unit if evidence else None,
            )
            refused[i] += claims
            if not claims:
                explanations[i] = Explanation(sentence, explainer.name, tries, tuple(refused[i]))
        remaining = [i for i in remaining if explanations[i] is None]
    return [
        explanation or Explanation(template_sentence(pair), TEMPLATE, tries, tuple(claims))
        for explanation, pair, claims in zip(explanations, pairs, refused, strict=True)
    ]
