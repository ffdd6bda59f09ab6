"""Product types for titles of which the table of kinds holds none: one type for each head noun."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from goeswith.data.variant_words import is_variant_word
from goeswith.kinds.title_parts import end_of_head, main_part, title_segments

_MIN_PRODUCTS: Final = 3
"""A noun of fewer products is no type."""
_MIN_LENGTH: Final = 3
_PLACEHOLDERS: Final = frozenset({"nan", "none", "null", "unknown", "test", "untitled", "product"})


def title_clusters(titles: Sequence[str | None]) -> list[str | None]:
    """The head noun of each title, where at least three titles have it; None elsewhere.

    A title has the same noun whatever else is in the catalogue, so that types are stable. They are
    seen as the type of a product. To change one, give the product a `type` or a `kind`.

    >>> title_clusters(["Rose canvas screen", "Bird Screen, white", "Screen 3", "Doggy rubber"])
    ['screen', 'screen', 'screen', None]
    """
    heads = [head_noun(title) for title in titles]
    counts = Counter(heads)
    return [head if counts[head] >= _MIN_PRODUCTS else None for head in heads]


def head_noun(title: str | None) -> str | None:
    """The noun that says what a product is: the last word of the main part of its title.

    A colour or size behind it is left out: a bag in `noir` and a belt in `noir` are no type.
    """
    for segment in title_segments(title or ""):
        start, end = main_part(segment)
        end = end_of_head(segment, start, end)
        while end > start + 1 and is_variant_word(segment[end - 1]):
            end -= 1
        word = segment[end - 1] if end > start else ""
        if word.isalpha() and len(word) >= _MIN_LENGTH and word not in _PLACEHOLDERS:
            if is_variant_word(word):
                continue
            return word
    return None
