"""The language of a shop's titles, by the names of kinds in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from goeswith.kinds.tagger import Tagger

_MIN_TITLES: Final = 5
"""Titles with a name of a language, below which it is not the language of the shop."""
_MIN_SHARE: Final = 0.1
"""Likewise, of the distinct titles. In English catalogues a hundredth has a foreign name."""
_MOST_TITLES: Final = 2000
"""Titles that are read, in equal steps."""


def shop_language(titles: Sequence[str | None], tagger: Tagger) -> str | None:
    """The language in which most titles of a shop are, if it is not English.

    A title is of a language if it holds a name of that language that is no English phrase, and is
    English if it holds an English phrase and no such name. A shop in two languages is English if
    that is the more frequent one.

    Args:
        titles: of the products.
        tagger: that finds the names.

    Returns:
        A language of the table, or None for English or where the titles do not show it.
    """
    return _language(tuple(titles), tagger)


@lru_cache(maxsize=1)  # a fit reads the same titles several times
def _language(titles: tuple[str | None, ...], tagger: Tagger) -> str | None:
    distinct = list(dict.fromkeys(title for title in titles if title))
    read = distinct[:: max(1, len(distinct) // _MOST_TITLES)]
    named: Counter[str] = Counter()
    english = 0
    for title in read:
        matches = tagger.foreign_matches(title)
        languages = {match.language for match in matches if match.position != "modifier"}
        named.update(languages)
        if not languages:
            english += any(match.position in ("head", "main") for match in tagger.matches(title))
    if not named:
        return None
    language, count = named.most_common(1)[0]
    enough = count >= max(_MIN_TITLES, _MIN_SHARE * len(read))
    return language if enough and count >= english else None
