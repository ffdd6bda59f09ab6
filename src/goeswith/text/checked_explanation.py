"""Explanations that hold: what a model writes is checked, asked for again, or a template's."""

from __future__ import annotations

from collections.abc import Sequence

from goeswith.text.claims import Claim, tidy, unsupported, weakened
from goeswith.text.explanation import TEMPLATE, Explainer, Explanation, Pair
from goeswith.text.product_words import ProductWords
from goeswith.text.templates import numbers_of, template


def explain(
    pairs: Sequence[Pair],
    explainer: Explainer | None = None,
    brands: frozenset[str] = frozenset(),
) -> list[Explanation]:
    """One sentence for each pair, of which the data hold everything.

    Args:
        pairs: which.
        explainer: asked up to `most_tries` times for each; None for templates alone.
        brands: of the catalogue, in lower case.
    """
    found: list[Explanation | None] = [None] * len(pairs)
    refused: list[list[Claim]] = [[] for _ in pairs]
    left = list(range(len(pairs))) if explainer is not None else []
    sides = {i: (ProductWords(pairs[i].source), ProductWords(pairs[i].target)) for i in left}
    tries = 0
    while explainer is not None and left and tries < explainer.most_tries:
        written = explainer.write([pairs[i] for i in left], tries)
        tries += 1
        for i, text in zip(left, map(tidy, written), strict=True):
            said = weakened(text, *sides[i])
            claims = unsupported(said, *sides[i], numbers_of(pairs[i].evidence), brands)
            refused[i] += claims
            if not claims:
                found[i] = Explanation(said, explainer.name, tries, tuple(refused[i]))
        left = [i for i in left if found[i] is None]
    return [
        done or Explanation(template(pair), TEMPLATE, tries, tuple(claims))
        for done, pair, claims in zip(found, pairs, refused, strict=True)
    ]
