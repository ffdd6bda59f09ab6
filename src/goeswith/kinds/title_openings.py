"""Kinds of titles that open like those of one kind: DOORMAT FAIRY CAKE in a shop of doormats."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from goeswith.kinds.phrases import words
from goeswith.kinds.tagger import SHOP, Tag, Tagger, category_first
from goeswith.kinds.text_classifier import CONFIDENT

_MIN_TITLES: Final = 5
"""Confident titles that an opening needs."""
_MIN_SHARE: Final = 0.9
"""Share of the confident titles with an opening that are of its kind."""
_LONGEST: Final = 3
"""Words of an opening."""

_Opening = tuple[str, ...]


def tag_by_opening(titles: Sequence[str | None], tags: Sequence[Tag], tagger: Tagger) -> list[Tag]:
    """The tags; uncertain titles get the kind that their first words name in the shop's others.

    A shop that puts the design behind the noun (DOORMAT UNION FLAG, WRAP ALPHABET POSTER) does so
    in most titles of the kind. An opening is a phrase of a kind that nearly all confident titles
    with it have, five or more, by phrases at their beginning. Titles with a confident tag keep it,
    and so do those of a shop whose titles begin with a category.

    Args:
        titles: n.
        tags: of the same.
        tagger: that they are from.
    """
    if category_first(titles):
        return list(tags)
    tokens = [tuple(words(title or "")) for title in titles]
    kinds: dict[_Opening, Counter[str]] = defaultdict(Counter)
    naming: Counter[tuple[_Opening, str]] = Counter()
    for title, tag in set(zip(tokens, tags, strict=True)):
        if tag.kind and tag.confidence >= CONFIDENT and tag.source == "title":
            phrase = tuple(words(tag.phrase))
            for opening in _openings(title):
                kinds[opening][tag.kind] += 1
                naming[opening, tag.kind] += opening == phrase[: len(opening)]
    named = {
        opening: kind
        for (opening, kind), count in naming.items()
        if count >= _MIN_TITLES
        and kinds[opening][kind] >= _MIN_SHARE * kinds[opening].total()
        and any(
            match.kind == kind and tuple(match.text.split()) == opening
            for match in tagger.matches(" ".join(opening))
        )
    }
    found = list(tags)
    for i, (title, tag) in enumerate(zip(tokens, tags, strict=True)):
        if tag.source == SHOP or tag.confidence >= CONFIDENT:
            continue
        openings = [one for one in _openings(title) if one in named]
        if openings and named[openings[-1]] != tag.kind:
            first_words = " ".join(openings[-1])
            found[i] = Tag(named[openings[-1]], CONFIDENT, first_words, tag.kind, "text")
    return found


def _openings(title: _Opening) -> list[_Opening]:
    """The first words of a title, up to three, fewest first."""
    return [title[:count] for count in range(1, min(len(title), _LONGEST) + 1)]
