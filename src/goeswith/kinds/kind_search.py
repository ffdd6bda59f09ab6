"""Kinds by words of their names, in every language of the table."""

from __future__ import annotations

from bisect import bisect_left
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from goeswith.core.errors import ConfigError
from goeswith.kinds.phrases import words
from goeswith.kinds.table import Kind, KindTable
from goeswith.kinds.table_reader import load_table

_PREFIX: Final = 0.8
"""What the beginning of a word counts, against the word."""
_TYPING_ERROR: Final = 0.5
_SIMILAR: Final = 0.75
"""How alike a word has to be to be meant."""
_OTHER_NAME: Final = 0.9
"""What a synonym, or a name in another language, counts against the name."""
_INSIDE: Final = 0.3
"""What a text inside a name counts, where the language has no spaces."""


class KindSearch:
    """An index of the names of kinds."""

    def __init__(self, table: KindTable | None = None) -> None:
        """Args: table: of kinds; None for that of this package."""
        self.table = table or load_table()
        self._names: list[tuple[str, str, tuple[str, ...], float]] = []
        for kind in self.table.kinds.values():
            others = [kind.id.replace("_", " "), *kind.synonyms]
            for names in self.table.names.values():
                others += names.get(kind.id, ())
            texts = {kind.name: 1.0} | {name: _OTHER_NAME for name in others if name != kind.name}
            self._names += [
                (kind.id, name, tuple(words(name)), weight) for name, weight in texts.items()
            ]
        self._by_word: dict[str, set[int]] = {}
        for row, (_, _, parts, _) in enumerate(self._names):
            for word in parts:
                self._by_word.setdefault(word, set()).add(row)
        self._vocabulary = sorted(self._by_word)

    def search(self, text: str, k: int = 20) -> list[Kind]:
        """Kinds of which a name holds every word of a text, best first; groups too.

        A word may be the beginning of one of the name; where there is none, it may have a typing
        error.

        Args:
            text: words in any language of the table.
            k: at most so many.
        """
        parts = words(text)
        rows: dict[int, float] = {}
        for i, part in enumerate(parts):
            found = self._rows_of(part)
            if i:
                found = {row: rows[row] + found[row] for row in rows.keys() & found.keys()}
            rows = found
        best: dict[str, float] = {}
        for row, total in rows.items():
            kind, _, name, weight = self._names[row]
            exact = 1.0 if list(name) == parts else 0.5 * min(len(parts) / len(name), 1.0)
            best[kind] = max(best.get(kind, 0.0), weight * (total / len(parts) + exact))
        text = text.strip()
        if text and not text.isascii():
            for kind, full_name, _, _ in self._names:
                if text in full_name:
                    score = _INSIDE + len(text) / len(full_name)
                    best[kind] = max(best.get(kind, 0.0), score)
        order = sorted(best, key=lambda kind: (-best[kind], len(self.table.kinds[kind].name)))
        return [self.table.kinds[kind] for kind in order[:k]]

    def get(self, id_or_name: str) -> Kind:
        """A kind by id, or by a name of it.

        Raises:
            ConfigError: there is none; says those that are most like it.
        """
        kinds = self.table.kinds
        if id_or_name in kinds:
            return kinds[id_or_name]
        parts = tuple(words(id_or_name.replace("_", " ")))
        for kind, _, name, _ in self._names:
            if parts and name == parts:
                return kinds[kind]
        near = [kind.id for kind in self.search(id_or_name.replace("_", " "), 3)]
        near = near or get_close_matches(id_or_name, kinds, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else "`goeswith kinds list` shows all"
        raise ConfigError(f"there is no kind {id_or_name!r}; {hint}")

    def _rows_of(self, part: str) -> dict[int, float]:
        """Row of a name -> what a word of it counts for a word of the query."""
        found: dict[int, float] = {}
        if len(part) > 1:
            at = bisect_left(self._vocabulary, part)
            while at < len(self._vocabulary) and self._vocabulary[at].startswith(part):
                found |= dict.fromkeys(self._by_word[self._vocabulary[at]], _PREFIX)
                at += 1
        found |= dict.fromkeys(self._by_word.get(part, ()), 1.0)
        if not found and len(part) > 3:
            alike = get_close_matches(part, self._vocabulary, n=3, cutoff=_SIMILAR)
            for word in alike:
                found |= dict.fromkeys(self._by_word[word], _TYPING_ERROR)
        return found


@lru_cache(maxsize=1)
def kind_search() -> KindSearch:
    """The index of the table of this package."""
    return KindSearch()
