"""The words of a search index, in sorted order, and those near a word."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from goeswith.store.string_array import StringArray

if TYPE_CHECKING:
    from goeswith.core.mapped_arrays import MappedArrays

_MAX_FUZZY_WORDS: Final = 20_000
"""Words compared for one half of a word, letter by letter."""
_MAX_FUZZY_MATCHES: Final = 50


class Vocabulary:
    """Words by position, forwards and backwards."""

    def __init__(self, arrays: MappedArrays) -> None:
        self._forwards = _SortedWords(StringArray.from_arrays(arrays, "word"))
        self._backwards = _SortedWords(StringArray.from_arrays(arrays, "backwards"))
        self._backwards_word = arrays["backwards.word"]
        self.prefix_range, self.position = self._forwards.prefix_range, self._forwards.position

    def __getitem__(self, place: int) -> str:
        word: str = self._forwards[place]
        return word

    def near(self, word: str) -> list[tuple[int, int]]:
        """Words of the vocabulary within a letter or two, with how many differ, nearest last.

        An edit leaves the first or the last half of a word as it was: only words that share either
        are compared. Two letters may differ in words of seven and more, one in those of four.
        """
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        edits = max_edits(word)
        if not edits:
            return []
        limits: dict[str, Any] = {
            "scorer": OSA.distance,
            "score_cutoff": edits,
            "limit": _MAX_FUZZY_MATCHES,
        }
        first, last = self._forwards.half_prefix_range(word)
        start, stop = self._backwards.half_prefix_range(word[::-1])
        matches = [
            (int(distance), at, first + at)
            for _, distance, at in process.extract(
                word, self._forwards.between(first, last), **limits
            )
        ]
        # as far apart backwards as forwards
        matches += [
            (int(distance), last - first + at, int(self._backwards_word[start + at]))
            for _, distance, at in process.extract(
                word[::-1], self._backwards.between(start, stop), **limits
            )
        ]
        nearest = sorted(matches)[:_MAX_FUZZY_MATCHES]
        near = {place: distance for distance, _, place in nearest if distance}
        return sorted(near.items(), key=lambda item: -item[1])


def max_edits(word: str) -> int:
    """Letters of a word that may differ."""
    return 0 if len(word) < 4 else 1 if len(word) < 7 else 2


class _SortedWords(Sequence[str]):
    """Words in sorted order, read by bisection."""

    def __init__(self, words: StringArray) -> None:
        self._strings = words

    def __len__(self) -> int:
        return len(self._strings)

    def __getitem__(self, place: Any) -> Any:
        return self._strings[place]

    def between(self, first: int, last: int) -> list[str]:
        """The words from `first` to before `last`."""
        return self._strings.between(first, last)

    def prefix_range(self, prefix: str) -> tuple[int, int]:
        """From and to where words begin with `prefix`."""
        first = bisect_left(self, prefix)
        return first, bisect_right(self, prefix, lo=first, key=lambda word: word[: len(prefix)])

    def position(self, word: str) -> int | None:
        """Position of a word; None if it is not in the vocabulary."""
        place = bisect_left(self, word)
        return place if place < len(self) and self[place] == word else None

    def half_prefix_range(self, word: str) -> tuple[int, int]:
        """From and to where words share the first half of `word`, or more where that is many."""
        for length in range((len(word) - 1) // 2, len(word) + 1):
            first, last = self.prefix_range(word[:length])
            if last - first <= _MAX_FUZZY_WORDS:
                return first, last
        return first, first + _MAX_FUZZY_WORDS
